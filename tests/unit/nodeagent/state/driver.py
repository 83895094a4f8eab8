"""Drives one pod machine by hand: fake time, short names, invariants checked after every event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from common.api.meta import Object
from nodeagent.state import events, instructions
from nodeagent.state.container import ContainerTrack
from nodeagent.state.instructions import EmitEvent, Instruction, ReportStatus
from nodeagent.state.machine import PodMachine
from nodeagent.state.moment import Moment

I = TypeVar("I")  # noqa: E741 - an instruction
START = datetime(2026, 1, 1, tzinfo=UTC)


def container(name: str = "web", **more: Any) -> Object:
    return {"name": name, "image": f"{name}:1", **more}


def pod(*containers: Object, meta: Object | None = None, status: Object | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": "web-1", "namespace": "default", "uid": "u1", "generation": 1, **(meta or {})},
        "spec": {"containers": list(containers) or [container()], **spec},
        "status": status or {},
    }


class Driver:
    """`said` are the instructions of the last event, `all` those since the beginning."""

    def __init__(self, spec: Object, *, observed: tuple[events.Seen, ...] = ()) -> None:
        self.mono = 1000.0
        self.machine = PodMachine(spec, ("192.0.2.1", "2001:db8::1"), self.now)
        self.all: list[Instruction] = []
        self.said: list[Instruction] = []
        self.tell(events.Assigned(spec))
        self.tell(events.Observed(observed))

    @property
    def now(self) -> Moment:
        return Moment(START + timedelta(seconds=self.mono - 1000.0), self.mono)

    def tell(self, event: events.Event) -> list[Instruction]:
        self.said = self.machine.handle(event, self.now)
        self.all += self.said
        self.machine.validate()
        return self.said

    def wait(self, seconds: float) -> list[Instruction]:
        """Let time pass, with a turn at every moment that the machine asked for; returns all that was said."""
        target = self.mono + seconds
        collected: list[Instruction] = []
        while (wake := self.machine.wake_at) is not None and wake <= target:
            self.mono = max(wake, self.mono)
            collected += self.tell(events.Tick())
            if self.machine.wake_at == wake:
                raise AssertionError(f"the machine wants to be woken at {wake} for ever")
        self.mono = target
        self.said = collected
        return collected

    # What was said

    def asked(self, kind: type[I]) -> list[I]:
        """Instructions of that kind in the last turn."""
        return [item for item in self.said if isinstance(item, kind)]

    def ever(self, kind: type[I]) -> list[I]:
        return [item for item in self.all if isinstance(item, kind)]

    def reasons(self) -> list[str]:
        return [item.reason for item in self.all if isinstance(item, EmitEvent)]

    def messages(self) -> list[str]:
        return [item.message for item in self.all if isinstance(item, EmitEvent)]

    @property
    def status(self) -> Object:
        """The last status that was reported."""
        return [item for item in self.all if isinstance(item, ReportStatus)][-1].status

    @property
    def phase(self) -> str:
        return str(self.status["phase"])

    def condition(self, kind: str) -> Object:
        return next(item for item in self.status["conditions"] if item["type"] == kind)

    def container_status(self, name: str = "web") -> Object:
        entries = [*self.status["containerStatuses"], *self.status.get("initContainerStatuses", ())]
        return next(entry for entry in entries if entry["name"] == name)

    def track(self, name: str = "web") -> ContainerTrack:
        return self.machine.state.containers[name]

    # Usual courses

    def sandbox(self) -> Driver:
        """Volumes and sandbox are made."""
        self.tell(events.VolumesReady())
        self.tell(events.SandboxStarted(f"box{self.machine.state.sandbox.attempt}", ("10.42.0.5", "fd00::5")))
        return self

    def image(self, name: str = "web") -> Driver:
        self.tell(events.ImageReady(name, str(self.track(name).spec["image"]), f"sha256:{name}"))
        return self

    def started(self, name: str = "web") -> Driver:
        attempt = self.track(name).attempt
        self.tell(events.ContainerStarted(name, attempt, f"{name}-{attempt}", self.now.text, f"sha256:{name}"))
        return self

    def run(self, *names: str) -> Driver:
        """All the way to running containers."""
        self.sandbox()
        for name in names or ("web",):
            self.image(name).started(name)
        return self

    def die(self, name: str = "web", code: int = 1, **more: Any) -> list[Instruction]:
        return self.tell(events.ContainerDied(self.track(name).id, code, self.now.text, **more))

    def again(self, name: str = "web") -> Driver:
        """A restart that is due now."""
        return self.image(name).started(name)

    def probe(self, kind: str, success: bool | None, name: str = "web", message: str = "") -> list[Instruction]:
        track = self.track(name)
        return self.tell(events.ProbeDone(name, track.attempt, kind, success, message))

    def delete(self, grace: float = 30, **changes: Any) -> list[Instruction]:
        current = self.machine.pod
        meta = {**current["metadata"], "deletionTimestamp": "2026-01-01T00:01:00Z", "deletionGracePeriodSeconds": grace}
        return self.tell(events.Assigned({**current, "metadata": meta, **changes}))


def seen(container: str, attempt: int = 0, *, running: bool = True, **more: Any) -> events.Seen:
    """A container of `container(...)` as the engine has it; the empty name is a sandbox."""
    from nodeagent.state.spec import container_hash

    base = events.Seen(
        id=f"{container or 'box'}-{attempt}",
        container=container,
        attempt=attempt,
        running=running,
        started_at="2025-12-31T23:50:00Z",
        finished_at="" if running else "2025-12-31T23:55:00Z",
        spec_hash=container_hash({"name": container, "image": f"{container}:1"}),
        addresses=() if container else ("10.42.0.5",),
    )
    return replace(base, **more)


__all__ = ["Driver", "container", "events", "instructions", "pod", "seen"]
