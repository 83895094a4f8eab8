"""APIServices: which groups and versions of the API there are, served here or by a Service."""

from __future__ import annotations

from common.api import kinds, meta
from common.api.conditions import set_condition
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at
from console.registry.row import ALL_METADATA, Column, Context, Row


def described(group: str, version: str) -> Object:
    """The APIService of a group and version that the API server serves itself."""
    return {
        "metadata": {"name": f"{version}.{group}", "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 18000 if not group else 17000,
            "versionPriority": 15,
        },
    }


def _default(obj: Object) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    if (new.get("spec") or {}).get("service") is None and not context.subresource:
        conditions = list(((new.get("status") or {}).get("conditions")) or ())
        words = ("True", "Local", "Local APIServices are always available")
        new["status"] = {"conditions": set_condition(conditions, "Available", *words, context.now)}
    elif old is None:
        new["status"] = {}  # whoever looks after it says whether its server answers


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    causes: list[Cause] = []
    if meta.name(new) != f"{version}.{group}":
        why = f'must be `spec.version+"."+spec.group`: {f"{version}.{group}"!r}'.replace("'", '"')
        causes.append(validation.wrong("metadata.name", meta.name(new), why))
    causes += validation.name_field("spec.version", version, validation.dns_1035_label)
    for name, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = spec.get(name) or 0
        if not 0 < value <= most:
            why = f"must be positive and less than {most}"
            causes.append(validation.wrong(f"spec.{name}", value, why))
    service = spec.get("service")
    if service is None:
        for name in ("caBundle", "insecureSkipTLSVerify"):
            if spec.get(name):
                causes.append(validation.wrong(f"spec.{name}", spec[name], "local APIServices may not have it"))
        return causes
    causes += [validation.required(f"spec.service.{name}") for name in ("namespace", "name") if not service.get(name)]
    if not 0 < service.get("port", 443) < 65536:
        why = "port is not valid: must be between 1 and 65535, inclusive"
        causes.append(validation.wrong("spec.service.port", service["port"], why))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        causes.append(validation.wrong("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present"))
    return causes


def _service(obj: Object) -> str:
    service = at(obj, "spec.service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


def _available(obj: Object) -> str:
    for condition in at(obj, "status.conditions", ()):
        if condition.get("type") == "Available":
            status = str(condition.get("status"))
            return status if status == "True" else f"{status} ({condition.get('reason', '')})"
    return "Unknown"


APISERVICES = Row(
    kinds.APISERVICES,
    "apiservice",
    categories=("api-extensions",),
    columns=(
        NAME,
        Column("Service", lambda obj, _now: _service(obj)),
        Column("Available", lambda obj, _now: _available(obj)),
        AGE,
    ),
    subresources=frozenset({"status"}),
    status_keeps=ALL_METADATA,
    schema="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
    default=_default,
    name_format=validation.path_segment,
    prepare=_prepare,
    validate=_validate,
)
ROWS = (APISERVICES,)
