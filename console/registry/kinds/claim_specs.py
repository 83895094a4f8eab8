"""The spec of a claim, wherever one stands: in a claim, in an ephemeral volume, in a workload's claim templates."""

from __future__ import annotations

from common.api import quantity, storage
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

VOLUME_MODES = ("Block", "Filesystem")


def default_claim_spec(spec: Object) -> None:
    """The defaults that claims have in common with the templates of claims."""
    spec.setdefault("volumeMode", "Filesystem")
    if spec.get("dataSource") is not None and spec.get("dataSourceRef") is None:
        spec["dataSourceRef"] = dict(spec["dataSource"])


def validate_claim_spec(spec: Object, path: str) -> list[Cause]:
    """The spec of a claim, also where a pod or a StatefulSet has it as a template."""
    modes = spec.get("accessModes") or []
    causes = [] if modes else [validation.required(f"{path}.accessModes", "at least 1 access mode is required")]
    causes += validate_access_modes(modes, f"{path}.accessModes")
    causes += validation.label_selector(f"{path}.selector", spec.get("selector"))
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        causes.append(validation.required(f"{path}.resources[storage]"))
    elif quantity.parse(asked) <= 0:
        causes.append(validation.wrong(f"{path}.resources[storage]", str(asked), "must be greater than zero"))
    causes += validate_class_name(spec, path) + validate_mode(spec, path)
    for name in ("dataSource", "dataSourceRef"):
        causes += _validate_data_source(spec.get(name), f"{path}.{name}")
    return causes


def _validate_data_source(source: Object | None, path: str) -> list[Cause]:
    if source is None:
        return []
    causes = [validation.required(f"{path}.{name}", "") for name in ("name", "kind") if not source.get(name)]
    if not source.get("apiGroup") and source.get("kind") and source["kind"] != "PersistentVolumeClaim":
        causes.append(
            validation.wrong(
                path, source["kind"], "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
            )
        )
    return causes


def validate_access_modes(modes: list[str], path: str) -> list[Cause]:
    """Known modes; ReadWriteOncePod stands alone."""
    causes = [
        validation.unsupported(path, mode, sorted(storage.ACCESS_MODES))
        for mode in modes
        if mode not in storage.ACCESS_MODES
    ]
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        causes.append(validation.forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return causes


def validate_mode(spec: Object, path: str) -> list[Cause]:
    mode = spec.get("volumeMode")
    if mode is None or mode in VOLUME_MODES:
        return []
    return [validation.unsupported(f"{path}.volumeMode", mode, VOLUME_MODES)]


def validate_class_name(spec: Object, path: str) -> list[Cause]:
    name = spec.get("storageClassName")
    return validation.each(f"{path}.storageClassName", name, validation.dns_subdomain(name)) if name else []
