"""Which key does what. Every action can be given other keys in one file, QUARTERDECK_HOME/keys.json."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .actions import ACTIONS, BY_ID, NO_TRAITS, Action, Where, key_label

FILE = "keys.json"
_SAID = 5  # clashes in one error
# What Textual calls the characters that are no letters: their Unicode names, but for a few.
_CHARACTERS = {
    letter: unicodedata.name(letter).lower().replace(" ", "_").replace("-", "_")
    for letter in map(chr, range(32, 127))
    if not letter.isalnum()
}
_CHARACTERS |= {"-": "minus", "_": "underscore", "/": "slash", "\\": "backslash", "+": "plus", "@": "at"}
_NAMED = (
    {"enter", "escape", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown"}
    | {"up", "down", "left", "right"} | {f"f{number}" for number in range(1, 25)} | set(_CHARACTERS.values())
)  # fmt: skip
_SAME = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+j": "enter",
    "ctrl+h": "backspace",
    "ctrl+left_square_bracket": "escape",
}


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

    def lookup(self, key: str, where: Where, kind: str = "", traits: frozenset[str] = NO_TRAITS) -> Action | None:
        """What a key does on a screen."""
        found = (action for action in ACTIONS if key in self.keys(action) and action.applies(where, kind, traits))
        return next(found, None)

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
    keymap = Keymap({str(name): _keys(path, str(name), keys) for name, keys in data.items()})
    clashes = keymap.conflicts()
    if clashes:
        raise KeymapError(f"{path}: {'; '.join(clashes[:_SAID])}; give one of them another key, or [] for none")
    return keymap


def _keys(path: Path, name: str, keys: object) -> tuple[str, ...]:
    if name not in BY_ID:
        near = difflib.get_close_matches(name, BY_ID, 3)
        hint = f"near it: {', '.join(near)}" if near else "docs/keys.md lists them"
        raise KeymapError(f"{path}: there is no action {name!r}; {hint}")
    listed = [keys] if isinstance(keys, str) else keys
    if not isinstance(listed, list) or not all(isinstance(key, str) and key for key in listed):
        raise KeymapError(f'{path}: the keys of {name} must be a name or a list of names, such as ["ctrl+d"]')
    return tuple(_key(path, name, key) for key in listed)


def _key(path: Path, name: str, key: str) -> str:
    """A key as Textual calls it; people may write the character itself, and `^d` for `ctrl+d`."""
    written = f"ctrl+{key[1:]}" if len(key) > 1 and key.startswith("^") else key
    if len(written) == 1:
        return _CHARACTERS.get(written, written)
    modifiers, _, last = written.rpartition("+")
    if modifiers == "shift" and len(last) == 1:
        return last.upper()
    known = last in _NAMED or (len(last) == 1 and bool(modifiers))
    if not known or not set(filter(None, modifiers.split("+"))) <= {"ctrl", "shift", "alt"}:
        raise KeymapError(
            f"{path}: {key!r} of {name} is no key: a character, or a name such as ctrl+d, f5, enter, pageup"
        )
    if written in _SAME:
        raise KeymapError(f"{path}: a terminal cannot tell {key!r} of {name} from {_SAME[written]}")
    return written
