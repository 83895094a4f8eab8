"""Volumes made of objects: which files they hold, and how those change under a reader."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from common.api import meta
from common.api.meta import Object

from .environment import Lookup, MissingReference, Surroundings, contents, field_value, resource_value
from .tokens import DEFAULT_SECONDS

DATA = "..data"
DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = DEFAULT_MODE


Payload: TypeAlias = dict[str, File]
"""Relative path -> file."""


def payload_of(pod: Object, volume: Object, lookup: Lookup, around: Surroundings) -> Payload:
    """The files of a configMap, secret, downwardAPI or projected volume. MissingReference as for the environment."""
    if "projected" in volume:
        spec = volume["projected"] or {}
        mode = _mode(spec.get("defaultMode"), DEFAULT_MODE)
        result: Payload = {}
        for source in spec.get("sources") or ():
            result.update(_source(pod, source, mode, lookup, around))
        return result
    for kind in ("configMap", "secret", "downwardAPI"):
        if kind in volume:
            spec = dict(volume[kind] or {})
            if kind == "secret":
                spec["name"] = spec.get("secretName", "")
            mode = _mode(spec.get("defaultMode"), DEFAULT_MODE)
            return _source(pod, {kind: spec}, mode, lookup, around)
    return {}


def _source(pod: Object, source: Object, mode: int, lookup: Lookup, around: Surroundings) -> Payload:
    if (spec := source.get("configMap")) is not None:
        return _object_files(pod, "configmaps", spec, mode, lookup)
    if (spec := source.get("secret")) is not None:
        return _object_files(pod, "secrets", spec, mode, lookup)
    if (spec := source.get("downwardAPI")) is not None:
        return {
            _checked(item.get("path")): File(_downward(pod, item, around).encode(), _mode(item.get("mode"), mode))
            for item in spec.get("items") or ()
        }
    if (spec := source.get("serviceAccountToken")) is not None:
        return {_checked(spec.get("path")): File(_token(spec, around), _token_mode(pod, mode))}
    return {}


def _token(spec: Object, around: Surroundings) -> bytes:
    wanted = (str(spec.get("audience") or ""), int(spec.get("expirationSeconds") or DEFAULT_SECONDS))
    token = around.tokens.get(wanted)
    if token is None:
        raise MissingReference(f"there is no token for the audience {wanted[0] or 'of the API'!r} yet")
    return token.encode()


def _token_mode(pod: Object, mode: int) -> int:
    """As kubelet: the token of a pod whose files belong to a group is for that group only."""
    spec = pod.get("spec") or {}
    return mode if (spec.get("securityContext") or {}).get("fsGroup") is None else 0o600


def _object_files(pod: Object, resource: str, spec: Object, mode: int, lookup: Lookup) -> Payload:
    name = str(spec.get("name", ""))
    item = lookup.find(resource, meta.namespace(pod), name)
    if item is None:
        if spec.get("optional"):
            return {}
        raise MissingReference(f'{resource.removesuffix("s")} "{name}" not found')
    content = contents(item)
    if not spec.get("items"):
        return {key: File(value, mode) for key, value in content.items()}
    files: Payload = {}
    for entry in spec["items"]:
        key = str(entry.get("key", ""))
        if key not in content:
            if spec.get("optional"):
                continue
            raise MissingReference(f"references non-existent {resource.removesuffix('s')} key: {key}")
        files[_checked(entry.get("path"))] = File(content[key], _mode(entry.get("mode"), mode))
    return files


def _downward(pod: Object, item: Object, around: Surroundings) -> str:
    if ref := item.get("fieldRef"):
        return field_value(pod, str(ref.get("fieldPath", "")), around)
    return resource_value(pod, {}, item.get("resourceFieldRef") or {}, around)


def _mode(value: object, default: int) -> int:
    return value & 0o7777 if isinstance(value, int) else default


def _checked(path: object) -> str:
    text = str(path or "")
    parts = PurePosixPath(text).parts
    if not parts or text.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise MissingReference(f"path {text!r} has to be relative and without '..'")
    return text


def write_payload(folder: Path, payload: Payload, group: int | None) -> bool:
    """Make the folder show exactly these files; returns whether anything changed."""
    current = folder / DATA
    if current.is_symlink() and _read(current.resolve()) == payload:
        return False
    fresh = Path(tempfile.mkdtemp(dir=folder, prefix="..", suffix="_data"))
    fresh.chmod(0o755)
    for name, file in payload.items():
        _write_file(fresh / name, file, group)
    old = current.resolve() if current.is_symlink() else None
    link = folder / "..data_tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    link.rename(current)
    _link_names(folder, {PurePosixPath(name).parts[0] for name in payload})
    if old is not None and old.is_dir():
        shutil.rmtree(old)
    return True


def _write_file(path: Path, file: File, group: int | None) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_bytes(file.content)
    mode = file.mode
    if group is not None:
        os.chown(path, -1, group)
        mode |= 0o440
    path.chmod(mode)


def _link_names(folder: Path, wanted: set[str]) -> None:
    """Links for names that came, before names that went lose theirs."""
    for name in wanted:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for path in folder.iterdir():
        if path.is_symlink() and path.name not in wanted and not path.name.startswith(".."):
            path.unlink()


def _read(folder: Path) -> Payload:
    """What is there; the group's additional read permission is not part of the comparison."""
    files = {}
    for path in folder.rglob("*"):
        if path.is_file():
            mode = path.stat().st_mode & 0o7777
            files[str(path.relative_to(folder))] = File(path.read_bytes(), mode)
    return files
