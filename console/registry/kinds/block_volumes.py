"""Volumes on disks of others, which no node here mounts: what their sources must say all the same, since workloads that
name them are kept and shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

_INITIATORS: Mapping[str, re.Pattern[str]] = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([a-z0-9.-]+)(:([^,;*&$|\s]+))?"),
    "eui": re.compile(r"eui\.[0-9A-Fa-f]{16}"),
    "naa": re.compile(r"naa\.[0-9A-Fa-f]{32}"),
}
_MAX_NUMBER = 255  # of logical units and partitions


def _validate_unit(number: int | None, path: str) -> list[Cause]:
    if number is None or 0 <= number <= _MAX_NUMBER:
        return []
    return [validation.wrong(path, number, f"must be between 0 and {_MAX_NUMBER}, inclusive")]


def _validate_partition(source: Object, path: str) -> list[Cause]:
    """0 is the whole disk, though the message counts from 1."""
    number = source.get("partition") or 0
    if 0 <= number <= _MAX_NUMBER:
        return []
    return [validation.wrong(f"{path}.partition", number, f"must be between 1 and {_MAX_NUMBER}, inclusive")]


def _validate_initiator(name: str, path: str) -> list[Cause]:
    pattern = _INITIATORS.get(name[:3])
    if pattern is None:
        return [validation.wrong(path, name, "must be valid format starting with iqn, eui, or naa")]
    return [] if pattern.fullmatch(name) else [validation.wrong(path, name, "must be valid format")]


def _validate_iscsi(source: Object, path: str) -> list[Cause]:
    causes = _validate_initiator(source["iqn"], f"{path}.iqn") if source.get("iqn") else []
    causes += _validate_unit(source.get("lun"), f"{path}.lun")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        causes.append(validation.required(f"{path}.secretRef"))
    if source.get("initiatorName") is not None:
        causes += _validate_initiator(source["initiatorName"], f"{path}.initiatorname")
    return causes


def _validate_fibre(source: Object, path: str) -> list[Cause]:
    names, where = source.get("targetWWNs") or [], f"{path}.targetWWNs"
    identifiers = source.get("wwids") or []
    if not names and not identifiers:
        return [validation.required(where, "must specify either targetWWNs or wwids, but not both")]
    causes: list[Cause] = []
    if names and identifiers:
        causes.append(validation.wrong(where, names, "targetWWNs and wwids can not be specified simultaneously"))
    if names and source.get("lun") is None:
        causes.append(validation.required(f"{path}.lun", "lun is required if targetWWNs is specified"))
    return causes + (_validate_unit(source.get("lun"), f"{path}.lun") if names else [])


CHECKS: Mapping[str, Callable[[Object, str], list[Cause]]] = {
    "gcePersistentDisk": _validate_partition,
    "awsElasticBlockStore": _validate_partition,
    "iscsi": _validate_iscsi,
    "fc": _validate_fibre,
}
"""By the name of the source, of volumes of pods and of PersistentVolumes."""
