"""Where pods with claims may go, what they are told, and how their claims are bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest

from common.aio import Tasks
from common.api import meta, storage
from common.api.conditions import get_condition
from common.api.kinds import NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from common.api.meta import Key, Object
from common.api.pods import node_name
from common.client import SharedInformers
from common.clock import FakeClock
from console.scheduler import Scheduler
from console.scheduler.core import volumes
from console.scheduler.core.volumes import VolumeNeeds, binding, needs_of, pick, restrictions
from console.scheduler.scheduler import BINDS_IN_FLIGHT
from console.scheduler.volumes import VolumeBinder
from tests.fakes.api import FakeApi, copy
from tests.fakes.cluster import quiet
from tests.fakes.objects import claim, node, pod, storage_class, volume, with_claims


class Here:
    """A world of plain objects."""

    def __init__(self, *objects: Object, users: dict[str, list[str]] | None = None) -> None:
        self._objects = {(obj["kind"], meta.key(obj)): obj for obj in objects}
        self._users = users or {}

    def claim(self, key: Key) -> Object | None:
        return self._objects.get(("PersistentVolumeClaim", key))

    def volume(self, name: str) -> Object | None:
        return self._objects.get(("PersistentVolume", Key("", name)))

    def volumes(self) -> Iterable[Object]:
        return [obj for (kind, _), obj in self._objects.items() if kind == "PersistentVolume"]

    def storage_class(self, name: str) -> Object | None:
        return self._objects.get(("StorageClass", Key("", name)))

    def users(self, claim: Key, but: str) -> Iterable[str]:
        return self._users.get(claim.name, [])


def asked(
    *objects: Object, claims: tuple[str, ...] = ("data",), users: dict[str, list[str]] | None = None
) -> VolumeNeeds:
    return needs_of(with_claims(pod("web"), *claims), Here(*objects, users=users))


def on(name: str) -> dict[str, str]:
    return {"kubernetes.io/hostname": name}


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        ([claim("data", storage_class="now"), storage_class("now", wait=False)], volumes.UNBOUND_IMMEDIATE),
        ([claim("data")], volumes.UNBOUND_IMMEDIATE),
        (
            [{**claim("data", volume="pv"), "status": {"phase": "Lost"}}],
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv"',
        ),
    ],
)
def test_claims_that_no_node_can_have(found: list[Object], text: str) -> None:
    assert asked(*found).blocked == text


def test_a_pod_that_claims_devices_waits_as_nobody_gives_them_out() -> None:
    claims = [{"name": "gpu", "resourceClaimName": "gpu"}]
    found = needs_of(pod("web", resourceClaims=claims), Here())
    assert binding(found, {}, "n1") == ("cannot allocate all claims",)


async def test_a_pod_that_claims_devices_is_told_of_every_node(world: World) -> None:
    world.api.seed(PODS, pod("web", resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]))
    await world.settle()
    condition = get_condition(world.api.find(PODS, Key("default", "web")), "PodScheduled")
    assert condition["message"] == (
        "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are "
        "available: 2 Preemption is not helpful for scheduling."
    )


def test_an_ephemeral_claim_is_waited_for_and_must_be_the_pods_own() -> None:
    web = pod("web")
    web["spec"]["volumes"] = [{"name": "scratch", "ephemeral": {}}]
    wait = 'waiting for ephemeral volume controller to create the persistentvolumeclaim "web-scratch"'
    assert needs_of(web, Here()).blocked == wait
    foreign = needs_of(web, Here(claim("web-scratch", volume="pv"))).blocked
    assert foreign == "PVC default/web-scratch was not created for pod default/web (pod is not owner)"


def test_a_bound_claim_is_had_where_its_volume_is() -> None:
    needs = asked(claim("data", volume="pv"), volume("pv", node="n1", claim="default/data", phase="Bound"))
    assert binding(needs, on("n1"), "n1") == ()
    assert binding(needs, on("n2"), "n2") == (volumes.NODE_CONFLICT,)


def test_a_claim_of_a_volume_that_is_another_claims_is_had_nowhere() -> None:
    needs = asked(claim("data", volume="pv"), volume("pv", claim="default/other", phase="Bound"))
    assert binding(needs, on("n1"), "n1") == (volumes.MISSING_VOLUME,)


def test_a_waiting_claim_takes_the_smallest_volume_of_the_node_else_one_is_made() -> None:
    free = [
        volume("large", storage_class="wait", size="5Gi", node="n1"),
        volume("small", storage_class="wait", size="2Gi", node="n1"),
    ]
    needs = asked(claim("data", storage_class="wait"), storage_class("wait"), *free)
    assert pick(needs, on("n1"), "n1") == {Key("default", "data"): "small"}
    assert pick(needs, on("n2"), "n2") == {Key("default", "data"): ""}


def test_without_a_provisioner_only_nodes_with_a_volume_will_do() -> None:
    static = storage_class("wait", provisioner="kubernetes.io/no-provisioner")
    needs = asked(claim("data", storage_class="wait"), static, volume("pv", storage_class="wait", node="n1"))
    assert binding(needs, on("n1"), "n1") == ()
    assert binding(needs, on("n2"), "n2") == (volumes.BIND_CONFLICT,)


def test_two_claims_get_two_volumes() -> None:
    static = storage_class("wait", provisioner="kubernetes.io/no-provisioner")
    two = [claim("a", storage_class="wait"), claim("b", storage_class="wait", size="2Gi"), static]
    small, large = volume("one", storage_class="wait"), volume("two", storage_class="wait", size="2Gi")
    needs = asked(*two, small, large, claims=("a", "b"))
    assert pick(needs, {}, "n1") == {Key("default", "a"): "one", Key("default", "b"): "two"}
    assert binding(asked(*two, large, claims=("a", "b")), {}, "n1") == (volumes.BIND_CONFLICT,)


def test_allowed_topologies_bound_where_volumes_are_made() -> None:
    zones = [{"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}]
    needs = asked(claim("data", storage_class="wait"), storage_class("wait", allowedTopologies=zones))
    assert binding(needs, {"zone": "a"}, "n1") == ()
    assert binding(needs, {"zone": "b"}, "n2") == (volumes.BIND_CONFLICT,)


def test_one_node_and_one_pod_at_a_time() -> None:
    anywhere = volume("pv", claim="default/data", phase="Bound")
    users = {"data": ["n1"]}
    once = asked(claim("data", volume="pv"), anywhere, users=users)
    assert restrictions(once, "n1") == ()
    assert restrictions(once, "n2") == (volumes.ONE_NODE_CONFLICT,)
    many = asked(claim("data", volume="pv", modes=["ReadWriteMany"]), anywhere, users=users)
    assert restrictions(many, "n2") == ()
    alone = asked(claim("data", volume="pv", modes=["ReadWriteOncePod"]), anywhere, users=users)
    assert restrictions(alone, "n1") == (volumes.ONE_POD_CONFLICT,)


# The shell, against the in-memory API


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.scheduler = Scheduler(self.api.client(), self.clock)

    async def settle(self, seconds: float = 0.5) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    def node_of(self, name: str) -> str:
        return node_name(self.api.find(PODS, Key("default", name)))

    def claim(self, name: str) -> Object:
        found: Object = copy(self.api.find(PERSISTENTVOLUMECLAIMS, Key("default", name)))
        return found

    def bind_claim(self, name: str, volume_name: str) -> None:
        """What the volume controller does."""
        obj = self.claim(name)
        obj["spec"]["volumeName"] = volume_name
        obj["metadata"].setdefault("annotations", {})[storage.BIND_COMPLETED] = "yes"
        obj["status"] = {"phase": "Bound"}
        self.api.update(PERSISTENTVOLUMECLAIMS, obj, "")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.api.seed(NODES, node("n1"), node("n2"))
    world.scheduler.start()
    yield world
    await world.scheduler.close()
    world.api.assert_untouched()


async def test_the_pod_goes_to_its_node_when_the_volume_was_made_there(world: World) -> None:
    world.api.seed(STORAGECLASSES, storage_class("wait"))
    world.api.seed(PERSISTENTVOLUMECLAIMS, claim("data", storage_class="wait"))
    world.api.seed(PODS, with_claims(pod("web"), "data"))
    await world.settle()
    chosen = meta.annotations(world.claim("data"))[storage.SELECTED_NODE]
    assert chosen in {"n1", "n2"}
    assert world.node_of("web") == ""
    world.api.seed(PERSISTENTVOLUMES, volume("pv", node=chosen, claim="default/data", phase="Bound"))
    world.bind_claim("data", "pv")
    await world.settle()
    assert world.node_of("web") == chosen


async def test_a_free_volume_is_reserved_for_the_claim(world: World) -> None:
    world.api.seed(STORAGECLASSES, storage_class("wait", provisioner="kubernetes.io/no-provisioner"))
    world.api.seed(PERSISTENTVOLUMES, volume("pv", storage_class="wait", node="n2"))
    world.api.seed(PERSISTENTVOLUMECLAIMS, claim("data", storage_class="wait"))
    world.api.seed(PODS, with_claims(pod("web"), "data"))
    await world.settle()
    found = world.api.find(PERSISTENTVOLUMES, Key("", "pv"))
    assert found["spec"]["claimRef"]["uid"] == meta.uid(world.claim("data"))
    assert meta.annotations(found)[storage.BOUND_BY_CONTROLLER] == "yes"
    world.bind_claim("data", "pv")
    await world.settle()
    assert world.node_of("web") == "n2"


async def test_a_pod_without_its_claim_waits_and_says_so_until_it_is_there(world: World) -> None:
    world.api.seed(PODS, with_claims(pod("web"), "data"))
    await world.settle()
    condition = get_condition(world.api.find(PODS, Key("default", "web")), "PodScheduled")
    assert condition["message"] == (
        '0/2 nodes are available: persistentvolumeclaim "data" not found. '
        "no new claims to deallocate, preemption: 0/2 nodes are available: 2 "
        "Preemption is not helpful for scheduling."
    )
    world.api.seed(PERSISTENTVOLUMES, volume("pv", node="n1", claim="default/data", phase="Bound"))
    world.api.seed(PERSISTENTVOLUMECLAIMS, claim("data", volume="pv"))
    await world.settle()
    assert world.node_of("web") == "n1"


async def test_a_provisioner_that_gives_the_node_back_has_the_pod_scheduled_anew(world: World) -> None:
    world.api.seed(STORAGECLASSES, storage_class("wait"))
    world.api.seed(PERSISTENTVOLUMECLAIMS, claim("data", storage_class="wait"))
    world.api.seed(PODS, with_claims(pod("web"), "data"))
    await world.settle()
    obj = world.claim("data")
    del obj["metadata"]["annotations"][storage.SELECTED_NODE]
    world.api.update(PERSISTENTVOLUMECLAIMS, obj, "")
    await world.settle(5)
    assert meta.annotations(world.claim("data"))[storage.SELECTED_NODE] in {"n1", "n2"}


async def test_the_one_pod_of_a_claim_makes_way_for_the_next(world: World) -> None:
    world.api.seed(PERSISTENTVOLUMES, volume("pv", claim="default/data", phase="Bound"))
    world.api.seed(PERSISTENTVOLUMECLAIMS, claim("data", volume="pv", modes=["ReadWriteOncePod"]))
    world.api.seed(PODS, with_claims(pod("first", node="n1"), "data"), with_claims(pod("second"), "data"))
    await world.settle()
    assert world.node_of("second") == ""
    world.api.vanish(PODS, Key("default", "first"))
    await world.settle()
    assert world.node_of("second") in {"n1", "n2"}


async def test_pods_whose_volumes_are_never_made_keep_no_other_pod_waiting(world: World) -> None:
    count = BINDS_IN_FLIGHT + 1
    world.api.seed(NODES, node("n3"))
    world.api.seed(STORAGECLASSES, storage_class("wait"))
    for index in range(count):
        world.api.seed(PERSISTENTVOLUMECLAIMS, claim(f"data-{index}", storage_class="wait"))
        world.api.seed(PODS, with_claims(pod(f"stuck-{index}", cpu="1m", memory="1"), f"data-{index}"))
    await world.settle()
    asked = [obj for obj in world.api.items(PERSISTENTVOLUMECLAIMS) if storage.SELECTED_NODE in meta.annotations(obj)]
    assert len(asked) == count
    world.api.seed(PODS, pod("web", cpu="1m"))
    await world.settle()
    assert world.node_of("web") in {"n1", "n2", "n3"}


async def test_of_two_pods_that_wait_for_one_claim_one_may_give_up() -> None:
    clock = FakeClock()
    api = FakeApi(clock)
    api.seed(STORAGECLASSES, storage_class("wait"))
    api.seed(PERSISTENTVOLUMECLAIMS, claim("data", storage_class="wait"))
    informers = SharedInformers(api.client(), clock)
    binder = VolumeBinder(api.client(), clock, informers, lambda _uid: None, lambda: None)
    tasks = Tasks("test")
    binder.start()
    informers.start()
    await binder.synced()
    first, second = (tasks.start(who, binder.bind(with_claims(pod(who), "data"), on("n1"), "n1")) for who in "ab")
    await quiet(api)
    first.cancel()
    await quiet(api)
    api.seed(PERSISTENTVOLUMES, volume("pv", node="n1", claim="default/data", phase="Bound"))
    bound = copy(api.find(PERSISTENTVOLUMECLAIMS, Key("default", "data")))
    bound["spec"]["volumeName"] = "pv"
    bound["metadata"]["annotations"][storage.BIND_COMPLETED] = "yes"
    bound["status"] = {"phase": "Bound"}
    api.update(PERSISTENTVOLUMECLAIMS, bound, "")
    await quiet(api)
    assert second.done()
    await tasks.close()
    await informers.close()
