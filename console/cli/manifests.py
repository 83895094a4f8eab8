"""Reading manifests: files, folders, standard input; YAML of several documents, JSON, Lists. Errors say where."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.api.meta import Object, name

from .exits import Failure

TOO_DEEP = "lists and mappings are nested too deeply for any object"
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object and where it stands, for messages."""

    obj: Object
    source: str


def load(names: Iterable[str]) -> list[Manifest]:
    """All objects of these files; Failure names the file, the document and the field that is wrong."""
    found = [manifest for source, text in _texts(names) for manifest in parse(text, source)]
    if not found:
        raise Failure(f"no objects in {', '.join(names)}")
    return found


def _texts(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for each in names:
        if each == "-":
            yield "standard input", sys.stdin.read()
            continue
        path = Path(each)
        if path.is_dir():
            members = sorted(member for member in path.iterdir() if member.suffix in SUFFIXES and member.is_file())
            if not members:
                raise Failure(f"{each}: the folder has no {', '.join(SUFFIXES)} file")
            for member in members:
                yield str(member), _read(member)
        else:
            yield each, _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: not UTF-8 text (byte {error.start})") from None


def parse(text: str, source: str) -> list[Manifest]:
    """The objects of one text; an item of a List counts on its own."""
    documents = _documents(text, source)
    manifests: list[Manifest] = []
    for number, document in enumerate(documents, 1):
        if document is not None:
            place = source if len(documents) == 1 else f"{source}, document {number}"
            manifests += _objects(document, place)
    return manifests


def _documents(text: str, source: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text)]  # JSON may have tabs, which YAML refuses
        except ValueError:
            pass  # YAML in braces, or JSON with a fault that the YAML reader places as well
        except RecursionError:
            raise Failure(f"{source}: {TOO_DEEP}") from None
    import yaml

    from console.views.yaml_text import Loader

    try:
        return list(yaml.load_all(text, Loader=Loader))
    except yaml.YAMLError as error:
        raise Failure(f"{source}: {_where(error)}") from None
    except RecursionError:
        raise Failure(f"{source}: {TOO_DEEP}") from None


def _where(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"not valid YAML: {place}{getattr(error, 'problem', None) or error}"


def _objects(document: Any, source: str) -> list[Manifest]:
    if not isinstance(document, dict):
        raise Failure(f"{source}: a manifest is an object with apiVersion and kind, not a {type(document).__name__}")
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        return [
            found
            for index, item in enumerate(document["items"])
            for found in _objects(item, f"{source}, items[{index}]")
        ]
    for field in ("apiVersion", "kind"):
        value = document.get(field)
        if not isinstance(value, str) or not value:
            raise Failure(f"{source}: {field}: {value!r} is not allowed: it must be a text such as v1 or Pod")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not (name(document) or metadata.get("generateName")):
        raise Failure(f"{source}: metadata.name: a {document['kind']} needs a name")
    return [Manifest(document, source)]
