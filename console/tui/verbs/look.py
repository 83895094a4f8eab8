"""Verbs that look into an object or go to another one; they change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.api import kinds, meta, pods
from common.api.meta import Key, Object
from console.tui import shell as shells
from console.tui import view as views
from console.tui.gateway import reread
from console.tui.logs.sources import Choice, only
from console.tui.screens.chart import ChartScreen
from console.tui.screens.logs import LogsScreen
from console.tui.screens.rollout import RolloutScreen
from console.tui.screens.text import TextScreen, description, yaml_lines
from console.tui.screens.why import WhyScreen
from console.tui.screens.xray import of_object as tree_of
from console.tui.stage import TableStage
from console.views.containers import CONTAINERS
from console.views.status import Tone

from .inside import container_under


async def describe(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        session = browse.session
        lines = await description(session.gateway, browse.view.resource, obj, session.clock.now())
        _show_text(browse, obj, "describe", lines)


async def yaml(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        _show_text(browse, obj, "yaml", yaml_lines(await reread(browse.session.gateway, browse.view.resource, obj)))


def _show_text(browse: TableStage, obj: Object, what: str, lines: list[str]) -> None:
    trail = [*browse.trail(), meta.name(obj), what]
    title = f"{obj.get('kind', '')} {meta.key(obj)}"
    browse.app.push_screen(TextScreen(browse.session, title, trail, lines, wrap=what == "describe"))


async def events(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        browse.go(views.events_of(browse.view, obj))


async def why(browse: TableStage) -> None:
    pod = browse.current()
    if pod is not None:
        browse.app.push_screen(WhyScreen(browse.session, [*browse.trail(), meta.name(pod), "why"], pod))


async def xray(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        browse.app.push_screen(tree_of(browse.session, browse.view.resource, obj))


async def rollout(browse: TableStage) -> None:
    workload = browse.current()
    if workload is not None:
        trail = [*browse.trail(), meta.name(workload), "rollout"]
        browse.app.push_screen(RolloutScreen(browse.session, trail, browse.view.resource, meta.key(workload)))


async def chart(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        trail = [*browse.trail(), meta.name(obj), "chart"]
        browse.app.push_screen(ChartScreen(browse.session, trail, browse.view.resource, obj))


async def owner(browse: TableStage) -> None:
    obj = browse.current()
    if obj is None:
        return
    refs = meta.metadata(obj).get("ownerReferences") or ()
    ref = meta.controller_of(obj) or next(iter(refs), None)
    if ref is None:
        browse.say(f"nothing owns {meta.name(obj)}", Tone.WARN)
        return
    _go_to(browse, ref, meta.namespace(obj))


def _go_to(browse: TableStage, ref: Mapping[str, Any], space: str) -> None:
    """To the object of a reference, whatever kind it is of."""
    session = browse.session
    resource = session.catalogue.referred(ref)
    if resource is None:
        browse.say(f"{ref.get('kind')}/{ref.get('name')} is of a kind that this cluster does not list", Tone.WARN)
        return
    place = Key(space if resource.namespaced else "", str(ref.get("name")))
    browse.go(views.only(resource, place, browse.view, session.table_of(resource)))


async def involved(browse: TableStage) -> None:
    """From an event to what it is about."""
    event = browse.current()
    ref = (event or {}).get("involvedObject") or {}
    _go_to(browse, ref, str(ref.get("namespace") or ""))


async def node(browse: TableStage) -> None:
    pod = browse.current()
    name = pods.node_name(pod) if pod else ""
    if not name:
        browse.say("this pod has no node yet; W tells why", Tone.WARN)
        return
    browse.go(views.only(kinds.NODES, Key("", name), browse.view))


# Logs and shells


async def logs(browse: TableStage) -> None:
    _open_logs(browse, previous=False)


async def previous_logs(browse: TableStage) -> None:
    _open_logs(browse, previous=True)


def _open_logs(browse: TableStage, *, previous: bool) -> None:
    """Of everything that is marked, else of what is under the cursor."""
    found = browse.targets()
    choices = [choice for obj in found if (choice := _choice(browse, obj)) is not None]
    if not choices:
        if found:
            browse.say("no container has started here yet, so there are no logs", Tone.WARN)
        return
    label = choices[0].label if len(choices) == 1 else f"{len(choices)} {browse.view.resource.plural}"
    container = choices[0].container  # containers are rows of one pod: several of them are all of it
    chosen = Choice(label, lambda pod: any(choice.test(pod) for choice in choices), container * (len(choices) == 1))
    browse.app.push_screen(LogsScreen(browse.session, [*browse.trail(), label, "logs"], chosen, previous=previous))


def _choice(browse: TableStage, obj: Object) -> Choice | None:
    """The containers that an object stands for, those included that it makes later; None when none can have begun."""
    resource = browse.view.resource
    if resource in {CONTAINERS, kinds.PODS}:
        pod = browse.pod_of(obj)
        if pod is None or not pods.node_name(pod):
            return None
        return Choice(meta.name(obj), only(meta.key(pod)), meta.name(obj) if resource == CONTAINERS else "")
    inside = views.drill(browse.view, obj)
    test = inside.test() if inside and inside.resource == kinds.PODS else None
    return Choice(meta.name(obj), test) if test is not None else None


async def shell(browse: TableStage) -> None:
    await _attach(browse, shells.SHELL)


async def attach(browse: TableStage) -> None:
    await _attach(browse, ())


async def _attach(browse: TableStage, command: tuple[str, ...]) -> None:
    found = container_under(browse)
    if found is not None:
        pod, container = found
        await _leave(browse, shells.in_container(meta.key(pod), container, command))


async def host_shell(browse: TableStage) -> None:
    node = browse.current()
    if node is not None:
        await _leave(browse, shells.on_host(meta.name(node)))


async def _leave(browse: TableStage, wish: shells.Wish) -> None:
    ended = await browse.deck_app.leave_for(wish)
    browse.say(ended.text, Tone.OK if ended.orderly else Tone.BAD)
