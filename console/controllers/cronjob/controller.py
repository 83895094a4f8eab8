"""The CronJob controller: looks at its Jobs, then at the schedule and the clock.

A run is made once: its Job is named after the scheduled minute, so that a control plane that dies between making the
Job and saying so finds it there. The Job controller runs what is made here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from common.api import cron, jobs
from common.api.kinds import CRONJOBS, JOBS
from common.api.meta import (
    Key,
    Object,
    controller_of,
    format_time,
    is_controlled_by,
    is_deleting,
    key,
    name,
    namespace,
    uid,
)
from common.api.meta import annotations as annotations_of
from common.errors import AlreadyExists, ApiError, NotFound
from console.controllers.base import BY_CONTROLLER, Controller, Kit, controller_index, namespace_ends
from console.controllers.ownwrites import OwnWrites

from .plan import active, due, is_active, last_success, reference, surplus


class CronJobController(Controller[Key]):
    """Keys are CronJobs."""

    name: ClassVar[str] = "cronjob-controller"
    workers: ClassVar[int] = 4

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._own: OwnWrites[Key] = OwnWrites()
        self._told: dict[Key, datetime] = {}
        self.index(JOBS, BY_CONTROLLER, controller_index)
        self._cronjobs = self.follow(CRONJOBS, lambda obj: [key(obj)])
        self._jobs = self.follow(JOBS, self._owners)

    @staticmethod
    def _owners(job: Object) -> Iterable[Key]:
        ref = controller_of(job)
        return [Key(namespace(job), str(ref.get("name")))] if ref and ref.get("kind") == CRONJOBS.kind else []

    async def sync(self, key: Key) -> None:
        cronjob = self._cronjobs.get(key)
        if cronjob is None:
            self._own.forget(key)
            self._told.pop(key, None)
            return
        if self._own.is_behind(key, cronjob):
            return
        owned = self._jobs.by_index(BY_CONTROLLER, uid(cronjob))
        status = await self._observe(cronjob, owned)
        if not is_deleting(cronjob):
            status = await self._follow_schedule(key, {**cronjob, "status": status})
        await self._write(key, cronjob, status)
        if not is_deleting(cronjob):
            await self._clean(cronjob, owned)

    async def _observe(self, cronjob: Object, owned: list[Object]) -> Object:
        """The status with the Jobs that still run."""
        status = {**(cronjob.get("status") or {})}
        known = {uid(job): job for job in owned}
        running = []
        for ref in active(cronjob):
            job = known.get(str(ref.get("uid")))
            if job is None:
                if await self._exists(ref):
                    running.append(ref)  # the mirror is behind
                else:
                    self.events.normal(CRONJOBS, cronjob, "MissingJob", f"Active job went missing: {ref.get('name')}")
            elif jobs.is_finished(job):
                word = "Complete" if jobs.is_complete(job) else "Failed"
                text = f"Saw completed job: {name(job)}, condition: {word}"
                self.events.normal(CRONJOBS, cronjob, "SawCompletedJob", text)
            else:
                running.append(ref)
        self._tell_unexpected(cronjob, owned)
        success = last_success(cronjob, owned)
        if success is not None:
            status["lastSuccessfulTime"] = success
        return _with_active(status, running)

    async def _exists(self, ref: Object) -> bool:
        try:
            job = await self.client.get(JOBS, str(ref.get("name")), str(ref.get("namespace")))
        except NotFound:
            return False
        return uid(job) == ref.get("uid")

    def _tell_unexpected(self, cronjob: Object, owned: Iterable[Object]) -> None:
        for job in owned:
            triggered = jobs.INSTANTIATE in annotations_of(job)
            if not triggered and not jobs.is_finished(job) and not is_active(cronjob, uid(job)):
                text = f"Saw a job that the controller did not create or forgot: {name(job)}"
                self.events.warning(CRONJOBS, cronjob, "UnexpectedJob", text)

    async def _follow_schedule(self, key: Key, cronjob: Object) -> Object:
        """Start the run that is due, if any; the status afterwards."""
        status: Object = cronjob["status"]
        spec = cronjob["spec"]
        if jobs.is_suspended(cronjob):
            return status
        try:
            zone = cron.zone_of(spec.get("timeZone"))
            schedule = cron.parse(str(spec.get("schedule")), zone)
        except cron.UnknownZone as error:
            self.events.warning(
                CRONJOBS, cronjob, "UnknownTimeZone", f'invalid timeZone: "{spec["timeZone"]}": {error}'
            )
            return status
        except cron.ScheduleError as error:
            text = f'unparseable schedule: "{spec.get("schedule")}" : {error}'
            self.events.warning(CRONJOBS, cronjob, "UnparseableSchedule", text)
            return status
        found = due(cronjob, schedule, self.clock.now())
        self.queue.add_after(key, found.wait)
        if found.late is not None:
            self._tell_late(key, cronjob, found.late)
        if found.run is None:
            return status
        if found.many:
            text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self.events.warning(CRONJOBS, cronjob, "TooManyMissedTimes", text)
        return await self._start(cronjob, found.run.astimezone(zone))

    def _tell_late(self, key: Key, cronjob: Object, missed: datetime) -> None:
        if self._told.get(key) == missed:
            return
        self._told[key] = missed
        moment = missed.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        self.events.warning(CRONJOBS, cronjob, "MissSchedule", f"Missed scheduled time to start a job: {moment}")

    async def _start(self, cronjob: Object, run: datetime) -> Object:
        status: Object = cronjob["status"]
        wanted = jobs.scheduled(cronjob, run)
        running = active(cronjob)
        if any(ref.get("name") == name(wanted) for ref in running):
            return status
        policy = cronjob["spec"].get("concurrencyPolicy")
        if policy == "Forbid" and running:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.events.normal(CRONJOBS, cronjob, "JobAlreadyActive", text)
            return status
        if policy == "Replace":
            for ref in running:
                await self._delete(cronjob, str(ref["name"]), str(ref["uid"]))
            running = []
        job = await self._create(cronjob, wanted)
        if job is None:
            return status
        status = {**status, "lastScheduleTime": format_time(run)}
        if jobs.is_finished(job):
            return _with_active(status, running)
        return _with_active(status, [*running, reference(job)])

    async def _create(self, cronjob: Object, wanted: Object) -> Object | None:
        """The Job of the run; None when it is not this CronJob's, or its namespace ends."""
        try:
            job = await self.client.create(JOBS, wanted, namespace(cronjob))
        except AlreadyExists:
            job = await self.client.get(JOBS, name(wanted), namespace(cronjob))
            return job if is_controlled_by(job, cronjob) else None
        except ApiError as error:
            if namespace_ends(error):
                return None
            self.events.warning(CRONJOBS, cronjob, "FailedCreate", f"Error creating job: {error}")
            raise
        self.events.normal(CRONJOBS, cronjob, "SuccessfulCreate", f"Created job {name(job)}")
        return job

    async def _write(self, key: Key, cronjob: Object, status: Object) -> None:
        if status == (cronjob.get("status") or {}):
            return
        try:
            written = await self.client.update(CRONJOBS, {**cronjob, "status": status}, subresource="status")
        except NotFound:
            return
        self._own.note(key, written)

    async def _clean(self, cronjob: Object, owned: Iterable[Object]) -> None:
        for job in surplus(cronjob, (job for job in owned if not is_deleting(job))):
            await self._delete(cronjob, name(job), uid(job))

    async def _delete(self, cronjob: Object, job_name: str, job_uid: str) -> None:
        where = namespace(cronjob)
        try:
            await self.client.delete(JOBS, job_name, where, uid=job_uid, propagation_policy="Background")
        except NotFound:
            return
        except ApiError as error:
            self.events.warning(CRONJOBS, cronjob, "FailedDelete", f"Deleted job: {error}")
            raise
        self.events.normal(CRONJOBS, cronjob, "SuccessfulDelete", f"Deleted job {job_name}")


def _with_active(status: Object, running: list[Object]) -> Object:
    rest = {field: value for field, value in status.items() if field != "active"}
    return {**rest, "active": running} if running else rest
