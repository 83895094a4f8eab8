"""What people see of an event of the audit log: a line of it, and whether it is one that they look for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from common.api import changes
from common.api.meta import Object

CHANGES = "quarterdeck.io/changes"
REFUSED = "quarterdeck.io/refused"
_SHOWN = 3  # objects that a summary names
_LONGEST = 80  # characters of a value in it


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; empty parts do not matter. `path` begins with a plural, and has its subresource, its name or
    both."""

    path: tuple[str, ...] = ()
    namespace: str = ""
    user: str = ""
    verb: str = ""
    refused: bool = False

    def accepts(self, event: Object) -> bool:
        found: Object = event.get("objectRef") or {}
        return (
            self.path[:1] in {(), (found.get("resource"),)}
            and set(self.path[1:]) <= {found.get("subresource"), found.get("name")}
            and self.namespace in {"", found.get("namespace")}
            and (not self.user or self.user in users(event))
            and self.verb in {"", event.get("verb")}
            and (not self.refused or code(event) in {401, 403})
        )


def users(event: Object) -> list[str]:
    """Who asked, and as whom; empty for somebody who showed nothing good."""
    found = (event.get("user") or {}, event.get("impersonatedUser") or {})
    return [str(user["username"]) for user in found if user.get("username")]


def code(event: Object) -> int:
    return int((event.get("responseStatus") or {}).get("code") or 0)


def who(event: Object) -> str:
    return " as ".join(users(event)) or "-"


def about(event: Object) -> str:
    """`deployments/scale/web`, or the path of what is no resource."""
    found: Object = event.get("objectRef") or {}
    if not found:
        return str(event.get("requestURI", "")).partition("?")[0]
    return "/".join(str(found[part]) for part in ("resource", "subresource", "name") if found.get(part))


def summary(event: Object) -> str:
    """What it changed, or why it was refused."""
    annotations: Object = event.get("annotations") or {}
    if code(event) >= 400:
        status: Object = event.get("responseStatus") or {}
        return str(annotations.get(REFUSED) or status.get("message") or status.get("reason") or "")
    if event.get("stage") == "ResponseStarted":
        return "began"
    return "; ".join(_change(item) for item in _changes(annotations)[:_SHOWN])


def _changes(annotations: Object) -> list[Object]:
    try:
        found: Any = orjson.loads(str(annotations.get(CHANGES, "[]")))
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _change(item: Object) -> str:
    before, after = item.get("before") or {}, item.get("after") or {}
    if item.get("verb") != "update":
        return changes.summary(item)
    sides = (("old", before), ("new", after))
    differences: list[Object] = [
        {"path": path, **{side: _short(values[path]) for side, values in sides if path in values}}
        for path in dict.fromkeys((*before, *after))
    ]
    return changes.summary({**item, "differences": differences})


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
