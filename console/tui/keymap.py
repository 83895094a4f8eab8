"""Which key does what. Every action can be given other keys in one file, QUARTERDECK_HOME/keys.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .actions import ACTIONS, BY_ID, Action, Where, key_label

FILE = "keys.json"


class KeymapError(Exception):
    """The file of keys cannot be used; the message says what is wrong where."""


@dataclass(frozen=True)
class Keymap:
    """`changed` has the keys of actions that differ from the registry, by action id."""

    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, action: Action) -> tuple[str, ...]:
        return self.changed.get(action.id, action.keys)

    def label(self, action: Action) -> str:
        """The key to show for an action; empty when it has none."""
        keys = self.keys(action)
        return key_label(keys[0]) if keys else ""

    def lookup(self, key: str, where: Where, kind: str = "") -> Action | None:
        """What a key does on a screen."""
        return next((action for action in ACTIONS if key in self.keys(action) and action.applies(where, kind)), None)

    def conflicts(self) -> list[str]:
        """Keys that mean two things in one place."""
        kinds = sorted({kind for action in ACTIONS for kind in (*action.kinds, *action.excluded)} | {""})
        found: dict[str, None] = {}
        for where in Where:
            for kind in kinds:
                taken: dict[str, Action] = {}
                for action in ACTIONS:
                    if not action.applies(where, kind):
                        continue
                    for key in self.keys(action):
                        other = taken.setdefault(key, action)
                        if other is not action:
                            found[f"{key_label(key)} is both {other.id} and {action.id} ({where} {kind})".strip()] = (
                                None
                            )
        return list(found)


def load(home: Path) -> Keymap:
    """The keymap of a console; KeymapError names the file and what is wrong in it."""
    path = home / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Keymap()
    except (OSError, ValueError) as error:
        raise KeymapError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise KeymapError(f'{path} must hold an object like {{"describe": ["d"]}}')
    return Keymap({str(name): _keys(path, str(name), keys) for name, keys in data.items()})


def _keys(path: Path, name: str, keys: object) -> tuple[str, ...]:
    if name not in BY_ID:
        raise KeymapError(f"{path}: there is no action {name!r}; docs/keys.md lists them")
    listed = [keys] if isinstance(keys, str) else keys
    if not isinstance(listed, list) or not all(isinstance(key, str) and key for key in listed):
        raise KeymapError(f'{path}: the keys of {name} must be a name or a list of names, such as ["ctrl+d"]')
    return tuple(listed)
