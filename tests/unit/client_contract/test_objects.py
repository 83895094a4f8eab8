"""Creating, reading and changing objects."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from common.api.kinds import CONFIGMAPS, DEPLOYMENTS, EVENTS, LIMITRANGES, NAMESPACES, NODES, PODS, SERVICES
from common.api.meta import generation, labels, name, resource_version, uid
from common.client.base import Client, PatchType
from common.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound

from .objects import configmap, deployment, pod


async def test_what_was_created_is_read_back(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap(a="1"))
    assert uid(made)
    assert made["kind"] == "ConfigMap"
    assert made["apiVersion"] == "v1"
    assert await client.get(CONFIGMAPS, "settings", "default") == made


async def test_a_namespace_argument_places_the_object(client: Client) -> None:
    made = await client.create(CONFIGMAPS, {"metadata": {"name": "a"}}, "kube-system")
    assert made["metadata"]["namespace"] == "kube-system"
    with pytest.raises(BadRequest, match="does not match the namespace"):
        await client.create(CONFIGMAPS, configmap(), "kube-system")


async def test_a_name_is_taken_once(client: Client) -> None:
    await client.create(CONFIGMAPS, configmap())
    with pytest.raises(AlreadyExists, match='configmaps "settings" already exists'):
        await client.create(CONFIGMAPS, configmap())


async def test_names_are_generated(client: Client) -> None:
    made = await asyncio.gather(
        *(client.create(CONFIGMAPS, {"metadata": {"generateName": "cm-", "namespace": "default"}}) for _ in range(20))
    )
    assert len({name(obj) for obj in made}) == 20
    assert all(name(obj).startswith("cm-") for obj in made)


async def test_what_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match='configmaps "none" not found'):
        await client.get(CONFIGMAPS, "none", "default")
    with pytest.raises(NotFound, match=r'deployments\.apps "none" not found'):
        await client.update(DEPLOYMENTS, deployment("none"))
    with pytest.raises(NotFound):
        await client.patch(DEPLOYMENTS, "none", {}, "default")
    with pytest.raises(NotFound):
        await client.delete(DEPLOYMENTS, "none", "default")


async def test_a_namespace_must_exist(client: Client) -> None:
    with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
        await client.create(CONFIGMAPS, configmap(namespace="nowhere"))


async def test_wrong_objects_are_refused_with_every_cause(client: Client) -> None:
    wrong = deployment(replicas=-1)
    wrong["spec"]["template"]["spec"]["containers"][0].pop("name")
    with pytest.raises(Invalid, match=r"spec\.replicas: Invalid value: -1") as caught:
        await client.create(DEPLOYMENTS, wrong)
    assert {cause.field for cause in caught.value.causes} >= {"spec.replicas", "spec.template.spec.containers[0].name"}


async def test_defaults_are_filled_in(client: Client) -> None:
    made = await client.create(SERVICES, {"metadata": {"name": "s", "namespace": "default"},
                                          "spec": {"ports": [{"port": 80}]}})  # fmt: skip
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert made["spec"]["clusterIP"].startswith("10.43.")


async def test_services_made_at_once_get_addresses_of_their_own(client: Client) -> None:
    made = await asyncio.gather(
        *(
            client.create(
                SERVICES, {"metadata": {"name": f"s{index}", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}}
            )
            for index in range(30)
        )
    )
    assert len({service["spec"]["clusterIP"] for service in made}) == 30


async def test_an_update_with_a_revision_is_conditional(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap(a="1"))
    second = await client.update(CONFIGMAPS, {**made, "data": {"a": "2"}})
    assert resource_version(second) != resource_version(made)
    with pytest.raises(Conflict, match="the object has been modified"):
        await client.update(CONFIGMAPS, {**made, "data": {"a": "3"}})
    third = await client.update(CONFIGMAPS, configmap(a="3"))
    assert third["data"] == {"a": "3"}
    assert uid(third) == uid(made)


async def test_revision_zero_means_whatever_is_there(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap(a="1"))
    any_version = {**made["metadata"], "resourceVersion": "0"}
    second = await client.update(CONFIGMAPS, {**made, "metadata": any_version, "data": {"a": "2"}})
    assert second["data"] == {"a": "2"}
    assert resource_version(second) not in {"0", resource_version(made)}
    patched = await client.patch(
        CONFIGMAPS, "settings", {"metadata": {"resourceVersion": "0"}, "data": {"a": "3"}}, "default"
    )
    assert patched["data"] == {"a": "3"}


async def test_a_conflict_is_told_when_what_it_is_with_can_be_read(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap(a="1"))

    async def attempt(value: str) -> object:
        try:
            return (await client.update(CONFIGMAPS, {**made, "data": {"a": value}}))["data"]
        except Conflict:
            return (await client.get(CONFIGMAPS, "settings", "default"))["data"]

    first, second = await asyncio.gather(attempt("2"), attempt("3"))
    assert first == second


async def test_a_namesake_is_not_updated(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap())
    wrong = configmap(a="1")
    wrong["metadata"]["uid"] = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(Conflict, match="UID in precondition"):
        await client.update(CONFIGMAPS, wrong)
    assert await client.get(CONFIGMAPS, "settings", "default") == made


async def test_a_write_that_changes_nothing_makes_no_revision(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap(a="1"))
    assert await client.update(CONFIGMAPS, made) == made
    assert await client.patch(CONFIGMAPS, "settings", {"data": {"a": "1"}}, "default") == made


async def test_spec_and_status_have_writers_of_their_own(client: Client) -> None:
    made = await client.create(DEPLOYMENTS, {**deployment(), "status": {"replicas": 9}})
    assert "replicas" not in made.get("status", {})
    assert generation(made) == 1
    status = await client.update(
        DEPLOYMENTS, {**made, "spec": {**made["spec"], "replicas": 7}, "status": {"replicas": 2}}, subresource="status"
    )
    assert status["spec"]["replicas"] == 3
    assert status["status"]["replicas"] == 2
    assert generation(status) == 1
    spec = await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 4}, "status": {"replicas": 9}}, "default")
    assert spec["spec"]["replicas"] == 4
    assert spec["status"]["replicas"] == 2
    assert generation(spec) == 2


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (PatchType.MERGE, {"metadata": {"labels": {"tier": "front"}}}),
        (PatchType.STRATEGIC, {"metadata": {"labels": {"tier": "front"}}}),
        (PatchType.JSON, [{"op": "add", "path": "/metadata/labels", "value": {"tier": "front"}}]),
    ],
)
async def test_patches_change_what_they_name(client: Client, kind: PatchType, patch: object) -> None:
    await client.create(CONFIGMAPS, configmap(a="1"))
    patched = await client.patch(CONFIGMAPS, "settings", patch, "default", kind=kind)
    assert labels(patched) == {"tier": "front"}
    assert patched["data"] == {"a": "1"}


async def test_a_strategic_patch_merges_lists_by_key(client: Client) -> None:
    await client.create(DEPLOYMENTS, deployment())
    containers = [{"name": "main", "image": "registry.local/web:2"}, {"name": "side", "image": "side"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    patched = await client.patch(DEPLOYMENTS, "web", patch, "default", kind=PatchType.STRATEGIC)
    found = patched["spec"]["template"]["spec"]["containers"]
    assert {container["name"]: container["image"] for container in found} == {
        "main": "registry.local/web:2", "side": "side",
    }  # fmt: skip
    assert all(container["terminationMessagePath"] for container in found)


async def test_a_patch_with_a_revision_is_conditional(client: Client) -> None:
    made = await client.create(CONFIGMAPS, configmap(a="1"))
    await client.patch(CONFIGMAPS, "settings", {"data": {"a": "2"}}, "default")
    stale = {"metadata": {"resourceVersion": resource_version(made)}, "data": {"a": "3"}}
    with pytest.raises(Conflict):
        await client.patch(CONFIGMAPS, "settings", stale, "default")


async def test_parallel_patches_all_take_effect(client: Client) -> None:
    await client.create(CONFIGMAPS, configmap())
    await asyncio.gather(
        *(client.patch(CONFIGMAPS, "settings", {"data": {str(index): "x"}}, "default") for index in range(50))
    )
    found = await client.get(CONFIGMAPS, "settings", "default")
    assert len(found["data"]) == 50


async def test_a_scale_shows_and_sets_replicas(client: Client) -> None:
    await client.create(DEPLOYMENTS, deployment())
    scale = await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}}, "default", subresource="scale")
    assert scale["kind"] == "Scale"
    assert scale["spec"] == {"replicas": 5}
    assert scale["status"]["selector"] == "app=web"
    scale["spec"]["replicas"] = 2
    await client.update(DEPLOYMENTS, scale, subresource="scale")
    assert (await client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 2
    with pytest.raises(Invalid, match="must be greater than or equal to 0"):
        await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": -1}}, "default", subresource="scale")


async def test_a_pod_is_bound_once(client: Client) -> None:
    made = await client.create(PODS, pod())
    binding = {"metadata": {"uid": uid(made)}, "target": {"kind": "Node", "name": "node-1"}}
    await client.post(PODS, "web", "binding", binding, "default")
    bound = await client.get(PODS, "web", "default")
    assert bound["spec"]["nodeName"] == "node-1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    with pytest.raises(Conflict, match='pod web is already assigned to node "node-1"'):
        await client.post(PODS, "web", "binding", binding, "default")
    with pytest.raises(NotFound):
        await client.post(PODS, "none", "binding", binding, "default")


async def test_a_bound_pod_says_in_which_zone_it_is(client: Client) -> None:
    labels = {"topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1", "other": "x"}
    await client.create(NODES, {"metadata": {"name": "placed", "labels": labels}})
    await client.create(PODS, pod("web"))
    await client.post(PODS, "web", "binding", {"target": {"kind": "Node", "name": "placed"}}, "default")
    found = (await client.get(PODS, "web", "default"))["metadata"]["labels"]
    assert found.items() >= {"topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1"}.items()
    assert "other" not in found


async def test_no_pod_comes_to_a_node_before_it_is_known_to_be_ready(client: Client) -> None:
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    own = {"key": "mine", "effect": "NoExecute"}
    assert (await client.create(NODES, {"metadata": {"name": "new"}}))["spec"]["taints"] == [taint]
    made = await client.create(NODES, {"metadata": {"name": "own"}, "spec": {"taints": [own]}})
    assert made["spec"]["taints"] == [own, taint]
    made["spec"]["taints"] = [own]
    assert (await client.update(NODES, made))["spec"]["taints"] == [own]


async def test_a_binding_for_another_pod_of_that_name_is_refused(client: Client) -> None:
    await client.create(PODS, pod())
    binding = {"metadata": {"uid": "someone-else"}, "target": {"name": "node-1"}}
    with pytest.raises(Conflict, match="UID in precondition"):
        await client.post(PODS, "web", "binding", binding, "default")
    with pytest.raises(Invalid, match=r"target\.name: Required value"):
        await client.post(PODS, "web", "binding", {}, "default")


async def test_subresources_that_a_kind_has_not_are_not_found(client: Client) -> None:
    await client.create(CONFIGMAPS, configmap())
    with pytest.raises(NotFound):
        await client.post(CONFIGMAPS, "settings", "binding", {}, "default")


async def test_cluster_scoped_objects_have_no_namespace(client: Client) -> None:
    node = await client.create(NODES, {"metadata": {"name": "node-1"}, "status": {"capacity": {"cpu": "4"}}})
    assert "namespace" not in node["metadata"]
    assert node["status"]["allocatable"] == {"cpu": "4"}
    assert await client.get(NODES, "node-1") == node


async def test_immortal_namespaces_stay(client: Client) -> None:
    with pytest.raises(Forbidden, match='namespaces "default" is forbidden: this namespace may not be deleted'):
        await client.delete(NAMESPACES, "default")


async def test_events_keep_what_they_are_about(client: Client) -> None:
    event = {
        "metadata": {"name": "e", "namespace": "default"}, "reason": "Started", "message": "m", "type": "Normal",
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"},
    }  # fmt: skip
    await client.create(EVENTS, event)
    found = await client.list(EVENTS, "default", field_selector="involvedObject.name=web,involvedObject.kind=Pod")
    assert [name(obj) for obj in found.items] == ["e"]


async def test_what_is_wrong_is_said_before_the_namesake(client: Client) -> None:
    """As Kubernetes: fields first, then limits, and only then what is there already."""
    await client.create(CONFIGMAPS, configmap())
    with pytest.raises(Invalid, match="valid config key"):
        await client.create(CONFIGMAPS, {**configmap(), "data": {"a b": "c"}})
    limits = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
    await client.create(LIMITRANGES, {"metadata": {"name": "small", "namespace": "default"}, "spec": limits})
    greedy = pod()
    greedy["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "2"}}
    with pytest.raises(Forbidden, match=r"is forbidden: maximum cpu usage per Container is 1, but limit is 2$"):
        await client.create(PODS, greedy)
    greedy["spec"]["containers"][0]["name"] = "No Name"
    with pytest.raises(Invalid, match="RFC 1123 label"):
        await client.create(PODS, greedy)


async def test_a_namesake_that_is_being_deleted_is_said_to_be(client: Client) -> None:
    await client.create(CONFIGMAPS, {"metadata": {"name": "held", "namespace": "default", "finalizers": ["a.io/b"]}})
    await client.delete(CONFIGMAPS, "held", "default")
    with pytest.raises(AlreadyExists, match=r'^object is being deleted: configmaps "held" already exists$'):
        await client.create(CONFIGMAPS, configmap("held"))


async def test_a_base_of_names_is_as_long_as_a_name_may_be(client: Client) -> None:
    long = {"metadata": {"generateName": "a" * 300, "namespace": "default"}}
    with pytest.raises(Invalid, match=r"metadata\.generateName: .*must be no more than 253 characters"):
        await client.create(CONFIGMAPS, long)


async def test_what_was_sent_as_a_status_stays_the_senders(client: Client) -> None:
    await client.create(PODS, pod())
    sent: Any = {"status": {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}}
    patched = await client.patch(PODS, "web", sent, "default", subresource="status")
    sent["status"]["conditions"][0]["status"] = "False"
    assert (await client.get(PODS, "web", "default"))["status"] == patched["status"]
    replaced: Any = orjson.loads(orjson.dumps(patched))
    replaced["status"]["conditions"][0]["message"] = "as it was"
    await client.update(PODS, replaced, subresource="status")
    replaced["status"]["conditions"][0]["message"] = "changed since"
    replaced["metadata"].setdefault("labels", {})["a"] = "b"
    found = await client.get(PODS, "web", "default")
    assert found["status"]["conditions"][0]["message"] == "as it was"
    assert "a" not in labels(found)
