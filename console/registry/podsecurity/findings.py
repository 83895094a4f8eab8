"""What checks of the standards share: how they walk a pod, and how they say what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from common.api.meta import Object

_KINDS = ("initContainers", "containers", "ephemeralContainers")


class Finding(NamedTuple):
    """What a check has against a pod: in a few words, and in full."""

    reason: str
    detail: str


Check = Callable[[Object, Mapping[str, str]], Finding | None]
"""Gets the spec of a pod and its annotations; None when it has nothing against it."""


def containers(spec: Object) -> Iterator[Object]:
    """All containers, in the order in which checks name them."""
    for kind in _KINDS:
        yield from spec.get(kind) or ()


def context(holder: Object) -> Object:
    """The securityContext of a pod's spec or of a container."""
    found: Object = holder.get("securityContext") or {}
    return found


def quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def one_or_many(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def named(found: list[str]) -> str:
    """Containers by name: `containers "a", "b"`."""
    return f"{one_or_many(len(found), 'container', 'containers')} {quoted(found)}"


def setters(spec: Object, is_bad: Callable[[Object], bool]) -> str:
    """Whose securityContext is bad, `pod and container "a"`; empty when none is."""
    found = ["pod"] if is_bad(context(spec)) else []
    bad = [container["name"] for container in containers(spec) if is_bad(context(container))]
    return " and ".join([*found, named(bad)] if bad else found)
