"""A StatefulSet keeps its promises whatever users, nodes, watches, answers and restarts do meanwhile.

Its controller runs on the in-memory API with a clock that the machine moves. Every write is judged: an ordered pod
comes only when all before it are ready, its data is there first, and a name is never given to a second pod while the
first is there. At the end everything heals, and it must rest where it was asked to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.api.kinds import CONTROLLERREVISIONS, EVENTS, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS, Resource
from common.api.meta import Key, Object, is_deleting, name, uid
from common.api.pods import is_ready, node_name
from common.client import SharedInformers
from common.clock import FakeClock
from common.errors import InternalError, ServiceUnavailable, TooManyRequests
from common.events import Recorder
from console.controllers.base import Kit
from console.controllers.statefulset import StatefulSetController
from console.controllers.statefulset.model import Spec
from tests.fakes.api import Change, FakeApi, copy
from tests.fakes.cluster import place_pods, quiet, set_ready
from tests.fakes.objects import statefulset

T = TypeVar("T")
DB = Key("default", "db")
NODE_NAMES = ("n1", "n2", "n3")
CLAIM = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
MIRRORED = (PODS, STATEFULSETS, CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS)
ERRORS = (ServiceUnavailable("down"), TooManyRequests("slow down"), InternalError("disk full"))


class StatefulSets(RuleBasedStateMachine):
    @initialize(ordered=st.booleans(), start=st.sampled_from([0, 3]))
    def begin(self, ordered: bool, start: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.client = self.api.client()
        self.read = 0
        self.lost: set[str] = set()
        self.doubtful = False  # a mirror lagged, so a step may rest on what was a moment ago
        self.specs: list[Spec] = []
        made = statefulset("db", 3, volumeClaimTemplates=[CLAIM], ordinals={"start": start})
        made["spec"]["podManagementPolicy"] = "OrderedReady" if ordered else "Parallel"
        self.api.create(STATEFULSETS, made, "default")
        self.start_controller()
        self.do(self.settle())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def settle(self, seconds: float = 0.2) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    def start_controller(self) -> None:
        async def start() -> None:
            self.informers = SharedInformers(self.client, self.clock)
            self.recorder = Recorder(self.client, self.clock, "test")
            self.controller = StatefulSetController(Kit(self.client, self.informers, self.clock, self.recorder))
            self.recorder.start()
            self.informers.start()
            self.controller.start()

        self.do(start())

    async def close_controller(self) -> None:
        await self.controller.close()
        await self.informers.close()
        await self.recorder.close()

    # Users

    def change(self, spec: Object) -> None:
        changed = copy(self.api.find(STATEFULSETS, DB))
        changed["spec"] |= spec
        self.api.update(STATEFULSETS, changed, "")

    @rule(replicas=st.integers(0, 5))
    def scale(self, replicas: int) -> None:
        self.change({"replicas": replicas})

    @rule(image=st.sampled_from(["hello:1", "hello:2", "hello:3"]))
    def set_image(self, image: str) -> None:
        template = copy(self.api.find(STATEFULSETS, DB))["spec"]["template"]
        template["spec"]["containers"][0]["image"] = image
        self.change({"template": template})

    @rule(partition=st.integers(0, 4), unavailable=st.sampled_from([1, 2, "50%"]))
    def set_strategy(self, partition: int, unavailable: Any) -> None:
        rolling = {"partition": partition, "maxUnavailable": unavailable}
        self.change({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}})

    @rule(start=st.sampled_from([0, 1, 3]))
    def renumber(self, start: int) -> None:
        self.change({"ordinals": {"start": start}})

    @rule(data=st.data(), force=st.booleans())
    def delete_pod(self, data: st.DataObject, force: bool) -> None:
        pods = self.api.items(PODS)
        if pods:
            pod = data.draw(st.sampled_from(pods))
            self.api.delete(PODS, Key("default", name(pod)), None, 0 if force else None, None)

    # Nodes

    @rule(node=st.sampled_from(NODE_NAMES), lost=st.booleans())
    def node_is_lost_or_back(self, node: str, lost: bool) -> None:
        (self.lost.add if lost else self.lost.discard)(node)

    @rule()
    def agents_act(self) -> None:
        place_pods(self.api, *NODE_NAMES)
        for pod in self.api.items(PODS):
            if node_name(pod) in self.lost:
                continue
            if is_deleting(pod):
                self.api.vanish(PODS, Key("default", name(pod)))
            elif not is_ready(pod):
                set_ready(self.api, pod)
        self.do(self.settle())

    @rule(data=st.data(), phase=st.sampled_from(["Failed", "unready"]))
    def a_pod_fails(self, data: st.DataObject, phase: str) -> None:
        pods = [pod for pod in self.api.items(PODS) if node_name(pod)]
        if not pods:
            return
        pod = data.draw(st.sampled_from(pods))
        if phase == "unready":
            set_ready(self.api, pod, ready=False)
        else:
            self.api.update(PODS, {**pod, "status": {"phase": phase}}, "status")

    # The world between the components

    @rule(resource=st.sampled_from(MIRRORED))
    def hold_watch(self, resource: Resource) -> None:
        self.api.hold(resource)
        self.doubtful = True

    @rule()
    def release_watches(self) -> None:
        self.api.release()
        self.do(self.settle())
        self.doubtful = False

    @rule(expired=st.booleans())
    def cut_watches(self, expired: bool) -> None:
        self.api.expire() if expired else self.api.cut()

    @rule(verb=st.sampled_from(["create", "update", "patch", "delete"]), error=st.sampled_from(ERRORS))
    def fail_calls(self, verb: str, error: Any) -> None:
        self.api.fail(error, verb=verb, times=2)

    @rule(verb=st.sampled_from(["create", "patch", "delete"]))
    def lose_answer(self, verb: str) -> None:
        self.api.fail(TimeoutError, verb=verb, after=True)

    @rule()
    def restart_controller(self) -> None:
        self.do(self.close_controller())
        self.start_controller()

    @rule(seconds=st.sampled_from([0.1, 5.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(self.settle(seconds))

    # Judgement

    @precondition(lambda self: hasattr(self, "api"))
    @invariant()
    def every_write_keeps_the_promises(self) -> None:
        changes = self.api.changes(self.read)
        self.read += len(changes)
        pods = {name(pod): pod for pod in self.api.items(PODS)}
        for change in reversed(changes):  # back to how it was before the first of them
            if change.group_resource == PODS.group_resource:
                self.put(pods, change, backwards=True)
        for change in changes:
            if change.group_resource == STATEFULSETS.group_resource and change.new is not None:
                self.specs = [*self.specs[-1:], Spec.of(change.new)]
            elif change.group_resource == PODS.group_resource:
                if change.old is None and change.new is not None and not self.doubtful:
                    self.judge_creation(pods, change.new)
                self.put(pods, change)

    @staticmethod
    def put(pods: dict[str, Object], change: Change, *, backwards: bool = False) -> None:
        obj, other = (change.old, change.new) if backwards else (change.new, change.old)
        if obj is not None:
            pods[name(obj)] = obj
        elif other is not None:
            pods.pop(name(other), None)

    def judge_creation(self, pods: dict[str, Object], made: Object) -> None:
        assert name(made) not in pods, "two of one name"
        ordinal = int(name(made).rpartition("-")[2])
        assert any(ordinal in spec.ordinals for spec in self.specs), "nobody asked for it"
        claim = self.api.find(PERSISTENTVOLUMECLAIMS, Key("default", f"data-{name(made)}"))
        assert claim is not None, "its data has to be there first"
        if all(spec.ordered for spec in self.specs):
            starts = max(spec.start for spec in self.specs)
            before = [pods.get(f"db-{number}") for number in range(starts, ordinal)]
            assert all(pod is not None and is_ready(pod) for pod in before), "it came before its turn"

    # The end

    def teardown(self) -> None:
        if not hasattr(self, "api"):
            return
        try:
            self.api.heal()
            self.api.release()
            self.lost.clear()
            self.come_to_rest()
            self.check_converged()
            revision = self.writes()
            self.restart_controller()
            self.do(self.settle(30))
            assert self.writes() == revision, "a converged controller still writes"
            self.api.assert_untouched()
        finally:
            self.do(self.close_controller())
            self.loop.close()

    def writes(self) -> int:
        return sum(change.group_resource != EVENTS.group_resource for change in self.api.changes(0))

    def come_to_rest(self) -> None:
        still = 0
        for _ in range(200):
            before = self.writes()
            self.agents_act()
            self.do(self.settle(2))
            self.every_write_keeps_the_promises()
            still = still + 1 if self.writes() == before else 0
            if still > 35:  # longer than the longest back-off
                return
        raise AssertionError("it does not come to rest")

    def check_converged(self) -> None:
        owner = self.api.find(STATEFULSETS, DB)
        assert owner is not None
        spec = Spec.of(owner)
        pods = {name(pod): pod for pod in self.api.items(PODS)}
        assert set(pods) == {f"db-{ordinal}" for ordinal in spec.ordinals}
        assert all(is_ready(pod) and uid(pod) for pod in pods.values())
        image = owner["spec"]["template"]["spec"]["containers"][0]["image"]
        updated = [f"db-{ordinal}" for ordinal in spec.ordinals[spec.partition :]]
        assert {pods[pod]["spec"]["containers"][0]["image"] for pod in updated} <= {image}
        status = owner["status"]
        assert (status["replicas"], status["availableReplicas"]) == (spec.replicas,) * 2
        assert status["observedGeneration"] == owner["metadata"]["generation"]
        assert status.get("updatedReplicas", 0) >= len(updated)


TestStatefulSets = StatefulSets.TestCase
# The same examples each time, so that a red run means a change; raise max_examples to look for more.
TestStatefulSets.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
