"""Binding, provisioning, losing and reclaiming volumes; protection; ephemeral claims."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import meta, storage
from common.api.kinds import EVENTS, NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from common.api.meta import Key, Object
from console.controllers.ephemeralvolume import EphemeralVolumeController
from console.controllers.persistentvolume import PersistentVolumeController
from console.controllers.persistentvolume.provision import CannotProvision, volume_for
from console.controllers.storageprotection import ClaimProtection, VolumeProtection
from tests.fakes.api import copy
from tests.fakes.objects import claim, node, pod, storage_class, volume, with_claims
from tests.unit.controllers.conftest import World


def claim_of(world: World, name: str = "data") -> Any:
    return world.api.find(PERSISTENTVOLUMECLAIMS, Key("default", name))


def volume_of(world: World, name: str = "pv") -> Any:
    return world.api.find(PERSISTENTVOLUMES, Key("", name))


def said(world: World) -> list[tuple[str, str]]:
    return [(event["reason"], event["message"]) for event in world.api.items(EVENTS)]


async def begin(world: World) -> None:
    await world.start(PersistentVolumeController(world.kit))


def fill(world: World, *objects: Object) -> None:
    kinds = {
        "PersistentVolume": PERSISTENTVOLUMES, "PersistentVolumeClaim": PERSISTENTVOLUMECLAIMS, "Pod": PODS,
        "StorageClass": STORAGECLASSES, "Node": NODES,
    }  # fmt: skip
    for obj in objects:
        world.api.seed(kinds[obj["kind"]], obj)


async def test_the_smallest_volume_that_fits_is_bound_both_ways(world: World) -> None:
    fill(world, volume("large", size="9Gi"), volume("small", size="2Gi"), volume("tiny", size="1Mi"), claim("data"))
    await begin(world)
    found, bound = claim_of(world), volume_of(world, "small")
    assert (found["spec"]["volumeName"], found["status"]["phase"]) == ("small", "Bound")
    assert found["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}}
    assert bound["spec"]["claimRef"]["uid"] == meta.uid(found)
    assert bound["status"]["phase"] == "Bound"
    marks = {storage.BIND_COMPLETED: "yes", storage.BOUND_BY_CONTROLLER: "yes"}
    assert marks.items() <= meta.annotations(found).items()
    assert volume_of(world, "large")["status"]["phase"] == "Available"


@pytest.mark.parametrize(
    "unfit",
    [
        volume("pv", storage_class="fast"),
        volume("pv", size="1Mi"),
        volume("pv", modes=["ReadOnlyMany"]),
        volume("pv", claim="default/other"),
        volume("pv", labels={"disk": "hdd"}),
    ],
)
async def test_what_does_not_fit_is_left_alone(world: World, unfit: Object) -> None:
    fill(world, unfit, claim("data", selector={"matchLabels": {"disk": "ssd"}}))
    await begin(world)
    assert claim_of(world)["status"]["phase"] == "Pending"
    text = "no persistent volumes available for this claim and no storage class is set"
    assert ("FailedBinding", text) in said(world)


async def test_a_volume_reserved_by_name_is_taken_though_it_is_larger(world: World) -> None:
    fill(world, volume("pv", size="9Gi", claim="default/data"), volume("small"), claim("data"))
    await begin(world)
    assert claim_of(world)["spec"]["volumeName"] == "pv"


async def test_a_volume_that_comes_later_is_taken(world: World) -> None:
    fill(world, claim("data"))
    await begin(world)
    fill(world, {**volume("pv"), "status": {"phase": "Pending"}})
    await world.settle()
    assert claim_of(world)["status"]["phase"] == "Bound"


async def test_a_named_volume_that_does_not_fit_is_refused_with_the_reason(world: World) -> None:
    asked = claim("data", size="5Gi")
    asked["spec"]["volumeName"] = "pv"
    fill(world, volume("pv"), asked)
    await begin(world)
    assert ("VolumeMismatch", 'Cannot bind to requested volume "pv": requested PV is too small') in said(world)


async def test_a_claim_of_a_waiting_class_waits_for_its_pod_then_for_its_node(world: World) -> None:
    fill(world, storage_class("local"), claim("data", storage_class="local"))
    await begin(world)
    assert ("WaitForFirstConsumer", "waiting for first consumer to be created before binding") in said(world)
    fill(world, with_claims(pod("web"), "data"))
    await world.settle()
    assert ("WaitForPodScheduled", "waiting for pod web to be scheduled") in said(world)


async def test_a_folder_is_provided_on_the_chosen_node(world: World) -> None:
    fill(world, node("n1"), storage_class("local"))
    fill(world, claim("data", storage_class="local", annotations={storage.SELECTED_NODE: "n1"}))
    await begin(world)
    found = claim_of(world)
    name = f"pvc-{meta.uid(found)}"
    made = volume_of(world, name)
    assert (found["status"]["phase"], found["spec"]["volumeName"]) == ("Bound", name)
    assert made["spec"]["csi"] == {"driver": "local.quarterdeck.io", "volumeHandle": name}
    term = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    assert term == {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}
    assert (made["status"]["phase"], made["spec"]["persistentVolumeReclaimPolicy"]) == ("Bound", "Delete")
    assert made["metadata"]["finalizers"] == [storage.DELETION_FINALIZER]
    assert meta.annotations(found)[storage.STORAGE_PROVISIONER] == "quarterdeck.io/local"
    assert ("ProvisioningSucceeded", f"Successfully provisioned volume {name}") in said(world)


async def test_a_class_that_is_missing_or_anothers_is_said(world: World) -> None:
    fill(world, claim("data", storage_class="gone"), storage_class("far", provisioner="example.com/disk", wait=False))
    fill(world, claim("other", storage_class="far"))
    await begin(world)
    assert ("ProvisioningFailed", 'storageclass.storage.k8s.io "gone" not found') in said(world)
    assert any(reason == "ExternalProvisioning" and "'example.com/disk'" in text for reason, text in said(world))
    fill(world, node("n1"), storage_class("gone"))
    await world.settle()
    assert ("WaitForFirstConsumer", "waiting for first consumer to be created before binding") in said(world)


async def test_a_default_class_that_comes_later_is_filled_in(world: World) -> None:
    bare = claim("data")
    del bare["spec"]["storageClassName"]
    fill(world, bare)
    await begin(world)
    default = storage_class("local")
    default["metadata"]["annotations"] = {storage.DEFAULT_CLASS: "true"}
    fill(world, default)
    await world.settle()
    assert claim_of(world)["spec"]["storageClassName"] == "local"


async def test_a_claim_whose_volume_went_is_lost(world: World) -> None:
    fill(world, volume("pv"), claim("data"))
    await begin(world)
    world.api.vanish(PERSISTENTVOLUMES, Key("", "pv"))
    await world.settle()
    assert claim_of(world)["status"]["phase"] == "Lost"
    assert ("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!") in said(world)


@pytest.mark.parametrize(
    ("policy", "phase", "reason"),
    [
        ("Retain", "Released", None),
        ("Delete", "Failed", "VolumeFailedDelete"),
        ("Recycle", "Failed", "VolumeFailedRecycle"),
    ],
)
async def test_what_becomes_of_a_volume_whose_claim_went(
    world: World, policy: str, phase: str, reason: str | None
) -> None:
    fill(world, volume("pv", policy=policy), claim("data"))
    await begin(world)
    world.api.vanish(PERSISTENTVOLUMECLAIMS, Key("default", "data"))
    await world.settle()
    found = volume_of(world)
    assert (found["status"]["phase"], found["status"].get("reason")) == (phase, reason)
    fill(world, claim("data"))
    await world.settle()
    assert claim_of(world)["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"hostPath": {"path": "/mnt/data"}},
         "host_path deleter only supports /tmp/.+ but received provided /mnt/data"),
        ({"nfs": {"server": "a", "path": "/b"}},
         'error getting deleter volume plugin for volume "pv": no deletable volume plugin matched'),
    ],
)  # fmt: skip
async def test_a_volume_that_nobody_can_delete_says_why(world: World, source: Object, message: str) -> None:
    made = volume("pv", policy="Delete")
    made["spec"] = {
        key: value for key, value in made["spec"].items() if key not in {"hostPath", "local", "csi"}
    } | source
    fill(world, made, claim("data"))
    await begin(world)
    world.api.vanish(PERSISTENTVOLUMECLAIMS, Key("default", "data"))
    await world.settle()
    assert volume_of(world)["status"]["message"] == message
    assert ("VolumeFailedDelete", message) in said(world)


async def test_a_bound_claim_of_a_built_in_driver_grows(world: World) -> None:
    fill(world, node("n1"), storage_class("local", allowVolumeExpansion=True))
    fill(world, claim("data", storage_class="local", annotations={storage.SELECTED_NODE: "n1"}))
    await begin(world)
    asked = copy(claim_of(world))
    asked["spec"]["resources"]["requests"]["storage"] = "3Gi"
    world.api.update(PERSISTENTVOLUMECLAIMS, asked, "")
    await world.settle()
    assert claim_of(world)["status"]["capacity"] == {"storage": "3Gi"}
    assert volume_of(world, asked["spec"]["volumeName"])["spec"]["capacity"] == {"storage": "3Gi"}


async def test_a_converged_pair_is_left_alone(world: World) -> None:
    fill(world, volume("pv"), claim("data"))
    await begin(world)
    before = world.api.revision
    found = copy(claim_of(world))
    found["metadata"]["labels"] = {"touched": "yes"}
    world.api.update(PERSISTENTVOLUMECLAIMS, found, "")
    await world.settle()
    assert world.api.revision == before + 1


# What the built-in provisioners make


def made(provisioner: str, parameters: dict[str, str], **more: Any) -> Object:
    asked = claim("data", storage_class="c", uid="u1", **more)
    return volume_for(asked, storage_class("c", provisioner=provisioner, wait=False, parameters=parameters), None)


KEY = {
    "csi.storage.k8s.io/node-publish-secret-name": "${pvc.name}-key",
    "csi.storage.k8s.io/node-publish-secret-namespace": "${pvc.namespace}",
}


def test_a_shared_folder_has_a_folder_of_its_own_for_each_claim() -> None:
    csi = made(storage.SSHFS, {"server": "me@files", "path": "/srv", **KEY})["spec"]["csi"]
    assert csi["volumeAttributes"] == {"server": "me@files", "path": "/srv", "folder": "pvc-u1"}
    assert csi["nodePublishSecretRef"] == {"name": "data-key", "namespace": "default"}


def test_a_docker_volume_has_its_driver_and_options() -> None:
    spec = made(storage.DOCKER, {"driver": "rclone", "remote": "s3:${pv.name}"})["spec"]
    assert spec["csi"]["volumeAttributes"] == {"driver": "rclone", "remote": "s3:pvc-u1"}
    assert "nodeAffinity" not in spec


def test_only_the_local_class_makes_devices() -> None:
    asked = claim("data", storage_class="c", uid="u1")
    asked["spec"]["volumeMode"] = "Block"
    local = storage_class("c", provisioner=storage.LOCAL, parameters={})
    assert volume_for(asked, local, node("n1"))["spec"]["volumeMode"] == "Block"
    other = storage_class("c", provisioner=storage.DOCKER, wait=False, parameters={})
    with pytest.raises(CannotProvision, match=r"volumeMode Block is not supported by quarterdeck.io/docker"):
        volume_for(asked, other, None)


@pytest.mark.parametrize(
    ("provisioner", "parameters", "why"),
    [
        (storage.LOCAL, {}, "WaitForFirstConsumer"),
        (storage.LOCAL, {"size": "1"}, "parameter size is unknown"),
        (storage.SSHFS, {"path": "/srv", **KEY}, "parameter server is missing"),
        (storage.SSHFS, {"server": "s", "path": "/srv"}, "node-publish-secret-name is missing"),
        (storage.SSHFS, {"server": "s", "path": "/", "user": "me", **KEY}, "parameter user is unknown"),
    ],
)
def test_classes_that_cannot_provide_say_why(provisioner: str, parameters: dict[str, str], why: str) -> None:
    with pytest.raises(CannotProvision, match=why):
        made(provisioner, parameters)


# Protection and ephemeral volumes


async def test_a_claim_in_use_stays_until_its_pod_has_ended(world: World) -> None:
    fill(world, with_claims(pod("web", node="n1"), "data"), claim("data"))
    await world.start(ClaimProtection(world.kit))
    assert claim_of(world)["metadata"]["finalizers"] == [storage.CLAIM_PROTECTION]
    await world.client.delete(PERSISTENTVOLUMECLAIMS, "data", "default")
    await world.settle()
    assert meta.is_deleting(claim_of(world))
    world.api.vanish(PODS, Key("default", "web"))
    await world.settle()
    assert world.api.items(PERSISTENTVOLUMECLAIMS) == []


async def test_a_bound_volume_stays(world: World) -> None:
    fill(world, volume("pv", phase="Bound"))
    await world.start(VolumeProtection(world.kit))
    await world.client.delete(PERSISTENTVOLUMES, "pv")
    await world.settle()
    released = copy(volume_of(world))
    released["status"]["phase"] = "Released"
    world.api.update(PERSISTENTVOLUMES, released, "status")
    await world.settle()
    assert world.api.items(PERSISTENTVOLUMES) == []


async def test_an_ephemeral_volume_gets_a_claim_that_its_pod_owns(world: World) -> None:
    web = pod("web")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
    web["spec"]["volumes"] = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    fill(world, web)
    await world.start(EphemeralVolumeController(world.kit))
    found = claim_of(world, "web-scratch")
    owner = found["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Pod", "web", True)
    assert (meta.labels(found), found["spec"]["resources"]) == ({"a": "b"}, spec["resources"])
