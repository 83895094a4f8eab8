"""Draining a node in the console: the preview, the evictions, giving up."""

from __future__ import annotations

import pytest

from common.api import kinds
from common.api.meta import Key, Object, key, name, namespace
from common.errors import Cause, TooManyRequests
from console.tui.screens.drain import DrainScreen
from tests.tui.conftest import Console, running
from tests.tui.fleet import NOW, Fleet
from tests.tui.pictures import portray

SPENT = "The disruption budget web-frontend needs 3 healthy pods and has 3 currently"


@pytest.fixture
def fleet() -> Fleet:
    """berth-1 with a pod of a DaemonSet, one that nobody owns, one with local data, and two budgets."""
    fleet = Fleet().fill()
    _pod(fleet, "node-exporter-x7k2p", "metrics", {"kind": "DaemonSet", "name": "node-exporter", "uid": "ds"})
    _pod(fleet, "debug-shell", "default", None)
    _pod(fleet, "cache-0", "iot", {"kind": "StatefulSet", "name": "cache", "uid": "sts"},
         volumes=[{"name": "data", "emptyDir": {}}])  # fmt: skip
    _budget(fleet, "default", "web-frontend", allowed=1, healthy=4, desired=3)
    _budget(fleet, "metrics", "grafana", allowed=0, healthy=2, desired=2)
    there = [pod for pod in fleet.api.items(kinds.PODS) if pod["spec"].get("nodeName") == "berth-1"]
    returning = [pod for pod in there if name(pod) not in {"debug-shell", "node-exporter-x7k2p"}]
    fleet.gateway.fits = {"moves": [_move(pod, index) for index, pod in enumerate(returning)]}
    return fleet


def _pod(fleet: Fleet, named: str, space: str, owner: Object | None, **spec: object) -> None:
    metadata: Object = {"name": named, "namespace": space}
    if owner is not None:
        metadata["ownerReferences"] = [{**owner, "apiVersion": "apps/v1", "controller": True}]
    container = {"name": "main", "image": "tools/shell:1"}
    fleet.api.seed(kinds.PODS, {
        "metadata": metadata, "spec": {"nodeName": "berth-1", "containers": [container], **spec},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })  # fmt: skip


def _budget(fleet: Fleet, space: str, app: str, *, allowed: int, healthy: int, desired: int) -> None:
    fleet.api.seed(kinds.PODDISRUPTIONBUDGETS, {
        "metadata": {"name": app, "namespace": space, "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired,
                   "expectedPods": healthy, "observedGeneration": 1},
    })  # fmt: skip


def _move(pod: Object, index: int) -> Object:
    where = {"namespace": namespace(pod), "name": name(pod)}
    if name(pod).startswith("pihole"):
        full = "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory."
        return {**where, "node": "", "message": full}
    return {**where, "node": f"berth-{2 + index % 2}", "message": ""}


async def opened(console: Console) -> DrainScreen:
    await console.press("colon", *"no", "enter", "r")
    screen = console.screen
    assert isinstance(screen, DrainScreen)
    return screen


def evictions(fleet: Fleet) -> list[str]:
    return [call.key.name for call in fleet.api.calls if call.subresource == "eviction"]


def cordoned(fleet: Fleet) -> bool:
    return bool((fleet.api.find(kinds.NODES, Key("", "berth-1")) or {})["spec"].get("unschedulable"))


async def test_the_preview(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await opened(console)
        await portray(console, "drain")
        assert not cordoned(fleet)


async def test_under_way(fleet: Fleet) -> None:
    fleet.api.fail(
        TooManyRequests("Cannot evict pod.", causes=(Cause("", SPENT, "DisruptionBudget"),)),
        subresource="eviction", times=1,
    )  # fmt: skip
    async with running(fleet) as console:
        await opened(console)
        await console.press("f", "e", "enter")
        gone = evictions(fleet)[1]
        found = next(pod for pod in fleet.api.items(kinds.PODS) if name(pod) == gone)
        fleet.api.vanish(kinds.PODS, key(found))
        await console.settle()
        console.screen._note = None
        console.screen.redraw()
        await console.idle()
        await portray(console, "drain-under-way")


async def test_nothing_is_evicted_while_a_pod_refuses(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await opened(console)
        await console.press("enter")
        assert "no controller manages it" in console.note()
        assert evictions(fleet) == []
        assert not cordoned(fleet)


@pytest.mark.actions("drain", "drain.force", "drain.local", "drain.start")
async def test_it_cordons_first_then_evicts_each_pod_once_and_skips_daemons(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await opened(console)
        await console.press("f", "e", "enter")
        writes = [(call.verb, call.resource.plural) for call in fleet.api.calls if call.verb in {"patch", "post"}]
        assert writes[0] == ("patch", "nodes")
        asked = evictions(fleet)
        assert sorted(asked) == sorted(set(asked))
        assert "debug-shell" in asked
        assert "node-exporter-x7k2p" not in asked
        for pod in fleet.api.items(kinds.PODS):
            if name(pod) in asked:
                fleet.api.vanish(kinds.PODS, key(pod))
        await console.settle()
        assert "drained:" in console.text()
        await console.press("escape")
        assert not isinstance(console.app.screen, DrainScreen)


async def test_what_a_budget_refuses_is_said_and_asked_for_again(fleet: Fleet) -> None:
    refusal = TooManyRequests("Cannot evict pod.", causes=(Cause("", SPENT, "DisruptionBudget"),))
    async with running(fleet) as console:
        await opened(console)
        fleet.api.fail(refusal, subresource="eviction", times=1)
        await console.press("f", "e", "enter")
        held = evictions(fleet)[0]
        await console.settle()
        assert evictions(fleet).count(held) == 1
        assert "1 held by budgets" in console.text()
        await fleet.clock.advance(6)
        await console.settle()
        assert evictions(fleet).count(held) == 2


async def test_escape_gives_up_what_has_not_begun_and_the_node_stays_cordoned(fleet: Fleet) -> None:
    refusal = TooManyRequests("Cannot evict pod.", causes=(Cause("", "spent", "DisruptionBudget"),))
    async with running(fleet) as console:
        await opened(console)
        fleet.api.fail(refusal, subresource="eviction", times=2)
        await console.press("f", "e", "enter", "escape")
        assert console.note() == "2 pods stay; berth-1 is still cordoned"
        asked = evictions(fleet)
        await fleet.clock.advance(60)
        await console.settle()
        assert evictions(fleet) == asked
        assert cordoned(fleet)
        assert fleet.clock.now() > NOW
