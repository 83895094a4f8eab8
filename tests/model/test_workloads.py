"""Deployments keep their promises whatever users, nodes, watches, answers and restarts do meanwhile.

The whole control plane runs on the in-memory API with a clock that the machine moves. After every step the new history
is replayed and each write judged; at the end everything heals, and it must come to rest where it was asked to be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.api.kinds import DEPLOYMENTS, EVENTS, NODES, PODS, REPLICASETS, Resource
from common.api.meta import Key, Object, controller_of, is_deleting, labels, name, uid
from common.api.pods import is_active, is_ready, is_terminal, node_name
from common.clock import FakeClock
from common.errors import InternalError, ServiceUnavailable, TooManyRequests
from common.settings import ClusterConfig
from console.controllers import Controllers, all_controllers
from console.controllers.deployment.model import Spec
from console.registry.catalog import default_registry
from console.scheduler import Scheduler
from tests.fakes.api import Change, FakeApi, copy
from tests.fakes.cluster import quiet, run_pods
from tests.fakes.objects import deployment, node

KEPT = default_registry().kept()

T = TypeVar("T")
NODE_NAMES = ("n1", "n2", "n3", "n4")
WORKLOADS = ("a", "b")
CPU_OF_A_NODE = 6
STRATEGIES: tuple[Any, ...] = (
    *({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
      for surge, unavailable in ((1, 0), (0, 1), ("25%", "25%"), (2, 2), ("100%", 0))),
    {"type": "Recreate"},
)  # fmt: skip
MIRRORED = (PODS, NODES, REPLICASETS, DEPLOYMENTS)
ERRORS = (ServiceUnavailable("down"), TooManyRequests("slow down"), InternalError("disk full"))


class _Faults(logging.Handler):
    """Collects what must never be logged: a task that ended by an exception."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


class Workloads(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.faults = _Faults()
        logging.getLogger("common.aio").addHandler(self.faults)
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.client = self.api.client()
        self.read = 0
        self.pods: dict[Key, Object] = {}
        self.limits: dict[str, set[int]] = {}
        self.floors: dict[str, set[int]] = {}
        self.sizes: dict[str, dict[Key, int]] = {}
        self.recent_sizes: dict[str, set[int]] = {}
        self.disturbed = set(WORKLOADS)
        self.known_bad: set[str] = set()
        self.doubtful = False  # a mirror lagged or an answer was lost: a pod too many may come and go
        self.controllers: Controllers | None = None
        self.scheduler: Scheduler | None = None
        for node_key in NODE_NAMES:
            self.api.seed(NODES, node(node_key, cpu=str(CPU_OF_A_NODE)))
        self.do(self.start_controllers())
        self.do(self.start_scheduler())
        self.do(self.settle(25))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def settle(self, seconds: float = 0.2) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    async def start_controllers(self) -> None:
        self.controllers = all_controllers(self.client, self.clock, ClusterConfig(), resources=KEPT)
        self.controllers.start()

    async def start_scheduler(self) -> None:
        self.scheduler = Scheduler(self.client, self.clock)
        self.scheduler.start()

    # Users

    @rule(workload=st.sampled_from(WORKLOADS), replicas=st.integers(0, 6), strategy=st.sampled_from(STRATEGIES))
    def apply(self, workload: str, replicas: int, strategy: Any) -> None:
        if self.api.find(DEPLOYMENTS, Key("default", workload)) is None:
            made = deployment(workload, replicas, strategy=strategy)
            made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
            self.api.create(DEPLOYMENTS, made, "default")
        else:
            self.change(workload, {"replicas": replicas, "strategy": None})
            self.change(workload, {"strategy": strategy})
        self.disturbed.add(workload)

    @rule(workload=st.sampled_from(WORKLOADS), image=st.sampled_from(["hello:1", "hello:2", "hello:3", "broken:1"]))
    def set_image(self, workload: str, image: str) -> None:
        container = {"name": "main", "image": image, "resources": {"requests": {"cpu": "1"}}}
        self.change(workload, {"template": {"spec": {"containers": [container]}}})

    @rule(workload=st.sampled_from(WORKLOADS), replicas=st.integers(0, 6))
    def scale(self, workload: str, replicas: int) -> None:
        self.change(workload, {"replicas": replicas})
        self.disturbed.add(workload)

    @rule(workload=st.sampled_from(WORKLOADS), paused=st.booleans())
    def pause(self, workload: str, paused: bool) -> None:
        self.change(workload, {"paused": paused})

    def change(self, workload: str, spec: Object) -> None:
        """A user's write; scripted failures are for the control plane."""
        obj = self.api.find(DEPLOYMENTS, Key("default", workload))
        if obj is not None and not is_deleting(obj):
            changed = copy(obj)
            for field, value in spec.items():
                if field == "template":
                    changed["spec"]["template"]["spec"] = value["spec"]
                elif value is not None:
                    changed["spec"][field] = value
            self.api.update(DEPLOYMENTS, changed, "")

    @rule(workload=st.sampled_from(WORKLOADS), policy=st.sampled_from(["Background", "Foreground"]))
    def delete(self, workload: str, policy: str) -> None:
        key = Key("default", workload)
        if self.api.find(DEPLOYMENTS, key) is not None:
            self.api.delete(DEPLOYMENTS, key, None, None, policy)
        self.disturbed.add(workload)

    @rule(number=st.integers(0, 30))
    def delete_pod(self, number: int) -> None:
        # By age, not by name: names are random, and a failure has to come again.
        pods = sorted((pod for pod in self.api.items(PODS) if is_active(pod)), key=uid)
        if pods:
            pod = pods[number % len(pods)]
            self.api.delete(PODS, Key("default", name(pod)), None, None, None)
            self.disturbed.add(labels(pod)["app"])

    # Nodes

    @rule(node_key=st.sampled_from(NODE_NAMES), status=st.sampled_from(["Unknown", "False", "True", "True"]))
    def node_reports(self, node_key: str, status: str) -> None:
        obj = self.api.find(NODES, Key("", node_key))
        if obj is not None:
            changed = copy(obj)
            changed["status"]["conditions"][0]["status"] = status
            self.api.update(NODES, changed, "status")
            self.disturbed.update(WORKLOADS)
            self.known_bad.discard(node_key)

    @rule(node_key=st.sampled_from(NODE_NAMES), cordoned=st.booleans())
    def cordon(self, node_key: str, cordoned: bool) -> None:
        obj = self.api.find(NODES, Key("", node_key))
        if obj is not None:
            changed = copy(obj)
            changed["spec"]["unschedulable"] = cordoned
            self.api.update(NODES, changed, "")
            self.known_bad.discard(node_key)

    @rule(node_key=st.sampled_from(NODE_NAMES))
    def replace_node(self, node_key: str) -> None:
        key = Key("", node_key)
        if self.api.find(NODES, key) is None:
            self.api.seed(NODES, node(node_key, cpu=str(CPU_OF_A_NODE)))
        else:
            self.api.vanish(NODES, key)
        self.disturbed.update(WORKLOADS)
        self.known_bad.discard(node_key)

    @rule()
    def agents_act(self) -> None:
        self.run_agents()
        self.do(self.settle())

    def run_agents(self) -> None:
        def stuck(pod: Object) -> bool:
            return self.api.find(NODES, Key("", node_name(pod))) is None or "broken" in str(pod["spec"]["containers"])

        run_pods(self.api, broken=stuck)

    # The world between the components

    @rule(resource=st.sampled_from(MIRRORED))
    def hold_watch(self, resource: Resource) -> None:
        self.api.hold(resource)
        self.doubtful = True

    @rule()
    def release_watches(self) -> None:
        self.api.release()
        self.do(self.settle())

    @rule(count=st.integers(1, 5))
    def repeat_events(self, count: int) -> None:
        self.api.repeat(count)

    @rule(expired=st.booleans())
    def cut_watches(self, expired: bool) -> None:
        self.api.expire() if expired else self.api.cut()

    @rule(
        verb=st.sampled_from(["create", "update", "patch", "delete", "post", "list", "watch"]),
        error=st.sampled_from(ERRORS), times=st.integers(1, 3),
    )  # fmt: skip
    def fail_calls(self, verb: str, error: Any, times: int) -> None:
        self.api.fail(error, verb=verb, times=times)

    @rule(verb=st.sampled_from(["create", "patch", "delete", "post"]))
    def lose_answer(self, verb: str) -> None:
        self.api.fail(TimeoutError, verb=verb, after=True)
        self.doubtful = True

    @rule()
    def restart_controllers(self) -> None:
        assert self.controllers is not None
        self.do(self.controllers.close())
        self.do(self.start_controllers())

    @rule()
    def restart_scheduler(self) -> None:
        assert self.scheduler is not None
        self.do(self.scheduler.close())
        self.do(self.start_scheduler())

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(self.settle(seconds))
        if not self.api.is_holding:
            self.doubtful = self.doubtful and seconds < 30
            self.known_bad = {name(obj) for obj in self.api.items(NODES) if not takes_pods(obj)}

    # Judgement

    @precondition(lambda self: hasattr(self, "api"))
    @invariant()
    def every_write_keeps_the_promises(self) -> None:
        changes = self.api.changes(self.read)
        self.read += len(changes)
        for change in changes:
            if change.group_resource == DEPLOYMENTS.group_resource:
                self.note_spec(change)
            elif change.group_resource == REPLICASETS.group_resource:
                self.judge_size(change)
            elif change.group_resource == PODS.group_resource:
                self.judge_pod(change)
        assert not self.faults.seen
        if not self.api.is_holding:
            self.forget_old_specs()

    def note_spec(self, change: Change) -> None:
        obj = change.new if change.new is not None else change.old
        assert obj is not None
        spec = Spec.of(obj)
        self.limits.setdefault(name(obj), set()).add(spec.max_total if change.new is not None else 0)
        self.floors.setdefault(name(obj), set()).add(
            spec.replicas - spec.max_unavailable if spec.rolling and change.new is not None else 0
        )

    def forget_old_specs(self) -> None:
        """What is stored now is what counts, as soon as the controllers have had a moment to see it."""
        self.do(quiet(self.api))
        changes = self.api.changes(self.read)
        if changes:
            self.every_write_keeps_the_promises()
            return
        self.recent_sizes = {uid(obj): {int(obj["spec"]["replicas"])} for obj in self.api.items(REPLICASETS)}
        for workload in WORKLOADS:
            obj = self.api.find(DEPLOYMENTS, Key("default", workload))
            self.limits[workload], self.floors[workload] = set(), set()
            if obj is not None:
                self.note_spec(Change(0, "", None, obj, b""))
            enough = self.available(workload) >= max(self.floors[workload], default=0)
            if (
                obj is not None
                and enough
                and obj.get("status", {}).get("availableReplicas", 0) == self.available(workload)
            ):
                self.disturbed.discard(workload)

    def judge_size(self, change: Change) -> None:
        """Sizes in sum never grow beyond replicas + maxSurge."""
        obj = change.new if change.new is not None else change.old
        assert obj is not None
        workload = labels(obj)["app"]
        # By owner: the ReplicaSets of a deleted namesake are on their way out and count for nobody.
        sizes = self.sizes.setdefault(str((controller_of(obj) or {}).get("uid")), {})
        before = sum(sizes.values())
        key = Key("default", name(obj))
        sizes.pop(key, None)
        if change.new is not None and not is_deleting(obj):
            sizes[key] = int(obj["spec"]["replicas"])
            self.recent_sizes.setdefault(uid(obj), set()).add(sizes[key])
        assert sum(sizes.values()) <= max({before, *self.limits.get(workload, ())})

    def judge_pod(self, change: Change) -> None:
        obj = change.new if change.new is not None else change.old
        assert obj is not None
        key = Key("default", name(obj))
        workload = labels(obj)["app"]
        before = self.available(workload)
        if change.new is None:
            self.pods.pop(key, None)
        else:
            self.pods[key] = obj
        if change.old is not None and is_active(change.old) and not is_active(obj) and workload not in self.disturbed:
            after = self.available(workload)
            assert after >= min({before, *self.floors.get(workload, ())}), "a rollout took more than it may"
        if change.old is None and not self.doubtful:
            self.judge_creation(obj)
        if node_name(obj) and (change.old is None or not node_name(change.old)):
            assert node_name(obj) not in self.known_bad, "a pod was placed on a node that takes none"
            running = [pod for pod in self.pods.values() if node_name(pod) == node_name(obj) and not is_terminal(pod)]
            assert len(running) <= CPU_OF_A_NODE, "a node holds more than it has"

    def judge_creation(self, made: Object) -> None:
        """No pod is made that its ReplicaSet lacks by no size that it had of late."""
        owner = str((controller_of(made) or {}).get("uid"))
        active = sum(is_active(pod) and (controller_of(pod) or {}).get("uid") == owner for pod in self.pods.values())
        assert active <= max(self.recent_sizes.get(owner, {0})), "a pod was made twice"

    def available(self, workload: str) -> int:
        return sum(is_active(pod) and is_ready(pod) for pod in self.pods.values() if labels(pod)["app"] == workload)

    # The end

    def teardown(self) -> None:
        if not hasattr(self, "api"):
            return
        try:
            self.heal()
            self.come_to_rest()
            for workload in WORKLOADS:
                self.check_converged(workload)
            revision = self.writes()
            self.restart_controllers()
            self.do(self.settle(30))
            assert self.writes() == revision, "a converged control plane still writes"
            self.api.assert_untouched()
        finally:
            assert self.controllers is not None
            assert self.scheduler is not None
            self.do(self.controllers.close())
            self.do(self.scheduler.close())
            self.loop.close()
            logging.getLogger("common.aio").removeHandler(self.faults)

    def heal(self) -> None:
        self.api.heal()
        self.api.release()
        for node_key in NODE_NAMES:
            if self.api.find(NODES, Key("", node_key)) is None:
                self.replace_node(node_key)
            self.node_reports(node_key, "True")
            self.cordon(node_key, cordoned=False)
        for workload in WORKLOADS:
            self.change(workload, {"paused": False})
            obj = self.api.find(DEPLOYMENTS, Key("default", workload))
            if obj is not None and "broken" in str(obj["spec"]["template"]):
                self.set_image(workload, "hello:1")

    def come_to_rest(self) -> None:
        still = 0
        for _ in range(200):
            before = self.writes()
            self.run_agents()
            self.do(self.settle(2))
            still = still + 1 if self.writes() == before else 0
            self.every_write_keeps_the_promises()
            if still > 40:  # longer than the longest back-off and the longest belief in a lost create
                return
        raise AssertionError("the control plane does not come to rest")

    def writes(self) -> int:
        """Writes so far, but for events, which may trickle on."""
        return sum(change.group_resource != EVENTS.group_resource for change in self.api.changes(0))

    def check_converged(self, workload: str) -> None:
        obj = self.api.find(DEPLOYMENTS, Key("default", workload))
        pods = [pod for pod in self.api.items(PODS) if labels(pod)["app"] == workload]
        if obj is None:
            assert pods == []
            assert [rs for rs in self.api.items(REPLICASETS) if labels(rs)["app"] == workload] == []
            return
        wanted = obj["spec"]["replicas"]
        image = obj["spec"]["template"]["spec"]["containers"][0]["image"]
        assert [pod["spec"]["containers"][0]["image"] for pod in pods] == [image] * wanted
        assert all(is_ready(pod) for pod in pods)
        status = obj["status"]
        figures = [status.get(figure, 0) for figure in ("replicas", "availableReplicas", "updatedReplicas")]
        assert figures == [wanted] * 3
        assert status["observedGeneration"] == obj["metadata"]["generation"]


def takes_pods(obj: Object) -> bool:
    return not obj["spec"].get("unschedulable") and obj["status"]["conditions"][0]["status"] == "True"


TestWorkloads = Workloads.TestCase
# The same examples each time, so that a red run means a change; raise max_examples to look for more. Together with
# other tests there are others: Hypothesis tries numbers that stand in the modules that are loaded.
TestWorkloads.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
