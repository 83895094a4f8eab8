"""Jobs count every pod exactly once, whatever pods, watches, answers and control planes do meanwhile.

The Job controller runs on the in-memory API with a clock that the machine moves. After every step the new history is
replayed: what each pod was when its finalizer went is the truth that the counters must show once all is quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.api import jobs
from common.api.indexes import known_indexes
from common.api.kinds import JOBS, NODES, PODS, Resource
from common.api.meta import Key, Object, is_deleting, key, metadata, uid
from common.api.pods import is_active, is_terminal, node_name, phase
from common.client import SharedInformers
from common.clock import FakeClock
from common.errors import InternalError, ServiceUnavailable, TooManyRequests
from common.events import Recorder
from console.controllers.base import Kit
from console.controllers.job import JobController
from tests.fakes.api import Change, FakeApi, copy
from tests.fakes.cluster import quiet
from tests.fakes.jobs import end, job
from tests.fakes.objects import node

T = TypeVar("T")
WORK = Key("default", "work")
NODE_NAMES = ("n1", "n2")
MIRRORED = (PODS, JOBS, NODES)
ERRORS = (ServiceUnavailable("down"), TooManyRequests("slow down"), InternalError("disk full"))
UNLIMITED = 2**31 - 1


class Jobs(RuleBasedStateMachine):
    @initialize(
        completions=st.integers(1, 5),
        parallelism=st.integers(1, 4),
        mode=st.sampled_from(["NonIndexed", "Indexed"]),
        policy=st.sampled_from(["TerminatingOrFailed", "Failed"]),
        limit=st.sampled_from([2, UNLIMITED]),
    )
    def begin(self, completions: int, parallelism: int, mode: str, policy: str, limit: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.client = self.api.client()
        self.read = 0
        self.held = 0.0
        self.pods: dict[str, Object] = {}
        self.listed_failed: set[str] = set()
        self.released: dict[str, str] = {}
        self.most = parallelism
        self.only_failed = policy == "Failed"
        self.running: tuple[JobController, SharedInformers, Recorder] | None = None
        for name in NODE_NAMES:
            self.api.seed(NODES, node(name))
        self.api.seed(
            JOBS,
            job(
                completions=completions, parallelism=parallelism, completionMode=mode, podReplacementPolicy=policy,
                backoffLimit=limit,
            ),
        )  # fmt: skip
        self.do(self.start())
        self.do(self.settle())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def start(self) -> None:
        informers, recorder = SharedInformers(self.client, self.clock), Recorder(self.client, self.clock, "model")
        controller = JobController(Kit(self.client, informers, self.clock, recorder))
        recorder.start()
        informers.start()
        controller.start()
        self.running = controller, informers, recorder

    async def stop(self) -> None:
        if self.running is not None:
            for part in self.running:
                await part.close()
            self.running = None

    async def settle(self, seconds: float = 0.2) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    @property
    def job(self) -> Object:
        return self.api.get(JOBS, WORK)

    # Users

    @rule(parallelism=st.integers(1, 4))
    def set_parallelism(self, parallelism: int) -> None:
        self.change(parallelism=parallelism)
        self.most = max(self.most, parallelism)

    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:
        self.change(suspend=suspend)

    def change(self, **spec: Any) -> None:
        changed = copy(self.job)
        changed["spec"] |= spec
        self.api.update(JOBS, changed, "")

    @rule(which=st.integers(0, 11))
    def delete_pod(self, which: int) -> None:
        found = self.api.items(PODS)
        if found:
            self.api.delete(PODS, key(found[which % len(found)]), None, None, None)

    # Nodes

    @rule(which=st.integers(0, 11), code=st.sampled_from([0, 0, 1]))
    def pod_ends(self, which: int, code: int) -> None:
        for index, pod in enumerate(self.api.items(PODS)):
            if not node_name(pod) and is_active(pod):
                self.api.bind(key(pod), {"target": {"name": NODE_NAMES[index % 2]}})
        found = [pod for pod in self.api.items(PODS) if not is_terminal(pod)]
        if found:
            end(self.api, found[which % len(found)], code=code)

    @rule()
    def nodes_put_away(self) -> None:
        self.put_away()

    def put_away(self) -> None:
        for pod in self.api.items(PODS):
            if is_deleting(pod):
                if not is_terminal(pod):
                    end(self.api, pod, code=143)
                if self.api.find(PODS, key(pod)) is not None:
                    self.api.delete(PODS, key(pod), None, 0, None)

    @rule(name=st.sampled_from(NODE_NAMES), status=st.sampled_from(["Unknown", "True"]))
    def node_reports(self, name: str, status: str) -> None:
        """A host that is lost has its pods evicted."""
        changed = copy(self.api.get(NODES, Key("", name)))
        changed["status"]["conditions"][0]["status"] = status
        self.api.update(NODES, changed, "status")
        for pod in self.api.items(PODS):
            if status == "Unknown" and node_name(pod) == name and is_active(pod):
                self.api.delete(PODS, key(pod), None, None, None)

    # The world between

    @rule(resource=st.sampled_from(MIRRORED))
    def hold_watch(self, resource: Resource) -> None:
        self.api.hold(resource)

    @rule()
    def release_watches(self) -> None:
        self.held = 0.0
        self.api.release()
        self.do(self.settle())

    @rule(count=st.integers(1, 12))
    def repeat_events(self, count: int) -> None:
        self.api.repeat(count)
        self.do(self.settle())

    @rule(expire=st.booleans())
    def break_watches(self, expire: bool) -> None:
        if expire:
            self.api.expire()
        else:
            self.api.cut()
        self.do(self.settle())

    @rule(
        error=st.sampled_from(ERRORS),
        verb=st.sampled_from(["create", "update", "patch", "delete"]),
        times=st.integers(1, 3),
        after=st.booleans(),
    )
    def requests_fail(self, error: Any, verb: str, times: int, after: bool) -> None:
        self.api.fail(error, verb=verb, times=times, after=after)

    @rule(turns=st.integers(0, 60))
    def control_plane_dies(self, turns: int) -> None:
        """Anywhere in its work; a new one starts from what the API has."""

        async def die() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await self.stop()

        self.do(die())
        self.do(self.start())

    @rule(seconds=st.sampled_from([0.2, 3.0, 12.0]))
    @precondition(lambda self: self.held < 8)
    def time_passes(self, seconds: float) -> None:
        if self.api.is_holding:
            seconds = min(seconds, 3.0)  # a watch lags far less than what is expected is believed
            self.held += seconds
        self.do(self.settle(seconds))

    # What must hold

    @invariant()
    def history_is_as_promised(self) -> None:
        if not hasattr(self, "api"):
            return
        for change in self.api.changes(self.read):
            self.read += 1
            self.judge(change)

    def judge(self, change: Change) -> None:
        obj = change.new if change.new is not None else change.old
        assert obj is not None
        if change.group_resource == "jobs.batch":
            status = obj.get("status") or {}
            self.listed_failed |= set((status.get("uncountedTerminatedPods") or {}).get("failed") or ())
            assert int(status.get("succeeded") or 0) <= obj["spec"]["completions"], "more counted than asked for"
        elif change.group_resource == "pods":
            self.judge_pod(change, obj)

    def judge_pod(self, change: Change, pod: Object) -> None:
        tracked = jobs.TRACKING_FINALIZER in (metadata(pod).get("finalizers") or ())
        if (change.new is None or not tracked) and uid(pod) not in self.released:
            self.released[uid(pod)] = self.truth(pod)
        if change.new is None:
            self.pods.pop(uid(pod), None)
        else:
            self.pods[uid(pod)] = pod
        active = [entry for entry in self.pods.values() if is_active(entry)]
        assert len(active) <= self.most, f"{len(active)} active pods, {self.most} were allowed"
        if self.only_failed:
            tracked_now = [
                entry for entry in self.pods.values()
                if not is_terminal(entry) and jobs.TRACKING_FINALIZER in (metadata(entry).get("finalizers") or ())
            ]  # fmt: skip
            assert len(tracked_now) <= self.most, "a pod was replaced before it had ended"

    def truth(self, pod: Object) -> str:
        if uid(pod) in self.listed_failed:
            return "failed"
        if phase(pod) == "Succeeded":
            return "succeeded"
        return "failed" if phase(pod) == "Failed" or is_deleting(pod) else "neither"

    def teardown(self) -> None:
        if not hasattr(self, "api"):
            return
        try:
            self.do(self.come_to_rest())
            self.history_is_as_promised()
            self.check_counters()
        finally:
            self.do(self.stop())
            self.loop.close()

    async def come_to_rest(self) -> None:
        self.api.heal()
        self.api.release()
        for name in NODE_NAMES:
            changed = copy(self.api.get(NODES, Key("", name)))
            changed["status"]["conditions"][0]["status"] = "True"
            self.api.update(NODES, changed, "status")
        self.change(suspend=False)
        for _ in range(60):
            await self.settle(30)
            self.put_away()
            for pod in self.api.items(PODS):
                if is_active(pod):
                    end(self.api, pod)
            if jobs.is_finished(self.job):
                break
        await self.settle(700)

    def check_counters(self) -> None:
        found = self.job
        status = found["status"]
        assert jobs.is_finished(found), f"it never came to an end: {status}"
        assert status["uncountedTerminatedPods"] == {}
        assert all(
            jobs.TRACKING_FINALIZER not in (metadata(pod).get("finalizers") or ()) for pod in self.api.items(PODS)
        )
        truth = list(self.released.values())
        assert int(status.get("failed") or 0) == truth.count("failed")
        if jobs.is_indexed(found):
            indexes = known_indexes(str(status.get("completedIndexes") or ""), found["spec"]["completions"])
            assert int(status.get("succeeded") or 0) == len(indexes)
        else:
            assert int(status.get("succeeded") or 0) == truth.count("succeeded")
        if jobs.is_complete(found):
            assert status["succeeded"] == found["spec"]["completions"]


TestJobs = Jobs.TestCase
# The same examples each time, so that a red run means a change; raise max_examples to look for more.
TestJobs.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
