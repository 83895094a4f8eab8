"""The files of a kubeconfig as one. Of what has the same name the first counts, as kubectl reads `KUBECONFIG`; paths in
a file are those beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Entry = dict[str, Any]

_KINDS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""How the content of an entry is called, by the list that it is in."""
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class ConfigurationError(Exception):
    """A kubeconfig that cannot be used; the message names the file, the entry and what is wrong."""


class Kubeconfig:
    """`current` is the name of the context that is meant where none is named, empty when there is none.

    Raises ConfigurationError."""

    def __init__(self, *paths: Path) -> None:
        self.current = ""
        self._paths = paths
        self._entries: dict[str, dict[str, Entry]] = {section: {} for section in _KINDS}
        for path in paths:
            self._add(path)

    def __str__(self) -> str:
        return f"the kubeconfig {', '.join(map(str, self._paths))}"

    def entries(self, section: str) -> dict[str, Entry]:
        """By name: `clusters`, `contexts` or `users`."""
        return self._entries[section]

    def entry(self, section: str, name: str) -> Entry:
        try:
            return self._entries[section][name]
        except KeyError:
            raise ConfigurationError(f"{self} has no {_KINDS[section]} {name!r}") from None

    def _add(self, path: Path) -> None:
        document = _read(path)
        self.current = self.current or str(document.get("current-context") or "")
        for section, found in self._entries.items():
            for name, entry in _named(document, section, path):
                found.setdefault(name, _placed(entry, path.parent))


def readable(path: Path) -> bool:
    try:
        Kubeconfig(path)
    except ConfigurationError:
        return False
    return True


def _read(path: Path) -> Entry:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"the kubeconfig {path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"the kubeconfig {path} is not a mapping")
    return document


def _named(document: Entry, section: str, path: Path) -> Iterator[tuple[str, Entry]]:
    items = document.get(section) or []
    if not isinstance(items, list):
        raise ConfigurationError(f"the kubeconfig {path}: {section} is not a list")
    for item in items:
        if isinstance(item, dict) and item.get("name") and isinstance(item.get(_KINDS[section]), dict):
            yield str(item["name"]), item[_KINDS[section]]


def _placed(entry: Entry, folder: Path) -> Entry:
    """The entry with the whole paths of the files and the program that it names."""
    placed = {**entry, **{field: str(folder / str(entry[field])) for field in _PATHS if entry.get(field)}}
    program = entry.get("exec")
    command = str(program.get("command") or "") if isinstance(program, dict) else ""
    if isinstance(program, dict) and os.sep in command:
        placed["exec"] = {**program, "command": str(folder.absolute() / command)}
    return placed
