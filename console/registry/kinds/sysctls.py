"""Kernel settings that a pod asks for: their names. Which of them a node allows, the node decides."""

from __future__ import annotations

import re
from collections.abc import Iterable

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

_PATTERN = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_NAME = re.compile(_PATTERN)
_MAX_LENGTH = 253
# Settings of a namespace that a pod can share with its host, by their beginning.
_OF_IPC = ("kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue.")
_OF_NETWORK = ("net.",)


def validate_sysctls(sysctls: Iterable[Object], path: str, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        where, name = f"{path}[{index}].name", str(sysctl.get("name") or "")
        if not name:
            causes.append(validation.required(where))
        elif len(name) > _MAX_LENGTH or not _NAME.fullmatch(name):
            text = f"must have at most {_MAX_LENGTH} characters and match regex ^{_PATTERN}$"
            causes.append(validation.wrong(where, name, text))
        elif name in names:
            causes.append(validation.duplicate(where, name))
        causes += _validate_namespace(name, where, spec)
        names.add(name)
    return causes


def _validate_namespace(name: str, path: str, spec: Object) -> list[Cause]:
    """What a pod may not set of a namespace that it shares with the host."""
    plain = name.replace("/", ".")
    for field, beginnings in (("hostNetwork", _OF_NETWORK), ("hostIPC", _OF_IPC)):
        if spec.get(field) and plain.startswith(beginnings):
            return [validation.wrong(path, name, f"may not be specified when '{field}' is true")]
    return []
