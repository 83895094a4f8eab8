"""Loads the entry points of a group. A plugin that cannot be loaded is left out with its reason in the log: one broken
package must not keep the console or the control plane from starting."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

log = logging.getLogger(__name__)
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?")  # short enough for the common name of a certificate


@dataclass(frozen=True, slots=True)
class Plugin:
    """`value` is what the entry point names; a class is made into an object of it."""

    name: str
    value: Any
    origin: str


def load(group: str) -> list[Plugin]:
    """The plugins of an entry point group (`quarterdeck.scheduler`), by name. Blocks: it imports them."""
    loaded: dict[str, Plugin] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        if point.name in loaded:
            log.error("plugin %s of %s is left out: %s has one of that name", point.name, origin, loaded[point.name])
            continue
        try:
            value = point.load()
            made = value() if isinstance(value, type) else value
        except Exception as error:  # noqa: BLE001 - it is foreign code: whatever it raises, we go on without it
            log.error("plugin %s of %s cannot be loaded: %s: %s", point.name, origin, type(error).__name__, error)
            continue
        log.info("plugin %s of %s is loaded into %s", point.name, origin, group)
        loaded[point.name] = Plugin(point.name, made, origin)
    return list(loaded.values())


def names(group: str) -> list[tuple[str, str]]:
    """Names and origins of the entry points of a group, without importing anything of theirs. Those whose name is no
    DNS label, or taken, are left out with the reason in the log."""
    found: dict[str, str] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        if not _LABEL.fullmatch(point.name):
            log.error("plugin %r of %s is left out: its name must be of a-z, 0-9 and -", point.name, origin)
        elif point.name in found:
            log.error("plugin %s of %s is left out: %s has one of that name", point.name, origin, found[point.name])
        else:
            found[point.name] = origin
    return list(found.items())
