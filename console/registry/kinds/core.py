"""Namespaces, configuration, secrets and service accounts."""

from __future__ import annotations

import base64

import orjson

from common.api import kinds, meta
from common.api.meta import Object
from common.errors import Cause
from console.registry import metadata, validation
from console.registry.columns import AGE, NAME, field
from console.registry.row import Column, Context, Row

from .config_keys import validate_key
from .secret_warnings import secret_warnings

MAX_DATA = 1024 * 1024  # bytes of all values of a ConfigMap or Secret together
NAMESPACE_FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"

# Keys that a Secret of a type must have.
_SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


# Of those, the ones whose value is a JSON object.
_DOCKER_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}


def _default_namespace(obj: Object) -> None:
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Active")
    labels = obj["metadata"].get("labels") or {}
    if meta.name(obj):
        obj["metadata"]["labels"] = {**labels, NAME_LABEL: meta.name(obj)}


def _prepare_namespace(new: Object, old: Object | None, context: Context) -> None:
    spec = new.setdefault("spec", {})
    if old is None:
        new["status"] = {"phase": "Active"}
        finalizers = spec.setdefault("finalizers", [])
        if NAMESPACE_FINALIZER not in finalizers:
            finalizers.append(NAMESPACE_FINALIZER)
    elif context.subresource != "finalize":
        new["spec"] = old.get("spec", {})


def _validate_namespace(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes: list[Cause] = []
    for finalizer in new["spec"].get("finalizers") or ():
        causes += validation.each("spec.finalizers", finalizer, validation.qualified_name(finalizer))
        causes += metadata.check_standard("spec.finalizers", finalizer)
    phase = new["status"].get("phase")
    if old is not None and phase not in {"Active", "Terminating"}:
        causes.append(validation.unsupported("status.phase", phase, ("Active", "Terminating")))
    return causes


def _config_keys(obj: Object, path: str) -> list[Cause]:
    return [cause for key in obj.get(path) or {} for cause in validate_key(f"{path}[{key}]", key)]


def _immutable(new: Object, old: Object | None, fields: tuple[str, ...]) -> list[Cause]:
    if old is None or not old.get("immutable"):
        return []
    causes = []
    if not new.get("immutable"):
        causes.append(validation.forbidden("immutable", "field is immutable when `immutable` is set"))
    causes += [
        validation.forbidden(path, "field is immutable when `immutable` is set")
        for path in fields
        if (new.get(path) or {}) != (old.get(path) or {})
    ]
    return causes


def _validate_configmap(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = _config_keys(new, "data") + _config_keys(new, "binaryData")
    both = sorted(set(new.get("data") or {}) & set(new.get("binaryData") or {}))
    causes += [validation.wrong(f"data[{key}]", key, "duplicate of key present in binaryData") for key in both]
    size = sum(len(value.encode()) for value in (new.get("data") or {}).values())
    size += sum(len(value) * 3 // 4 for value in (new.get("binaryData") or {}).values())
    if size > MAX_DATA:
        causes.append(validation.too_long("", MAX_DATA))
    return causes + _immutable(new, old, ("data", "binaryData"))


def _default_secret(obj: Object) -> None:
    """Plain texts become data before anybody looks: writers are noted as managers of what is stored."""
    obj["type"] = obj.get("type") or "Opaque"
    plain = obj.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _validate_json(path: str, encoded: str) -> list[Cause]:
    try:
        found = orjson.loads(base64.b64decode(encoded))
    except ValueError as error:
        problem = str(error)
    else:
        if isinstance(found, dict | None):
            return []
        problem = "json: cannot unmarshal into Go value of type map[string]interface {}"
    return [validation.wrong(path, "<secret contents redacted>", problem)]


def _validate_secret(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    data = new.get("data") or {}
    causes = _config_keys(new, "data")
    if sum(len(value) * 3 // 4 for value in data.values()) > MAX_DATA:
        causes.append(validation.too_long("data", MAX_DATA))
    kind = new["type"]
    causes += [validation.required(f"data[{key}]") for key in _SECRET_KEYS.get(kind, ()) if key not in data]
    for key in _DOCKER_KEYS.get(kind, ()):
        if key in data:
            causes += _validate_json(f"data[{key}]", data[key])
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        causes += [validation.required("data[username]"), validation.required("data[password]")]
    if kind == "kubernetes.io/service-account-token" and not meta.annotations(new).get(
        "kubernetes.io/service-account.name"
    ):
        causes.append(validation.required("metadata.annotations[kubernetes.io/service-account.name]"))
    if old is not None:
        causes += validation.unchanged("type", kind, old.get("type"))
    return causes + _immutable(new, old, ("data",))


def _count(*fields: str) -> Column:
    return Column("Data", lambda obj, _now: sum(len(obj.get(path) or ()) for path in fields), type="string")


NAMESPACES = Row(
    kinds.NAMESPACES,
    "namespace",
    short_names=("ns",),
    columns=(NAME, field("Status", "status.phase", description="The status of the namespace"), AGE),
    subresources=frozenset({"status", "finalize"}),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    schema="io.k8s.api.core.v1.Namespace",
    default=_default_namespace,
    prepare=_prepare_namespace,
    validate=_validate_namespace,
    fields=("metadata.name", "status.phase"),
    name_format=validation.dns_label,
    immortal=dict.fromkeys(("default", "kube-system", "kube-public"), "this namespace may not be deleted"),
    has_spec_generation=False,
)
CONFIGMAPS = Row(
    kinds.CONFIGMAPS,
    "configmap",
    short_names=("cm",),
    columns=(NAME, _count("data", "binaryData"), AGE),
    schema="io.k8s.api.core.v1.ConfigMap",
    validate=_validate_configmap,
    has_spec_generation=False,
)
SECRETS = Row(
    kinds.SECRETS,
    "secret",
    columns=(NAME, field("Type", "type", description="Used to facilitate programmatic handling."), _count("data"), AGE),
    schema="io.k8s.api.core.v1.Secret",
    default=_default_secret,
    validate=_validate_secret,
    warnings=secret_warnings,
    fields=("metadata.name", "metadata.namespace", "type"),
    has_spec_generation=False,
)


def _prepare_account(new: Object, _old: Object | None, _context: Context) -> None:
    """Of its secrets an account keeps the names alone."""
    if new.get("secrets"):
        new["secrets"] = [{"name": entry["name"]} if entry.get("name") else {} for entry in new["secrets"]]


def _account_warnings(account: Object) -> list[str]:
    if _MOUNTABLE not in meta.annotations(account):
        return []
    why = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {why}"]


_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"


SERVICEACCOUNTS = Row(
    kinds.SERVICEACCOUNTS,
    "serviceaccount",
    short_names=("sa",),
    columns=(
        NAME,
        Column("Secrets", lambda obj, _now: len(obj.get("secrets") or ()), type="string"),
        AGE,
    ),
    subresources=frozenset({"token"}),
    schema="io.k8s.api.core.v1.ServiceAccount",
    prepare=_prepare_account,
    warnings=_account_warnings,
    warns_on_update=False,
    has_spec_generation=False,
)
ROWS = (NAMESPACES, CONFIGMAPS, SECRETS, SERVICEACCOUNTS)
