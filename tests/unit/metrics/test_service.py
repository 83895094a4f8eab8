"""What the API shows of figures: of pods that run where the message came from, with their labels, for as long as they
are true."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from common.api.kinds import (
    CLUSTER_SERIES,
    NODE_METRICS,
    NODE_SERIES,
    NODES,
    POD_METRICS,
    POD_SERIES,
    PODS,
    SERVICE_SERIES,
    Resource,
)
from common.api.meta import Object
from common.client import SharedInformers
from common.clock import FakeClock
from common.errors import BadRequest, NotFound
from common.session import Usage
from console.metrics import Metrics
from tests.fakes.api import FakeApi

Kit = tuple[Metrics, FakeClock]


def usage(at: float, uid: str, cores: float) -> Usage:
    container = {"name": "app", "started": "x", "cpu": int(at * cores * 1e9), "memory": 64 << 20}
    pod = {"namespace": "default", "name": "web", "uid": uid, "containers": [container]}
    return Usage(at, {"cpu": int(at * 1e9), "memory": 2 << 30}, [pod])


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    clock = FakeClock()
    api = FakeApi(clock)
    api.seed(NODES, {"metadata": {"name": "n1", "labels": {"zone": "a"}}})
    found: Object = {"name": "web", "namespace": "default", "labels": {"app": "web"}}
    api.seed(PODS, {"metadata": found, "spec": {"nodeName": "n1"}})
    informers = SharedInformers(api.client(), clock)
    metrics = Metrics(informers, clock)
    informers.start()
    for resource in (NODES, PODS):
        await informers.get(resource).synced.wait()
    yield metrics, clock
    await informers.close()


async def uid_of(metrics: Metrics) -> str:
    (pod,) = metrics._pods.items()
    return str(pod["metadata"]["uid"])


async def feed(kit: Kit, node: str = "n1") -> None:
    metrics, clock = kit
    uid = await uid_of(metrics)
    for step in range(3):
        metrics.take(node, usage(10.0 + 5 * step, uid, 0.25))
        await clock.advance(5)


async def test_metrics_server_s_objects(kit: Kit) -> None:
    await feed(kit)
    metrics, _ = kit
    (node,) = metrics.every(NODE_METRICS, "", {})
    assert node["usage"] == {"cpu": "1000000000n", "memory": "2097152Ki"}
    assert (node["window"], node["metadata"]["labels"]) == ("5s", {"zone": "a"})
    assert node["timestamp"] == "2026-01-01T00:00:10Z"
    pod = metrics.one(POD_METRICS, "default", "web", {})
    assert pod is not None
    assert pod["containers"] == [{"name": "app", "usage": {"cpu": "250000000n", "memory": "65536Ki"}}]
    assert pod["metadata"]["labels"] == {"app": "web"}
    assert list(metrics.every(POD_METRICS, "other", {})) == []


async def test_figures_of_another_node_s_pod_do_not_count(kit: Kit) -> None:
    await feed(kit, "n2")
    assert list(kit[0].every(POD_METRICS, "", {})) == []


async def test_a_node_that_is_silent_has_no_figures(kit: Kit) -> None:
    await feed(kit)
    metrics, clock = kit
    await clock.advance(60)
    assert list(metrics.every(NODE_METRICS, "", {})) == []
    assert metrics.one(POD_METRICS, "default", "web", {}) is None


async def test_series(kit: Kit) -> None:
    await feed(kit)
    metrics, _ = kit
    found = metrics.one(NODE_SERIES, "", "n1", {"seconds": "20"})
    assert found is not None
    assert found["stepSeconds"] == 5
    assert [value for value in found["cpu"] if value is not None] == pytest.approx([1000, 1000], rel=0.005)
    assert len(list(metrics.every(POD_SERIES, "default", {}))) == 1
    cluster = metrics.one(CLUSTER_SERIES, "", "cluster", {})
    assert cluster is not None
    assert len(cluster["memory"]) == 180
    assert metrics.one(NODE_SERIES, "", "none", {}) is None


async def test_what_comes_to_services_is_kept_a_point_a_slot(kit: Kit) -> None:
    metrics, clock = kit
    asked = 0

    def rates() -> dict[tuple[str, str], tuple[float, float | None, bool]]:
        nonlocal asked
        asked += 1
        return {("shop", "web"): (12.5, 8.0, True), ("shop", "idle"): (0.0, None, False)}

    for _ in range(4):
        metrics.take_rates(rates)
        metrics.take_rates(rates)
        await clock.advance(5)
    assert asked == 4
    (found,) = metrics.every(SERVICE_SERIES, "shop", {"seconds": "25"})
    assert (found["metadata"]["name"], found["of"], found["stepSeconds"]) == ("web", "requests", 5)
    assert [value for value in found["perSecond"] if value is not None] == pytest.approx([12.5] * 4, rel=0.005)
    assert [value for value in found["latency"] if value is not None] == pytest.approx([8.0] * 4, rel=0.02)
    assert metrics.one(SERVICE_SERIES, "shop", "idle", {}) is None
    cluster = metrics.one(CLUSTER_SERIES, "", "cluster", {"seconds": "25"})
    assert cluster is not None
    assert [value for value in cluster["requests"] if value is not None] == pytest.approx([12.5] * 4, rel=0.005)
    await clock.advance(3700)
    metrics.take_rates(dict)
    assert list(metrics.every(SERVICE_SERIES, "", {})) == []


@pytest.mark.parametrize("text", ["x", "0", "-1", "1e9", "99999999"])
async def test_a_wrong_span_is_named(kit: Kit, text: str) -> None:
    with pytest.raises(BadRequest, match="seconds: Invalid value"):
        kit[0].one(CLUSTER_SERIES, "", "cluster", {"seconds": text})


@pytest.mark.parametrize(
    ("kind", "told"), [(POD_METRICS, 'pods "none" not found'), (NODE_METRICS, 'nodes "none" not found')]
)
async def test_what_is_not_there_cannot_have_been_measured(kit: Kit, kind: Resource, told: str) -> None:
    with pytest.raises(NotFound, match=told):
        kit[0].one(kind, "default", "none", {})


async def test_the_cluster_s_latency_is_the_mean_of_what_is_answered_now(kit: Kit) -> None:
    metrics, clock = kit
    steps = (
        {("a", "x"): (30.0, 10.0, True), ("a", "y"): (10.0, 50.0, True), ("b", "z"): (7.0, None, False)},
        {("a", "x"): (0.0, 10.0, True), ("a", "y"): (0.0, 50.0, True)},
    )
    for rates in steps:
        metrics.take_rates(lambda found=rates: found)  # type: ignore[misc]
        await clock.advance(5)
    found = metrics.one(CLUSTER_SERIES, "", "cluster", {"seconds": "15"})
    assert found is not None
    assert found["requests"][-3:-1] == [pytest.approx(40, rel=0.005), 0]
    assert found["latency"][-3:-1] == [pytest.approx(20, rel=0.01), None]
    assert found["connections"][-3:-1] == [pytest.approx(7, rel=0.005), 0]
    assert found["cpu"] == [None] * 3
