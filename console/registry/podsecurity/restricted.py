"""The checks that the restricted level adds: what a hardened pod must say of itself."""

from __future__ import annotations

from collections.abc import Mapping

from common.api.meta import Object

from . import baseline
from .findings import Check, Finding, containers, context, named, one_or_many, quoted, setters

_VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
})  # fmt: skip
_OTHER_VOLUMES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd",
    "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "azureDisk", "vsphereVolume", "quobyte",
    "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos",
)  # fmt: skip
_ADDED = frozenset({"NET_BIND_SERVICE"})


def not_on_windows(check: Check) -> Check:
    """The check for pods that do not say that they are for Windows, where there is nothing of what it asks for."""

    def relaxed(spec: Object, annotations: Mapping[str, str]) -> Finding | None:
        return None if (spec.get("os") or {}).get("name") == "windows" else check(spec, annotations)

    return relaxed


def privilege_escalation(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    bad = [item["name"] for item in containers(spec) if context(item).get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    detail = f"{named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return Finding("allowPrivilegeEscalation != false", detail)


def capabilities(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    reason = "unrestricted capabilities"
    found = [(item["name"], (context(item).get("capabilities") or {}).get("drop") or ()) for item in containers(spec)]
    lacking = [name for name, dropped in found if "ALL" not in dropped]
    details = [f'{named(lacking)} must set securityContext.capabilities.drop=["ALL"]'] if lacking else []
    added = baseline.added_capabilities(spec, _ADDED, reason)
    details += [] if added is None else [added.detail]
    return Finding(reason, "; ".join(details)) if details else None


def volumes(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    bad = [volume for volume in spec.get("volumes") or () if not any(volume.get(kind) is not None for kind in _VOLUMES)]
    if not bad:
        return None
    types = {next((kind for kind in _OTHER_VOLUMES if volume.get(kind) is not None), "unknown") for volume in bad}
    names = quoted([volume["name"] for volume in bad])
    what = f"{one_or_many(len(bad), 'volume', 'volumes')} {names} {one_or_many(len(bad), 'uses', 'use')}"
    word = one_or_many(len(types), "restricted volume type", "restricted volume types")
    return Finding("restricted volume types", f"{what} {word} {quoted(sorted(types))}")


def non_root(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    reason = "runAsNonRoot != true"
    who = setters(spec, lambda holder: holder.get("runAsNonRoot") is False)
    if who:
        return Finding(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    if context(spec).get("runAsNonRoot"):
        return None
    silent = [item["name"] for item in containers(spec) if context(item).get("runAsNonRoot") is None]
    return Finding(reason, f"pod or {named(silent)} must set securityContext.runAsNonRoot=true") if silent else None


def no_user_zero(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    who = setters(spec, lambda holder: holder.get("runAsUser") == 0)
    return Finding("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(spec: Object, annotations: Mapping[str, str]) -> Finding | None:
    found = baseline.seccomp(spec, annotations)
    if found is not None or context(spec).get("seccompProfile") is not None:
        return found
    silent = [item["name"] for item in containers(spec) if context(item).get("seccompProfile") is None]
    if not silent:
        return None
    allowed = 'to "RuntimeDefault" or "Localhost"'
    return Finding("seccompProfile", f"pod or {named(silent)} must set securityContext.seccompProfile.type {allowed}")
