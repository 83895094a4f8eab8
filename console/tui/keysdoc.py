"""docs/keys.md, written from the registry of actions: `python -m console.tui.keysdoc > docs/keys.md`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .actions import ACTIONS, Action, Where, groups, key_label

_INTRO = """# Keys of the console

Generated from `console/tui/actions.py`. Every key can be changed in `QUARTERDECK_HOME/keys.json`, which maps the ids
below to a key or a list of keys, for example `{"describe": ["d"], "delete": ["ctrl+x", "f8"], "wide": []}`: a
character, a name such as `enter`, `pageup` or `f5`, and either of them behind `ctrl+`. The console does not start with
a file in which a key means two things in one place, or that names what is no action or no key: it says which.

Namespaces get the keys `1` to `9` in `:ns`; `QUARTERDECK_HOME/favourites.json` keeps them for each cluster.

Shift and a letter sort a table by a column (again: the other way round): N name, P namespace, S status, R ready,
T restarts, C cpu, M memory, I address, O node or owner, A age.
"""


def document() -> str:
    """The page as Markdown."""
    parts = [_INTRO]
    for group, actions in groups(ACTIONS).items():
        parts.append(f"## {group}\n")
        parts.append(_table(actions))
    return "\n".join(parts)


def _table(actions: Sequence[Action]) -> str:
    rows = ["| keys | action | where | what it does |", "|---|---|---|---|"]
    for action in actions:
        keys = " ".join(f"`{key_label(key)}`" for key in action.keys)
        rows.append(f"| {keys} | `{action.id}` | {_where(action)} | {action.help} |")
    return "\n".join(rows) + "\n"


def _where(action: Action) -> str:
    if action.where == frozenset(Where):
        return "everywhere"
    places = [place.value for place in Where if place in action.where]
    if Where.TABLE in action.where and action.kinds:
        places[places.index(Where.TABLE.value)] = ", ".join(sorted(action.kinds))
    return ", ".join(places)


if __name__ == "__main__":
    sys.stdout.write(document())
