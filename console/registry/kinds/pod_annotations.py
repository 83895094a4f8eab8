"""Annotations of pods that mean something: what they may say, and which of them a pod keeps for life.

Those of AppArmor and seccomp are older forms of fields; mirror pods are copies of what a node runs by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from common.api import meta
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .environment import descending_path

MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR_OF = "container.apparmor.security.beta.kubernetes.io/"
_PATH = "metadata.annotations"
_COST = re.compile(r"-?[1-9][0-9]*|0")
_MAX_COST = 2**31 - 1


def validate_annotations(pod: Object) -> list[Cause]:
    notes, spec = meta.annotations(pod), pod["spec"]
    causes: list[Cause] = []
    if MIRROR in notes and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        causes.append(validation.wrong(f"{_PATH}[{MIRROR}]", notes[MIRROR], why))
    cost = notes.get(_DELETION_COST)
    if cost is not None and not (_COST.fullmatch(cost) and abs(int(cost)) <= _MAX_COST):
        causes.append(validation.wrong(f"{_PATH}[{_DELETION_COST}]", cost, "must be a 32bit integer"))
    for key, value in notes.items():
        if key == _SECCOMP or key.startswith(_SECCOMP_OF):
            causes += _seccomp(f"{_PATH}.{key}", value)
    names = {container.get("name") for kind in ("initContainers", "containers") for container in spec.get(kind) or ()}
    for key, value in notes.items():
        if key.startswith(APPARMOR_OF):
            causes += _apparmor(key, value, names)
    return causes


def take_profiles(pod: Object) -> None:
    """What the annotations say of AppArmor becomes the fields of containers that have none, unless it is the pod's own
    word or none that the field may have: nodes read the fields alone."""
    notes, spec = meta.annotations(pod), pod["spec"]
    if (spec.get("os") or {}).get("name") == "windows":
        return
    own = (spec.get("securityContext") or {}).get("appArmorProfile")
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            profile = noted_profile(notes.get(f"{APPARMOR_OF}{container.get('name')}", ""))
            context = container.get("securityContext") or {}
            if profile is not None and profile != own and context.get("appArmorProfile") is None:
                container["securityContext"] = {**context, "appArmorProfile": profile}


def noted_profile(note: str) -> Object | None:
    """The field's form of an annotation's value; None when it has none."""
    if note == "unconfined":
        return {"type": "Unconfined"}
    if note == "runtime/default":
        return {"type": "RuntimeDefault"}
    local = note.removeprefix("localhost/")
    if local == note or not local or local != local.strip():
        return None
    return {"type": "Localhost", "localhostProfile": local}


def _seccomp(path: str, value: str) -> list[Cause]:
    if value in {"runtime/default", "docker/default", "unconfined"}:
        return []
    if value.startswith("localhost/"):
        return descending_path(path, value.removeprefix("localhost/"))
    return [validation.wrong(path, value, "must be a valid seccomp profile")]


def _apparmor(key: str, value: str, names: Iterable[object]) -> list[Cause]:
    path, name = f"{_PATH}[{key}]", key.removeprefix(APPARMOR_OF)
    causes = [] if name in names else [validation.wrong(path, name, "container not found")]
    if value not in {"", "runtime/default", "unconfined"} and not value.startswith("localhost/"):
        causes.append(validation.wrong(path, value, f'invalid AppArmor profile name: "{value}"'))
    return causes


def validate_annotation_change(new: Object, old: Object) -> list[Cause]:
    """Profiles of AppArmor and the mark of a mirror pod stay as they were made."""
    after, before = meta.annotations(new), meta.annotations(old)
    return [*_changed(after, before), *_added(after, before)]


def _changed(after: Mapping[str, str], before: Mapping[str, str]) -> list[Cause]:
    return [
        validation.forbidden(f"{_PATH}[{key}]", f"may not remove or update {what}")
        for key, value in before.items()
        if after.get(key) != value and (what := _fixed(key))
    ]


def _added(after: Mapping[str, str], before: Mapping[str, str]) -> list[Cause]:
    return [
        validation.forbidden(f"{_PATH}[{key}]", f"may not add {what}")
        for key in after
        if key not in before and (what := _fixed(key))
    ]


def _fixed(key: str) -> str:
    if key.startswith(APPARMOR_OF):
        return "AppArmor annotations"
    return "mirror pod annotation" if key == MIRROR else ""
