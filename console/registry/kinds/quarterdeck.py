"""Hosts: machines that run an agent, seen by mDNS or added by address. Kept in memory, rebuilt from what is seen."""

from __future__ import annotations

from common.api import kinds
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
ROWS = (HOSTS,)
