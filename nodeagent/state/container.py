"""What the machine knows of one container of a pod, across its restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from common.api.meta import Object

from .moment import Moment
from .probe import KINDS, READINESS, STARTUP, ProbeTrack
from .spec import ContainerKind
from .steps import CrashBackoff, Step

Identity: TypeAlias = tuple[int, int, tuple[int, ...]]
"""User, group and all groups of a process."""


class Phase(StrEnum):
    WAITING = "waiting"  # for its turn, its image or the sandbox
    STARTING = "starting"
    RUNNING = "running"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run ended. `at` is monotonic."""

    id: str
    exit_code: int
    reason: str
    message: str
    started_at: str
    finished_at: str
    at: float


@dataclass(slots=True)
class Stop:
    """A container being stopped: `hook` while preStop runs, `signalled`, `killed`; `due` when the engine refused."""

    deadline: float
    stage: str = "hook"
    retry_at: float = 0.0


@dataclass(slots=True)
class ContainerTrack:
    """`attempt` numbers the current container, or the next one while there is none."""

    kind: ContainerKind
    spec: Object
    phase: Phase = Phase.WAITING
    attempt: int = 0
    id: str = ""
    image_id: str = ""
    started_at: str = ""
    waiting: tuple[str, str] = ("", "")
    ended: Ended | None = None
    last: Ended | None = None
    run_hash: str = ""  # of the definition that the current run was made from
    image: Step = field(default_factory=Step)
    pull_error_until: float = 0.0  # ErrImagePull is shown so long, then the wait is called ImagePullBackOff
    start: Step = field(default_factory=Step)
    hook: Step = field(default_factory=Step)
    crash: CrashBackoff = field(default_factory=CrashBackoff)
    actual: Object | None = None  # the resources that the running container has; None when they are never resized
    update: Step = field(default_factory=Step)  # of the running container, to what is allocated
    update_error: str = ""
    identity: Identity | None = None  # of the first process of the current run
    backoff_said: bool = False
    stop: Stop | None = None
    must_restart: bool = False  # its definition changed: the restart policy has no say
    replaced: bool = False  # it is being stopped to run by another definition, or was and does not run yet
    started: bool = False  # the startup probe, if any, succeeded
    probes: dict[str, ProbeTrack] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.spec.get("name", ""))

    @property
    def restart_count(self) -> int:
        """How often it was made again; an attempt counts when there is a container of it, or was."""
        return self.attempt if self.phase in {Phase.RUNNING, Phase.DEAD} else max(self.attempt - 1, 0)

    @property
    def ready(self) -> bool:
        """As kubelet counts it: running, started, and no readiness probe says otherwise."""
        if self.kind is ContainerKind.INIT:
            return self.phase is Phase.DEAD and self.ended is not None and self.ended.exit_code == 0
        if self.phase is not Phase.RUNNING or not self.started or self.kind is ContainerKind.EPHEMERAL:
            return False
        readiness = self.probes.get(READINESS)
        return readiness is None or readiness.verdict

    @property
    def up(self) -> bool:
        """It has, or may have, a process."""
        return self.phase in {Phase.STARTING, Phase.RUNNING}

    def lifecycle(self, hook: str) -> Object | None:
        return (self.spec.get("lifecycle") or {}).get(hook)

    def run(self, id_: str, started_at: str, run_hash: str, now: Moment) -> None:
        """It has a process; probes begin to count from its start."""
        self.phase, self.id, self.started_at = Phase.RUNNING, id_, started_at
        self.run_hash = run_hash
        self.ended, self.stop, self.replaced = None, None, False
        self.waiting = ("", "")
        self.backoff_said = False
        self.start.succeed()
        began = now.mono_of(started_at)
        self.probes = {
            kind: ProbeTrack.from_spec(kind, self.spec[f"{kind}Probe"], began)
            for kind in KINDS
            if self.spec.get(f"{kind}Probe")
        }
        self.started = STARTUP not in self.probes

    def die(self, ended: Ended) -> None:
        self.replaced = self.replaced and self.phase is Phase.RUNNING
        self.phase, self.ended, self.stop = Phase.DEAD, ended, None
        self.started = False
        self.probes = {}
        self.start, self.hook, self.update = Step(), Step(), Step()
        self.update_error = ""
        if not self.must_restart:  # one that starts anew to be resized is on its way until it runs again
            self.actual = None

    def rearm(self) -> str:
        """Get ready for the next attempt; returns the id of a dead container that nobody wants any more."""
        unwanted = self.last.id if self.last is not None else ""
        self.last = self.ended
        self.ended = None
        self.phase, self.attempt, self.id = Phase.WAITING, self.attempt + 1, ""
        self.image, self.start, self.hook = Step(), Step(), Step()
        self.must_restart = False
        return unwanted
