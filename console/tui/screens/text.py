"""Descriptions and YAML: text that scrolls, can be searched and copied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from textual.widget import Widget

from common.api import kinds, meta, pods, rollout, storage
from common.api.kinds import Resource
from common.api.meta import Object
from common.errors import NotFound
from console.tui.actions import Where
from console.tui.gateway import Gateway, reread, usage_of
from console.tui.session import Session
from console.tui.view import SERVICE_NAME_LABEL
from console.tui.widgets.buffer import Entry, LineBuffer
from console.tui.widgets.spans import Line
from console.tui.widgets.text_view import Paint, TextView
from console.views.describe import Related, describe
from console.views.rollouts import owned_by
from console.views.status import Tone
from console.views.yaml_text import to_yaml

from .deck import Deck, Handler

_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
_FIELD = re.compile(r"(\s*(?:- )?)([\w./-][\w ./()-]*:)( +)?(.*)")
_BAD = re.compile(r"Warning|Failed|Error|BackOff|NotReady|Unhealthy|False\b.*\bReady")


def yaml_lines(obj: Object) -> list[str]:
    """The object as YAML, a Secret's values hidden."""
    return to_yaml(obj, mask_secrets=True).splitlines()


async def description(gateway: Gateway, resource: Resource, obj: Object, now: datetime) -> list[str]:
    """The description of the object as it is now, or as it was known when it is gone."""
    try:
        fresh = await reread(gateway, resource, obj)
    except NotFound:
        return ["This object is gone. This is how it was last:", "", *describe(obj, Related(), now)]
    return describe(fresh, await _related(gateway, resource, fresh), now)


async def _related(gateway: Gateway, resource: Resource, obj: Object) -> Related:
    space = meta.namespace(obj) or None
    selector = f"involvedObject.name={meta.name(obj)},involvedObject.kind={resource.kind}"
    events = (await gateway.list(kinds.EVENTS, space, field_selector=selector)).items
    if resource == kinds.NODES:
        found = (await gateway.list(kinds.PODS)).items
        return Related(events=events, pods=[pod for pod in found if pods.node_name(pod) == meta.name(obj)])
    if resource == kinds.PERSISTENTVOLUMECLAIMS:
        found = (await gateway.list(kinds.PODS, space)).items
        usage = await usage_of(gateway, obj)
        return Related(events=events, pods=[pod for pod in found if storage.uses_claim(pod, obj)], usage=usage)
    if resource in rollout.HISTORY:
        found = (await gateway.list(rollout.HISTORY[resource], space)).items
        return Related(events=events, revisions=owned_by(obj, found))
    if resource == kinds.CRONJOBS:
        return Related(events=events, jobs=owned_by(obj, (await gateway.list(kinds.JOBS, space)).items))
    if resource == kinds.SERVICES:
        selector = f"{SERVICE_NAME_LABEL}={meta.name(obj)}"
        found = (await gateway.list(kinds.ENDPOINTSLICES, space, label_selector=selector)).items
        return Related(events=events, endpointslices=found)
    return Related(events=events)


def paint_field(entry: Entry) -> Line:
    """`Field:  value` in two colours; warnings stand out."""
    text = entry.text
    if _BAD.search(text) and ":" not in text.split("  ")[0]:
        return [(text, Tone.WARN)]
    match = _FIELD.fullmatch(text)
    if match is None:
        return [(text, Tone.DIM if text.isupper() else Tone.TEXT)]
    indent, name, gap, value = match.groups()
    if not value:
        return [(indent, Tone.TEXT), (name, Tone.KEY)]
    return [(indent, Tone.TEXT), (name, Tone.LINK), (gap or "", Tone.TEXT), (value, Tone.TEXT)]


def paint_change(entry: Entry) -> Line:
    """A line of a difference: what comes, what goes, what stays."""
    return [(entry.text, {"+": Tone.OK, "-": Tone.BAD}.get(entry.text[:1], Tone.TEXT))]


class TextScreen(Deck):
    """Shows lines that do not change."""

    where = Where.TEXT

    def __init__(
        self, session: Session, title: str, trail: Sequence[str], lines: Sequence[str], *, wrap: bool = False,
        paint: Paint = paint_field,
    ) -> None:  # fmt: skip
        super().__init__(session)
        self._lines = list(lines)
        self._trail = list(trail)
        buffer = LineBuffer(Entry(line) for line in lines)
        self._view = TextView(buffer, session.look, paint, wrap=wrap)
        self._view.add_class("framed")
        self._view.border_title = title.replace("[", "\\[")

    def body(self) -> Iterable[Widget]:
        yield self._view

    def rest_focus(self) -> None:
        self._view.focus()

    def trail(self) -> Sequence[str]:
        return self._trail

    def standing(self) -> Line:
        if self._view.pattern is not None:
            return [(f"{self._view.hits()} lines have it ", Tone.KEY)]
        return [(f"{len(self._lines)} lines ", Tone.DIM)]

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._view.navigate, where) for where in _MOVES}
        return moves | {
            "search": lambda: self.prompt("/"),
            "search.next": self._next,
            "search.previous": partial(self._next, backwards=True),
            "copy": self._copy,
            "text.wrap": lambda: self._view.set_wrap(not self._view.wrap),
        }

    def search(self, text: str, *, final: bool) -> None:
        wrong = self._view.search(text)
        if final and wrong:
            self.say(wrong, Tone.WARN)

    def _next(self, *, backwards: bool = False) -> None:
        if not self._view.next_hit(backwards=backwards):
            self.say("nothing is searched for; / begins a search", Tone.DIM)

    def _copy(self) -> None:
        self.app.copy_to_clipboard("\n".join(self._lines))
        self.say(f"copied {len(self._lines)} lines")

    def _back(self) -> None:
        if self._view.pattern is not None:
            self._view.search("")
            self.redraw()
        else:
            super()._back()
