"""The state of one pod on this node, and the one turn in which an event changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from common.api import meta
from common.api.meta import Object

from .container import ContainerTrack, Phase
from .instructions import EmitEvent, Instruction
from .moment import Moment
from .spec import ContainerKind
from .steps import Step


class SandboxPhase(StrEnum):
    NONE = "none"
    STARTING = "starting"
    RUNNING = "running"
    LOST = "lost"  # it died: what runs in it is stopped, then all is made again
    RESETTING = "resetting"


@dataclass(slots=True)
class Sandbox:
    phase: SandboxPhase = SandboxPhase.NONE
    attempt: int = 0
    id: str = ""
    addresses: tuple[str, ...] = ()
    step: Step = field(default_factory=Step)


class Why(StrEnum):
    """Why a pod ends. A later, more final reason takes over an earlier one's ending."""

    FINISHED = "finished"  # its containers are through
    FAILED = "failed"  # rejected, evicted or over its deadline: `PodState.failure` says it
    DELETED = "deleted"
    UNASSIGNED = "unassigned"


class Stage(StrEnum):
    RELEASE = "release"
    DRAIN = "drain"
    STOP = "stop"
    TEARDOWN = "teardown"
    DONE = "done"


@dataclass(slots=True)
class Ending:
    """A pod on its way out. `deadline` (monotonic) is when the grace period is over."""

    why: Why
    grace: float
    deadline: float
    stage: Stage = Stage.STOP
    stage_until: float = 0.0
    step: Step = field(default_factory=Step)
    kept: bool = False  # the tear-down in flight, or done, left the containers for their logs

    @property
    def final(self) -> bool:
        """Whether the containers go too, and the pod is reported as gone."""
        return self.why in {Why.DELETED, Why.UNASSIGNED}


@dataclass(slots=True)
class PodState:
    """Everything that is remembered between two events."""

    pod: Object
    containers: dict[str, ContainerTrack]
    host_ips: tuple[str, ...] = ()
    observed: bool = False  # the engine has told what it has; before that nothing may be started
    engine_up: bool = False
    volumes: Step = field(default_factory=Step)
    sandbox: Sandbox = field(default_factory=Sandbox)
    initialised: bool = False
    restarting: bool = False  # all containers are being stopped in order to begin anew
    ever_ready: bool = False
    start_time: str = ""
    ending: Ending | None = None
    failure: tuple[str, str] | None = None  # reason and message of a pod that failed as a whole
    rejected: bool = False  # the node never took it
    resize: tuple[str, str] = ("", "")  # reason and message of a resize that the node has not allocated
    frozen: Object | None = None  # the API has a terminal status already: it stays as it is
    reported: Object | None = None
    gone: bool = False

    def of_kind(self, *kinds: ContainerKind) -> list[ContainerTrack]:
        return [track for track in self.containers.values() if track.kind in kinds]

    @property
    def apps(self) -> list[ContainerTrack]:
        return self.of_kind(ContainerKind.APP)

    @property
    def inits(self) -> list[ContainerTrack]:
        return self.of_kind(ContainerKind.INIT, ContainerKind.SIDECAR)

    def by_id(self, container_id: str) -> ContainerTrack | None:
        return next((track for track in self.containers.values() if track.id == container_id), None)

    def at(self, name: str, attempt: int) -> ContainerTrack | None:
        """The container if that attempt is still the current one; results of older attempts come too late."""
        track = self.containers.get(name)
        return track if track is not None and track.attempt == attempt else None

    @property
    def any_up(self) -> bool:
        return any(track.up for track in self.containers.values())

    @property
    def any_running(self) -> bool:
        return any(track.phase is Phase.RUNNING for track in self.containers.values())

    def describe(self) -> str:
        """`web-1_default(uid)`, as kubelet writes a pod in its messages."""
        return f"{meta.name(self.pod)}_{meta.namespace(self.pod)}({meta.uid(self.pod)})"


class Turn:
    """One call of `handle`: collects instructions and the earliest moment at which time alone changes something."""

    def __init__(self, state: PodState, now: Moment) -> None:
        self.state = state
        self.now = now
        self.out: list[Instruction] = []
        self.wake_at: float | None = None

    def say(self, instruction: Instruction) -> None:
        self.out.append(instruction)

    def normal(self, reason: str, message: str, track: ContainerTrack | None = None) -> None:
        self.say(EmitEvent("Normal", reason, message, track.name if track else ""))

    def warn(self, reason: str, message: str, track: ContainerTrack | None = None) -> None:
        self.say(EmitEvent("Warning", reason, message, track.name if track else ""))

    def due(self, moment: float) -> bool:
        """Whether that monotonic time has come; if not, the pod is looked at again then."""
        if moment <= self.now.mono:
            return True
        self.wake_at = moment if self.wake_at is None else min(self.wake_at, moment)
        return False
