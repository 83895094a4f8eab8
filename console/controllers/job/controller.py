"""The Job controller: looks, judges, acts on pods, counts.

Neighbours: CronJobs make Jobs, the scheduler places their pods, the TTL controller removes Jobs that are over. Exact
counting rests on an order (see facts.py) and on never deciding by a past that this controller has changed itself: keys
whose own writes the mirror does not show yet are left until it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from common.api import jobs
from common.api.conditions import get_condition
from common.api.kinds import JOBS, NODES, PODS
from common.api.meta import (
    Key,
    Object,
    controller_of,
    is_deleting,
    key,
    labels,
    name,
    namespace,
    uid,
)
from common.api.pods import is_active, is_ready, node_name
from common.api.selectors import from_label_selector
from common.errors import ApiError, InternalError, NotFound
from console.controllers.base import BY_CONTROLLER, BY_NODE, ORPHANS, Controller, Kit, controller_index
from console.controllers.ownership import claim, settle
from console.controllers.ownwrites import OwnWrites
from console.controllers.podcontrol import PodControl

from . import status as statuses
from .backoff import Backoffs
from .facts import Facts, look
from .model import is_terminating, is_tracked, managed_elsewhere, status_of
from .plan import Plan, plan, without
from .pods import PodActions
from .tally import settled, tally
from .verdict import REACHED, Verdict, deadline_in, is_reached, judge

BY_JOB = "job"
"""Informer index of pods: namespace and name of the Job that controls them, whether or not it is still the same one."""


def job_index(pod: Object) -> list[str]:
    ref = controller_of(pod)
    return [f"{namespace(pod)}/{ref.get('name')}"] if ref and ref.get("kind") == JOBS.kind else []


def node_index(pod: Object) -> list[str]:
    return [node_name(pod)] if node_name(pod) else []


@dataclass(frozen=True, slots=True)
class Acted:
    """How pods stand after this round. `verdict` is None while it may not be told yet."""

    active: int
    ready: int
    terminating: int
    verdict: Verdict | None = None
    planned: bool = False
    error: Exception | None = None


class JobController(Controller[Key]):
    """Keys are Jobs; one without a name means the pods of a namespace that no Job controls."""

    name: ClassVar[str] = "job-controller"
    workers: ClassVar[int] = 5

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._control = PodControl(kit, JOBS, self.events)
        self.expectations = self._control.expectations
        self.actions = PodActions(kit.client, self._control)
        self._backoffs: Backoffs[Key] = Backoffs()
        self._own: OwnWrites[Key] = OwnWrites()
        self.index(PODS, BY_CONTROLLER, controller_index)
        self.index(PODS, BY_NODE, node_index)
        self.index(PODS, BY_JOB, job_index)
        self._jobs = self.follow(JOBS, lambda obj: [key(obj)])
        self._pods = self.mirror(PODS)
        self._nodes = self.mirror(NODES)
        self._jobs.listen(self._job_changed)
        self._control.follow(self._pods, self._owners, self.queue)
        self._nodes.listen(self._node_changed)

    def _job_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is None:
            self.queue.add(Key(namespace(old), ""))

    def _owners(self, pod: Object) -> Iterable[Key]:
        ref = controller_of(pod)
        if ref is not None:
            return [Key(namespace(pod), str(ref.get("name")))] if ref.get("kind") == JOBS.kind else []
        found = [key(job) for job in self._selecting(pod)] if not is_deleting(pod) else []
        return found + ([Key(namespace(pod), "")] if is_tracked(pod) else [])

    def _selecting(self, pod: Object) -> list[Object]:
        return [
            job
            for job in self._jobs.items()
            if namespace(job) == namespace(pod) and not jobs.is_finished(job) and not is_deleting(job)
            and from_label_selector(job["spec"].get("selector")).matches(labels(pod))
        ]  # fmt: skip

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        """Whether a host can answer decides whether its pods hold a Job back."""
        if old is not None and new is not None and _answers(old) == _answers(new):
            return
        for node in filter(None, (old, new)):
            for pod in self._pods.by_index(BY_NODE, name(node)):
                if is_terminating(pod):
                    for owner in job_index(pod):
                        self.queue.add(Key(*owner.split("/")))

    async def sync(self, key: Key) -> None:
        if not key.name:
            await self._free_orphans(key)
            return
        job = self._jobs.get(key)
        await self._free_strangers(key, job)
        if job is None or jobs.is_finished(job):
            self._forget(key)
            return
        if managed_elsewhere(job) or self._own.is_behind(key, job):
            return
        selector = from_label_selector(job["spec"].get("selector"))
        candidates = self._pods.by_index(BY_CONTROLLER, uid(job))
        candidates += self._pods.by_index(BY_CONTROLLER, ORPHANS + key.namespace)
        claimed = claim(job, selector, (pod for pod in candidates if is_active(pod) or controller_of(pod)))
        if await settle(self.client, claimed, job, JOBS, PODS, jobs.TRACKING_FINALIZER):
            return  # the mirror will show the change and bring the key back
        waiting = self.expectations.remaining(key)
        if waiting and not is_deleting(job):
            self.queue.add_after(key, waiting)
            return
        job = statuses.started(job, self.clock.now())
        pods = claimed.owned
        facts = look(job, pods, self.actions.released.get(key, ()), self._lost(pods))
        self._backoffs.observe(key, facts)
        acted = await self._act(key, facts)
        await self._account(key, facts, acted)
        left = deadline_in(job, self.clock.now())
        if left is not None and left > 0:
            self.queue.add_after(key, left + 0.001)
        if acted.error is not None:
            raise InternalError(str(acted.error))

    def _forget(self, key: Key) -> None:
        self.expectations.forget(key)
        self.actions.forget(key)
        self._backoffs.forget(key)
        self._own.forget(key)

    def _lost(self, pods: Iterable[Object]) -> set[str]:
        """Pods whose host is gone or cannot be heard: nobody will say how they end."""
        lost = set()
        for pod in pods:
            if is_terminating(pod) and node_name(pod):
                node = self._nodes.get(Key("", node_name(pod)))
                if node is None or not _answers(node):
                    lost.add(uid(pod))
        return lost

    # Pods that no Job counts any more

    async def _free_strangers(self, key: Key, job: Object | None) -> None:
        """Pods of a Job that is over, gone, or of that name but another one, need not wait to be counted."""
        owner = "" if job is None or jobs.is_finished(job) else uid(job)
        held = [
            pod
            for pod in self._pods.by_index(BY_JOB, str(key))
            if is_tracked(pod) and (controller_of(pod) or {}).get("uid") != owner
        ]
        if not held:
            return
        if job is None:
            try:
                await self.client.get(JOBS, key.name, key.namespace)
            except NotFound:
                pass
            else:
                return  # it is there: the mirror will show it and bring the key back
        _, error = await self.actions.release(key, held)
        if error is not None:
            raise error

    async def _free_orphans(self, key: Key) -> None:
        orphans = self._pods.by_index(BY_CONTROLLER, ORPHANS + key.namespace)
        held = [pod for pod in orphans if is_tracked(pod) and (is_deleting(pod) or not self._selecting(pod))]
        _, error = await self.actions.release(key, held)
        if error is not None:
            raise error

    # Acting

    async def _act(self, key: Key, facts: Facts) -> Acted:
        now = self.clock.now()
        if is_deleting(facts.job):
            return Acted(len(facts.active), facts.ready, facts.ending)
        verdict = judge(facts, now)
        if verdict is not None:
            return await self._end(key, facts, verdict)
        todo = plan(facts, self._backoffs.wait(key, now), now)
        if todo.wait:
            self.queue.add_after(key, todo.wait)
        error = await self._carry_out(key, facts, todo)
        gone = () if error is not None else todo.delete
        active = without(facts.active, gone)
        count = len(active) + (0 if error is not None else len(todo.create))
        reached = REACHED if error is None and is_reached(facts, count) else None
        return Acted(count, sum(map(is_ready, active)), facts.ending + len(gone), reached, planned=True, error=error)

    async def _end(self, key: Key, facts: Facts, verdict: Verdict) -> Acted:
        """Take down what still runs. The verdict is told only when all of it was."""
        try:
            await self.actions.delete(key, facts.job, facts.active, counted=True)
        except (ApiError, TimeoutError, OSError) as error:
            return Acted(len(facts.active), facts.ready, facts.ending, error=error)
        return Acted(0, 0, facts.ending + len(facts.active), verdict)

    async def _carry_out(self, key: Key, facts: Facts, todo: Plan) -> Exception | None:
        try:
            if todo.create:
                await self.actions.create(key, facts, todo.create)
            await self.actions.delete(key, facts.job, todo.delete, counted=False)
        except (ApiError, TimeoutError, OSError) as error:
            return error
        return None

    # Counting

    async def _account(self, key: Key, facts: Facts, acted: Acted) -> None:
        now = self.clock.now()
        counted = tally(facts, acted.verdict)
        status = statuses.with_pods(counted.status, acted.active, acted.ready, acted.terminating)
        if acted.verdict is not None:
            status = statuses.decided(status, acted.verdict, now)
        elif acted.planned:
            status = statuses.with_suspension(facts.job, status, now)
        mirrored = self._jobs.get(key)
        job = await self._write(key, facts.job, status, (mirrored or {}).get("status") or {})
        if job is None:
            return
        done, error = await self.actions.release(key, counted.release)
        left = {uid(pod) for pod in facts.tracked} - done
        status = statuses.with_pods(settled(status_of(job), left), acted.active, acted.ready, acted.terminating)
        ends = acted.verdict is not None and counted.complete and error is None and statuses.may_finish(status)
        if ends and acted.verdict is not None:
            status = statuses.finished(status, acted.verdict, now)
        written = await self._write(key, job, status, status_of(job))
        if ends and written is not None and acted.verdict is not None:
            self._tell_end(written, acted.verdict)
        if error is not None:
            raise error

    async def _write(self, key: Key, job: Object, status: Object, before: Object) -> Object | None:
        """The Job with that status as the API has it; None when it is gone. Based on the version that was looked at."""
        if status == before:
            return {**job, "status": status}
        try:
            written = await self.client.update(JOBS, {**job, "status": status}, subresource="status")
        except NotFound:
            return None
        self._own.note(key, written)
        self._tell_suspension(before, written)
        return written

    def _tell_suspension(self, before: Object, written: Object) -> None:
        was = (get_condition({"status": before}, "Suspended") or {}).get("status")
        now = (get_condition(written, "Suspended") or {}).get("status")
        if was != now:
            word, text = ("Suspended", "Job suspended") if now == "True" else ("Resumed", "Job resumed")
            self.events.normal(JOBS, written, word, text)

    def _tell_end(self, job: Object, verdict: Verdict) -> None:
        completions, succeeded = job["spec"].get("completions"), status_of(job).get("succeeded") or 0
        if not verdict.succeeded:
            self.events.warning(JOBS, job, verdict.reason, verdict.message)
            return
        if completions is not None and succeeded > completions:
            text = "Too many succeeded pods running after completion count reached"
            self.events.warning(JOBS, job, "TooManySucceededPods", text)
        self.events.normal(JOBS, job, "Completed", "Job completed")


def _answers(node: Object) -> bool:
    return (get_condition(node, "Ready") or {}).get("status") != "Unknown"
