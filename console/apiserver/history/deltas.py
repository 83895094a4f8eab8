"""What differs between two states of an object, path by path, and how to take it back. Pure.

Lists whose items have names (containers, ports, variables) are compared name by name, so that a difference says what
a person changed; other lists count as one value, because an index means nothing once the list has moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from common.api.meta import Object


@dataclass(frozen=True, slots=True)
class Named:
    """The item of a list that has this name."""

    name: str


Path: TypeAlias = tuple[str | Named, ...]


class Missing:
    """Stands for a value that is not there; None is a value."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Delta:
    """One difference; `old` or `new` is MISSING when the value was added or removed."""

    path: Path
    old: Any
    new: Any


class Diverged(Exception):
    """What is to be taken back has been changed since; `path` says where, `found` what is there now."""

    def __init__(self, delta: Delta, found: Any) -> None:
        super().__init__(text(delta.path))
        self.delta = delta
        self.found = found


def deltas(old: Any, new: Any, path: Path = ()) -> Iterator[Delta]:
    """The differences in the order of the paths; none when both are equal."""
    if old == new:
        return
    before, after = _parts(old), _parts(new)
    if before is None or after is None or (isinstance(old, list) != isinstance(new, list)):
        yield Delta(path, old, new)
        return
    for key in [*before, *(key for key in after if key not in before)]:
        yield from deltas(before.get(key, MISSING), after.get(key, MISSING), (*path, key))


def _parts(value: Any) -> dict[str | Named, Any] | None:
    """A value taken apart; None when it is compared as a whole."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list) and value and all(isinstance(item, dict) and item.get("name") for item in value):
        named: dict[str | Named, Any] = {Named(str(item["name"])): item for item in value}
        return named if len(named) == len(value) else None
    return None


def text(path: Path) -> str:
    """The path as Kubernetes writes field paths: `spec.containers[name=web].image`, `metadata.labels["a.b/c"]`."""
    written = ""
    for part in path:
        if isinstance(part, Named):
            written += f"[name={part.name}]"
        elif "." in part or "/" in part:
            written += f'["{part}"]'
        else:
            written += f".{part}" if written else part
    return written


def revert(current: Object, changes: list[Delta]) -> Object:
    """The object with the changes taken back and everything else as it is; raises Diverged when a value is no longer
    what the change had made of it."""
    result: Any = current
    for delta in changes:
        result = _reverted(result, delta, delta.path)
    return dict(result)


def _reverted(value: Any, delta: Delta, path: Path) -> Any:
    """A copy of `value` along the path, with the old value at its end."""
    if not path:
        if value != delta.new:
            raise Diverged(delta, value)
        return delta.old
    head, rest = path[0], path[1:]
    if isinstance(head, Named):
        return _reverted_item(value, delta, head, rest)
    if not isinstance(value, dict) and not isinstance(value, Missing):
        raise Diverged(delta, value)
    fields = {} if isinstance(value, Missing) else dict(value)
    inner = _reverted(fields.get(head, MISSING), delta, rest)
    if isinstance(inner, Missing):
        fields.pop(head, None)
    else:
        fields[head] = inner
    return fields


def _reverted_item(value: Any, delta: Delta, head: Named, rest: Path) -> Any:
    if isinstance(value, Missing):
        value = []
    if not isinstance(value, list):
        raise Diverged(delta, value)
    items = list(value)
    places = [place for place, item in enumerate(items) if isinstance(item, dict) and item.get("name") == head.name]
    inner = _reverted(items[places[0]] if places else MISSING, delta, rest)
    if isinstance(inner, Missing):
        return [item for place, item in enumerate(items) if place not in places]
    if places:
        items[places[0]] = inner
    else:
        items.append(inner)
    return items
