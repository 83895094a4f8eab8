"""`?`: what can be done here, from the registry of actions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from console.tui.actions import BY_ID, NO_TRAITS, Action, Where, available, groups, key_label
from console.tui.keymap import Keymap
from console.tui.session import Session
from console.tui.table.layout import cut
from console.tui.widgets.buffer import Entry, LineBuffer
from console.tui.widgets.spans import Line
from console.tui.widgets.text_view import TextView
from console.views.columns import Column
from console.views.status import Tone

NARROW = 34  # cells of a column that has titles alone
EXPLAINED_FROM = 100  # cells of the screen where there is room for what each action does
_KEYS = 12
_SEPARATOR = "\x1f"  # between a key and its explanation, inside one line of the buffer
_DENIED = "\x1e"  # the same, when the user may not do it


def entries(
    keymap: Keymap,
    where: Where,
    kind: str,
    columns: Sequence[Column],
    width: int,
    *,
    explained: bool,
    traits: frozenset[str] = NO_TRAITS,
    read_only: bool = False,
    denied: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Actions under their groups: keys, separator, and the title or (`explained`) what it does, in `width` cells."""
    lines: list[str] = []
    for group, actions in groups(available(where, kind, traits=traits, read_only=read_only)).items():
        lines += ([""] if lines else []) + [group]
        for keys, action in _once(actions, keymap):
            denial = denied.get(action.id, "")
            text = _said(action, denial, explained=explained)
            for part in textwrap.wrap(text, width - _KEYS - 2):
                lines.append(f"{keys:<{_KEYS}}{_DENIED if denial else _SEPARATOR}{part}")
                keys = ""
    if read_only:
        text = f"Nothing: this console is read-only; {keymap.label(BY_ID['read-only'])} ends that."
        lines += ["", "Changing", *(f"{'':<2}{part}" for part in textwrap.wrap(text, width - 4))]
    letters = [(column.letter, column.title.lower()) for column in columns if column.letter]
    if where is Where.TABLE and letters:
        text = "Shift and a letter, again for the other way: " + ", ".join(f"{k} {title}" for k, title in letters)
        lines += ["", "Sorting", *(f"{'':<2}{part}" for part in textwrap.wrap(text, width - 4))]
    return lines


def _said(action: Action, denial: str, *, explained: bool) -> str:
    if denial:
        return f"{action.title}: {denial if explained else 'not allowed'}"
    return action.help.replace("`", "") if explained else action.title


def _once(actions: Iterable[Action], keymap: Keymap) -> Iterator[tuple[str, Action]]:
    """Actions with their keys; of a series that nobody changed, the first stands for all."""
    said: set[str] = set()
    for action in actions:
        if not action.series or action.id in keymap.changed:
            yield " ".join(key_label(key) for key in keymap.keys(action)[:2]), action
        elif action.series not in said:
            said.add(action.series)
            yield action.series, action


def in_columns(lines: list[str], width: int, column: int) -> list[str]:
    """The lines side by side in as many columns as fit, read from top to bottom."""
    count = max(1, width // column)
    height = -(-len(lines) // count)
    parts = [lines[start : start + height] for start in range(0, len(lines), height)]
    return ["".join(_padded(cell, column) for cell in row) for row in zip_longest(*parts, fillvalue="")]


def _padded(cell: str, column: int) -> str:
    extra = cell.count(_SEPARATOR) + cell.count(_DENIED)
    return cut(cell, column - 1 + extra).ljust(column + extra)


def _painter(column: int) -> Callable[[Entry], Line]:
    """Keys in brass, explanations plain, group titles in blue."""

    def paint(entry: Entry) -> Line:
        spans: list[tuple[str, Tone]] = []
        rest = entry.text
        while rest:
            denied = _DENIED in rest[: _KEYS + 1]
            action = denied or _SEPARATOR in rest[: _KEYS + 1]
            cell, rest = rest[: column + action], rest[column + action :]
            if action:
                tones = (Tone.DIM, Tone.DIM) if denied else (Tone.KEY, Tone.TEXT)
                spans += [(cell[:_KEYS], tones[0]), (cell[_KEYS + 1 :], tones[1])]
            else:
                spans.append((cell, Tone.TEXT if cell.startswith(" ") else Tone.LINK))
        return spans

    return paint


class Help(ModalScreen[None], inherit_bindings=False):
    """Over the screen it explains; any key that is not for scrolling closes it."""

    def __init__(
        self,
        session: Session,
        where: Where,
        kind: str,
        traits: frozenset[str],
        denied: Mapping[str, str],
        columns: Sequence[Column] = (),
    ) -> None:
        super().__init__(classes="plain" if session.look.ascii else None)
        self._session = session
        self._where = where
        self._kind = kind
        self._traits = traits
        self._denied = denied
        self._columns = columns
        self._view = TextView(LineBuffer(), session.look)

    def compose(self) -> ComposeResult:
        place = self._kind or self._where.value
        self._view.border_title = f"Keys: {place}"
        self._view.border_subtitle = "j k scroll, any other key closes"
        yield self._view

    def on_mount(self) -> None:
        self._view.focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        width = self._view.size.width - 2
        explained = width >= EXPLAINED_FROM
        column = width // 2 if explained else NARROW
        lines = entries(
            self._session.keys,
            self._where,
            self._kind,
            self._columns,
            column,
            explained=explained,
            traits=self._traits,
            read_only=self._session.read_only,
            denied=self._denied,
        )
        self._view.show(LineBuffer(Entry(line) for line in in_columns(lines, width, column)), _painter(column))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.take_key(event.key, event.character)

    def take_key(self, key: str, _character: str | None) -> None:
        action = self._session.keys.lookup(key, Where.TEXT)
        if action is not None and action.id.startswith("cursor."):
            self._view.navigate(action.id.removeprefix("cursor."))
        else:
            self.dismiss()
