"""Columns that many kinds share, and the small words that tables use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from common.api import ages, meta
from common.api.meta import Object

from .row import Column
from .scale import selector_text

NONE = "<none>"


def _age(obj: Object, now: datetime) -> str:
    return ages.since(meta.metadata(obj).get("creationTimestamp"), now)


NAME = Column(
    "Name",
    lambda obj, _now: meta.name(obj),
    format="name",
    description="Name must be unique within a namespace; a generateName makes one up.",
)
AGE = Column("Age", _age, description="The time since the object was created.")


def at(obj: Object, path: str, default: Any = None) -> Any:
    """The value at a dotted path, `default` when it is absent."""
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return default if value is None else value


def field(name: str, path: str, *, default: str = "", priority: int = 0, description: str = "") -> Column:
    """A column that shows one field as text."""
    return Column(name, lambda obj, _now: str(at(obj, path, default)), priority=priority, description=description)


def number(name: str, path: str, *, description: str = "") -> Column:
    """A column that shows one integer, 0 when absent."""
    return Column(name, lambda obj, _now: int(at(obj, path, 0)), type="integer", description=description)


def listed(values: Iterable[str]) -> str:
    return ",".join(values) or NONE


def containers(path: str) -> tuple[Column, Column]:
    """The wide columns with the containers of a pod template at `path` and their images."""
    return (
        Column(
            "Containers",
            lambda obj, _now: ",".join(str(item.get("name")) for item in at(obj, path, ())),
            priority=1,
            description="Names of each container in the template.",
        ),
        Column(
            "Images",
            lambda obj, _now: ",".join(str(item.get("image", "")) for item in at(obj, path, ())),
            priority=1,
            description="Images referenced by each container in the template.",
        ),
    )


def selector(path: str) -> Column:
    """The wide column with a label selector."""
    return Column(
        "Selector",
        lambda obj, _now: selector_text(at(obj, path, {})) or NONE,
        priority=1,
        description="A label selector over the pods of this object.",
    )
