"""Evictions ask the budget, in Kubernetes' words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import PODDISRUPTIONBUDGETS, PODS
from common.api.meta import Object, is_deleting
from common.client.base import Client
from common.errors import BadRequest, Conflict, InternalError, NotFound, TooManyRequests

from .conftest import Api
from .objects import pod


async def ready(client: Client, name: str, **labels: str) -> None:
    await client.create(PODS, {**pod(name), "metadata": {"name": name, "namespace": "default", "labels": labels}})
    await client.post(PODS, name, "binding", {"metadata": {"name": name}, "target": {"name": "n1"}}, "default")
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await client.patch(PODS, name, {"status": status}, "default", subresource="status")


async def budget(client: Client, allowed: int, name: str = "web") -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    made = await client.create(PODDISRUPTIONBUDGETS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    status = {
        "observedGeneration": made["metadata"]["generation"], "disruptionsAllowed": allowed, "currentHealthy": 2,
        "desiredHealthy": 1, "expectedPods": 2,
    }  # fmt: skip
    await client.patch(PODDISRUPTIONBUDGETS, name, {"status": status}, "default", subresource="status")


async def evict(client: Client, name: str) -> Object:
    return await client.post(PODS, name, "eviction", {"metadata": {"name": name, "namespace": "default"}}, "default")


async def test_an_eviction_spends_what_the_budget_allows(client: Client) -> None:
    await asyncio.gather(*(ready(client, name, app="web") for name in ("a", "b")))
    await budget(client, 1)
    outcomes: list[Any] = await asyncio.gather(evict(client, "a"), evict(client, "b"), return_exceptions=True)
    refused = [item for item in outcomes if isinstance(item, TooManyRequests)]
    assert len(refused) == 1, outcomes
    assert refused[0].message == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = refused[0].causes[0]
    assert (cause.kind, cause.message) == (
        "DisruptionBudget", "The disruption budget web needs 1 healthy pods and has 2 currently",
    )  # fmt: skip
    status = (await client.get(PODDISRUPTIONBUDGETS, "web", "default"))["status"]
    assert (status["disruptionsAllowed"], len(status["disruptedPods"])) == (0, 1)


async def test_an_eviction_is_of_the_pod_that_is_asked(client: Client) -> None:
    await ready(client, "a", app="web")
    with pytest.raises(BadRequest) as caught:
        await client.post(PODS, "a", "eviction", {"metadata": {"name": "b", "namespace": "default"}}, "default")
    assert caught.value.message == "name in URL does not match name in Eviction object"


async def test_an_evicted_pod_says_so(client: Client) -> None:
    await ready(client, "a", app="web")
    await evict(client, "a")
    target = get_condition(await client.get(PODS, "a", "default"), "DisruptionTarget")
    assert target is not None
    assert target["reason"] == "EvictionByEvictionAPI"


async def test_a_pod_that_took_the_name_meanwhile_is_not_evicted(api: Api) -> None:
    client = api.server.local_client("test")
    await ready(client, "a", app="web")
    await budget(client, 1)
    # All three are decided before the first of them is on disk.
    outcomes: list[Any] = await asyncio.gather(
        evict(client, "a"),
        client.delete(PODS, "a", "default", grace_period_seconds=0),
        client.create(PODS, pod("a")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], Conflict), outcomes
    there = await client.get(PODS, "a", "default")
    assert there["metadata"]["uid"] == outcomes[2]["metadata"]["uid"]
    assert not is_deleting(there)
    assert get_condition(there, "DisruptionTarget") is None


async def test_a_budget_that_was_not_looked_at_yet_says_when_to_come_back(client: Client) -> None:
    await ready(client, "a", app="web")
    await budget(client, 1)
    await client.patch(PODDISRUPTIONBUDGETS, "web", {"spec": {"minAvailable": 2}}, "default")
    with pytest.raises(TooManyRequests) as refused:
        await evict(client, "a")
    assert refused.value.retry_after == 10
    assert "still being processed" in refused.value.causes[0].message


async def test_two_budgets_of_one_pod_are_an_error(client: Client) -> None:
    await ready(client, "a", app="web")
    await budget(client, 1)
    await budget(client, 1, "second")
    with pytest.raises(InternalError, match="more than one PodDisruptionBudget"):
        await evict(client, "a")


async def test_a_pod_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound):
        await evict(client, "none")
