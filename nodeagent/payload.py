"""Volumes made of objects: which files they hold, and how those change under a reader."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
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
    """`user` owns it when somebody else than the agent does."""

    content: bytes
    mode: int = DEFAULT_MODE
    user: int | None = field(default=None, compare=False)


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
        return {_checked(spec.get("path")): _token_file(pod, _token(spec, around), mode)}
    return {}


def _token(spec: Object, around: Surroundings) -> bytes:
    wanted = (str(spec.get("audience") or ""), int(spec.get("expirationSeconds") or DEFAULT_SECONDS))
    token = around.tokens.get(wanted)
    if token is None:
        raise MissingReference(f"there is no token for the audience {wanted[0] or 'of the API'!r} yet")
    return token.encode()


def _token_file(pod: Object, token: bytes, mode: int) -> File:
    """As kubelet: the token of a pod whose files belong to a group, or whose containers are all one user's, is theirs
    alone."""
    user, group = _user_of_all(pod), ((pod.get("spec") or {}).get("securityContext") or {}).get("fsGroup")
    return File(token, mode if user is None and group is None else 0o600, user)


def _user_of_all(pod: Object) -> int | None:
    """Who all containers run as; None when one does not say, or they differ."""
    spec = pod.get("spec") or {}
    common = (spec.get("securityContext") or {}).get("runAsUser")
    found = set()
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        own = (container.get("securityContext") or {}).get("runAsUser")
        found.add(common if own is None else own)
    return found.pop() if len(found) == 1 else None


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
    if group is not None:
        payload = {name: replace(file, mode=file.mode | 0o440) for name, file in payload.items()}
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
    if group is not None or file.user is not None:
        os.chown(path, -1 if file.user is None else file.user, -1 if group is None else group)
    path.chmod(file.mode)


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
    """What is there."""
    files = {}
    for path in folder.rglob("*"):
        if path.is_file():
            mode = path.stat().st_mode & 0o7777
            files[str(path.relative_to(folder))] = File(path.read_bytes(), mode)
    return files
