"""Reading manifests: files, folders, standard input; YAML of several documents, JSON, Lists. Errors say where.

`applying` takes what is read here. It prevents an error that names a field of an object and leaves the user to look for
its line: each object knows its text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.api.meta import Object, name

TOO_DEEP = "lists and mappings are nested too deeply for any object"
SUFFIXES = (".yaml", ".yml", ".json")


class Unreadable(ValueError):
    """What is wrong, with the file, the document and the field or line that it is about."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object and where it stands: `source` for messages, the rest to find the lines of its fields. `document`
    counts from 0; `path` leads to an item of a List."""

    obj: Object
    source: str
    text: str = field(default="", repr=False)
    document: int = 0
    path: str = ""

    def line(self, place: str = "") -> int:
        """The line (from 1) of a field, or the nearest one that holds it."""
        from console.views.yaml_text import line_of

        return line_of(self.text, f"{self.path}.{place}" if place else self.path, self.document) + 1


def load(names: Iterable[str]) -> list[Manifest]:
    """All objects of these files, `-` for standard input. Raises Unreadable."""
    found = [manifest for source, text in _texts(names) for manifest in parse(text, source)]
    if not found:
        raise Unreadable(f"no objects in {', '.join(names)}")
    return found


def _texts(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for each in names:
        if each == "-":
            yield "standard input", sys.stdin.read()
            continue
        path = Path(each)
        if path.is_dir():
            members = files_of(path)
            if not members:
                raise Unreadable(f"{each}: the folder has no {', '.join(SUFFIXES)} file")
            for member in members:
                yield str(member), read(member)
        else:
            yield each, read(path)


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that may be manifests, in the order of their names."""
    return sorted(member for member in folder.iterdir() if member.suffix in SUFFIXES and member.is_file())


def read(path: Path) -> str:
    """The text of a file. Raises Unreadable."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: not UTF-8 text (byte {error.start})") from None


def parse(text: str, source: str) -> list[Manifest]:
    """The objects of one text; an item of a List counts on its own."""
    documents = _documents(text, source)
    manifests: list[Manifest] = []
    for number, document in enumerate(documents, 1):
        if document is not None:
            place = source if len(documents) == 1 else f"{source}, document {number}"
            found = _objects(document, place)
            manifests += [replace(item, text=text, document=number - 1) for item in found]
    return manifests


def _documents(text: str, source: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text)]  # JSON may have tabs, which YAML refuses
        except ValueError:
            pass  # YAML in braces, or JSON with a fault that the YAML reader places as well
        except RecursionError:
            raise Unreadable(f"{source}: {TOO_DEEP}") from None
    import yaml

    from console.views.yaml_text import Loader

    try:
        return list(yaml.load_all(text, Loader=Loader))
    except yaml.YAMLError as error:
        raise Unreadable(f"{source}: {_where(error)}") from None
    except RecursionError:
        raise Unreadable(f"{source}: {TOO_DEEP}") from None


def _where(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"not valid YAML: {place}{getattr(error, 'problem', None) or error}"


def _objects(document: Any, source: str) -> list[Manifest]:
    if not isinstance(document, dict):
        raise Unreadable(f"{source}: a manifest is an object with apiVersion and kind, not a {type(document).__name__}")
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        return [
            replace(found, path=f"items[{index}].{found.path}".rstrip("."))
            for index, item in enumerate(document["items"])
            for found in _objects(item, f"{source}, items[{index}]")
        ]
    for required in ("apiVersion", "kind"):
        value = document.get(required)
        if not isinstance(value, str) or not value:
            raise Unreadable(f"{source}: {required}: {value!r} is not allowed: it must be a text such as v1 or Pod")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not (name(document) or metadata.get("generateName")):
        raise Unreadable(f"{source}: metadata.name: a {document['kind']} needs a name")
    return [Manifest(document, source)]
