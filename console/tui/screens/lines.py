"""A page of lines that follows watched objects: what plugins make their pages of, without a word of Textual."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from common.api.kinds import Resource
from common.api.meta import Object
from console.tui.feeds import Subscription
from console.tui.session import SLICE, Session
from console.tui.widgets.buffer import Entry, LineBuffer

from .text import TextScreen, paint_field

log = logging.getLogger(__name__)

Lines: TypeAlias = Callable[[Mapping[Resource, Sequence[Object]]], Iterable[str]]
"""From all objects of the resources to what the page says. It must not wait; an exception is said instead."""


class LinesScreen(TextScreen):
    """`lines` is asked again whenever an object of `resources` has changed; it scrolls, searches and copies like any
    text. `Field:  value` and words in capitals get colours."""

    def __init__(self, session: Session, title: str, resources: Sequence[Resource], lines: Lines) -> None:
        super().__init__(session, title, [title], [])
        self._resources = tuple(resources)
        self._make = lines
        self._feeds: dict[Resource, Subscription] = {}

    def on_mount(self) -> None:
        self._feeds = {resource: self.session.feeds.open(resource) for resource in self._resources}
        self._show()

    def on_unmount(self) -> None:
        for feed in self._feeds.values():
            feed.close()

    def frame(self) -> None:
        changed = [feed.take(SLICE) for feed in self._feeds.values()]
        if any(changed):
            self._show()

    def _show(self) -> None:
        objects = {resource: list(feed.items()) for resource, feed in self._feeds.items()}
        try:
            made = [str(line) for line in self._make(objects)]
        except Exception as error:  # a plugin's: it may be wrong, and the console goes on
            log.exception("the page %s failed", self._trail[0])
            made = [f"This page failed: {type(error).__name__}: {error}"]
        if made != self._lines:
            self._lines = made
            self._view.show(LineBuffer(Entry(line) for line in made), paint_field)
