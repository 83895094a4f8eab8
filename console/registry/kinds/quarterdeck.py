"""Kinds of our own. Hosts: machines that run an agent, seen by mDNS or added by address; kept in memory, rebuilt from
what is seen. Changes: who wrote what, when and from where; written by the API server alone. Plugins: controllers of
other packages and how they are; kept in memory."""

from __future__ import annotations

from common.api import changes, kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import schema, validation
from console.registry.columns import AGE, NAME, NONE, at, field, listed
from console.registry.row import Column, Context, Row

PHASES = ("Discovered", "Adopting", "Adopted", "Gone", "Foreign")
_HOST = "io.quarterdeck.v1.Host"
_TEXT: Object = {"type": "string"}


def _text(description: str) -> Object:
    return {**_TEXT, "description": description}


schema.define(
    f"{_HOST}Status",
    {
        "type": "object",
        "description": "What is known of a machine.",
        "properties": {
            "addresses": {
                "type": "array",
                "items": _TEXT,
                "description": "Addresses of the machine itself, IPv4 and IPv6.",
                "x-kubernetes-list-type": "atomic",
            },
            "port": {"type": "integer", "format": "int32", "description": "Where the agent listens."},
            "agentVersion": _text("Version of the agent."),
            "engine": _text("Version of the Docker Engine."),
            "arch": _text("Processor architecture."),
            "cpu": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity"},
            "memory": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity"},
            "fingerprint": _text("SHA-256 of the agent's certificate in hexadecimal digits."),
            "adoptedBy": _text("Uid of the cluster that the machine belongs to; empty when it is free."),
            "nodeName": _text("The Node that the machine became."),
            "lastSeen": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.Time"},
            "phase": _text("Discovered, Adopting, Adopted, Gone or Foreign."),
            "message": _text("Why the phase is what it is."),
        },
    },
)
schema.define(
    _HOST,
    {
        "type": "object",
        "description": "Host is a machine that runs a Quarterdeck agent.",
        "properties": {
            "apiVersion": _text("Version of this representation."),
            "kind": _text("Kind of this object."),
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "status": {"$ref": f"#/$defs/{_HOST}Status", "description": "What is known of the machine."},
        },
        "x-kubernetes-group-version-kind": [{"group": "quarterdeck.io", "kind": "Host", "version": "v1"}],
    },
)


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    status = new.get("status") or {}
    causes: list[Cause] = []
    if status.get("phase") and status["phase"] not in PHASES:
        causes.append(validation.unsupported("status.phase", status["phase"], PHASES))
    if status.get("port") is not None:
        causes += validation.port_number("status.port", status["port"])
    return causes


HOSTS = Row(
    kinds.HOSTS,
    "host",
    columns=(
        NAME,
        field("Phase", "status.phase"),
        field("Node", "status.nodeName", default=NONE),
        Column("Addresses", lambda obj, _now: listed(at(obj, "status.addresses", ()))),
        field("CPU", "status.cpu", default=NONE),
        field("Memory", "status.memory", default=NONE),
        AGE,
        field("Arch", "status.arch", default=NONE, priority=1),
        field("Engine", "status.engine", default=NONE, priority=1),
        field("Agent", "status.agentVersion", default=NONE, priority=1),
        field("Fingerprint", "status.fingerprint", default=NONE, priority=1),
    ),
    subresources=frozenset({"adopt"}),
    durable=False,
    schema=_HOST,
    validate=_validate,
    fields=("metadata.name", "status.phase"),
    has_spec_generation=False,
)
_CHANGE = "io.quarterdeck.v1.Change"
schema.define(
    _CHANGE,
    {
        "type": "object",
        "description": "Change is a recorded write: who made it, from where, and what differs since.",
        "properties": {
            "apiVersion": _text("Version of this representation."),
            "kind": _text("Kind of this object."),
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "time": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"},
            "verb": _text("create, update or delete."),
            "user": _text("Who made the write."),
            "impersonator": _text("Who acted as that user, if anybody did."),
            "auditID": _text("The request in the audit log; empty for a write of the control plane itself."),
            "source": _text("How it came: the transport and the client's user agent."),
            "object": {"$ref": "#/$defs/io.k8s.api.core.v1.ObjectReference"},
            "differences": {
                "type": "array",
                "description": "What an update changed; of a secret's values the lengths.",
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "type": "object",
                    "properties": {
                        "path": _text("The field."),
                        "old": _text("What it was; absent when the field was added."),
                        "new": _text("What it became; absent when the field was removed."),
                    },
                },
            },
        },
        "x-kubernetes-group-version-kind": [{"group": "quarterdeck.io", "kind": "Change", "version": "v1"}],
    },
)


CHANGES = Row(
    kinds.CHANGES,
    "change",
    columns=(
        AGE,
        Column("User", lambda obj, _now: changes.who(obj)),
        field("Verb", "verb"),
        field("Namespace", "object.namespace", default=NONE),
        Column("Object", lambda obj, _now: changes.about(obj)),
        Column("Change", lambda obj, _now: changes.summary(obj)),
        field("Name", "metadata.name"),
        field("Source", "source", priority=1),
    ),
    subresources=frozenset({"undo"}),
    verbs=("get", "list", "watch"),
    schema=_CHANGE,
    archived=True,
    fields=("metadata.name", "user", "verb", "object.kind", "object.namespace", "object.name", "object.uid"),
    has_spec_generation=False,
)
_PLUGIN = "io.quarterdeck.v1.Plugin"
schema.define(
    f"{_PLUGIN}Status",
    {
        "type": "object",
        "description": "How a plugin is.",
        "properties": {
            "group": _text("The entry point group that it belongs to."),
            "package": _text("The package that it comes with, and its version."),
            "user": _text("As whom it asks the API: what Roles have to be bound to."),
            "phase": _text("Starting, Running or Failing."),
            "message": _text("Why it fails."),
            "restarts": {"type": "integer", "format": "int32", "description": "How often it was started again."},
            "since": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.Time"},
        },
    },
)
schema.define(
    _PLUGIN,
    {
        "type": "object",
        "description": "Plugin is a part of another package that runs beside the control plane.",
        "properties": {
            "apiVersion": _text("Version of this representation."),
            "kind": _text("Kind of this object."),
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "status": {"$ref": f"#/$defs/{_PLUGIN}Status", "description": "How it is."},
        },
        "x-kubernetes-group-version-kind": [{"group": "quarterdeck.io", "kind": "Plugin", "version": "v1"}],
    },
)
PLUGINS = Row(
    kinds.PLUGINS,
    "plugin",
    columns=(
        NAME,
        field("Status", "status.phase"),
        field("Restarts", "status.restarts", default="0"),
        field("User", "status.user"),
        field("Package", "status.package"),
        AGE,
        field("Message", "status.message", default=NONE, priority=1),
    ),
    durable=False,
    schema=_PLUGIN,
    has_spec_generation=False,
)
ROWS = (HOSTS, CHANGES, PLUGINS)
