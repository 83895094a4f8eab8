"""What a DELETE does: at once, after a grace period, after finalizers, with everything in a namespace."""

from __future__ import annotations

import pytest

from common.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, PODS
from common.api.meta import Object, uid
from common.client.base import Client
from common.errors import Conflict, Forbidden, Invalid, NotFound

from .objects import configmap, deployment, pod


async def _running_pod(client: Client, name: str = "web", **spec: object) -> Object:
    await client.create(PODS, pod(name, **spec))
    await client.post(PODS, name, "binding", {"target": {"name": "node-1"}}, "default")
    return await client.patch(PODS, name, {"status": {"phase": "Running"}}, "default", subresource="status")


async def test_what_nobody_holds_goes_at_once(client: Client) -> None:
    await client.create(CONFIGMAPS, configmap())
    await client.delete(CONFIGMAPS, "settings", "default")
    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "settings", "default")


async def test_a_namesake_is_not_deleted(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap())
    with pytest.raises(Conflict, match=r"the UID in the precondition \(other\) does not match the UID in record"):
        await client.delete(CONFIGMAPS, "settings", "default", uid="other")
    await client.delete(CONFIGMAPS, "settings", "default", uid=uid(made))


async def test_a_running_pod_gets_its_grace_period(client: Client) -> None:
    await _running_pod(client)
    marked = await client.delete(PODS, "web", "default")
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert await client.delete(PODS, "web", "default", grace_period_seconds=60) == marked
    shorter = await client.delete(PODS, "web", "default", grace_period_seconds=5)
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    assert shorter["metadata"]["deletionTimestamp"] < marked["metadata"]["deletionTimestamp"]
    await client.delete(PODS, "web", "default", grace_period_seconds=0)
    with pytest.raises(NotFound):
        await client.get(PODS, "web", "default")


async def test_a_pod_that_no_agent_has_goes_at_once(client: Client) -> None:
    await client.create(PODS, pod())
    await client.delete(PODS, "web", "default", grace_period_seconds=30)
    with pytest.raises(NotFound):
        await client.get(PODS, "web", "default")


async def test_a_pod_that_is_being_deleted_is_not_bound(client: Client) -> None:
    held = pod()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await client.create(PODS, held)
    await client.delete(PODS, "web", "default")
    with pytest.raises(Conflict, match="pod web is being deleted, cannot be assigned to a host"):
        await client.post(PODS, "web", "binding", {"target": {"name": "node-1"}}, "default")


async def test_finalizers_hold_an_object_until_the_last_is_removed(client: Client) -> None:
    held = configmap()
    held["metadata"]["finalizers"] = ["example.com/a", "example.com/b"]
    await client.create(CONFIGMAPS, held)
    marked = await client.delete(CONFIGMAPS, "settings", "default")
    assert marked["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": ["example.com/b"]}}
    assert (await client.patch(CONFIGMAPS, "settings", patch, "default"))["metadata"]["deletionTimestamp"]
    with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
        await client.patch(CONFIGMAPS, "settings", {"metadata": {"finalizers": ["example.com/c"]}}, "default")
    await client.patch(CONFIGMAPS, "settings", {"metadata": {"finalizers": None}}, "default")
    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "settings", "default")


async def test_finalizers_outlast_the_grace_period_of_a_pod(client: Client) -> None:
    held = pod()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await client.create(PODS, held)
    await client.post(PODS, "web", "binding", {"target": {"name": "node-1"}}, "default")
    await client.delete(PODS, "web", "default", grace_period_seconds=0)
    await client.patch(PODS, "web", {"metadata": {"finalizers": []}}, "default")
    with pytest.raises(NotFound):
        await client.get(PODS, "web", "default")


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
async def test_propagation_waits_for_the_collector(client: Client, policy: str, finalizer: str) -> None:
    await client.create(DEPLOYMENTS, deployment())
    marked = await client.delete(DEPLOYMENTS, "web", "default", propagation_policy=policy)
    assert marked["metadata"]["finalizers"] == [finalizer]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert marked["metadata"]["generation"] == 2
    await client.patch(DEPLOYMENTS, "web", {"metadata": {"finalizers": []}}, "default")
    with pytest.raises(NotFound):
        await client.get(DEPLOYMENTS, "web", "default")


async def test_background_leaves_the_dependents_to_the_collector(client: Client) -> None:
    await client.create(DEPLOYMENTS, deployment())
    await client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Background")
    with pytest.raises(NotFound):
        await client.get(DEPLOYMENTS, "web", "default")


async def test_a_namespace_terminates_until_it_is_finalized(client: Client) -> None:
    made = await client.create(NAMESPACES, {"metadata": {"name": "team"}})
    assert made["status"] == {"phase": "Active"}
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    marked = await client.delete(NAMESPACES, "team")
    assert marked["status"]["phase"] == "Terminating"
    with pytest.raises(Forbidden, match="namespace team because it is being terminated"):
        await client.create(CONFIGMAPS, configmap(namespace="team"))
    patched = await client.patch(NAMESPACES, "team", {"spec": {"finalizers": []}})
    assert patched["spec"]["finalizers"] == ["kubernetes"]
    await client.update(NAMESPACES, {**marked, "spec": {"finalizers": []}}, subresource="finalize")
    with pytest.raises(NotFound):
        await client.get(NAMESPACES, "team")


async def test_an_eviction_deletes_with_its_options(client: Client) -> None:
    made = await _running_pod(client)
    eviction = {"metadata": {"name": "web"}, "deleteOptions": {"gracePeriodSeconds": 3}}
    await client.post(PODS, "web", "eviction", eviction, "default")
    marked = await client.get(PODS, "web", "default")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 3
    assert uid(marked) == uid(made)
