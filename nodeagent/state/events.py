"""What can happen to a pod, as the machine is told. Times are RFC 3339 texts; identifiers are the engine's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from common.api.meta import Object
from common.api.resizing import Figures


@dataclass(frozen=True, slots=True)
class Assigned:
    """The control plane's current version of the pod, deletion mark included."""

    pod: Object


@dataclass(frozen=True, slots=True)
class Unassigned:
    """The API has no such pod (any more): end it, nobody waits for a status."""


@dataclass(frozen=True, slots=True)
class Released:
    """All service tables have lost the pod: it may get SIGTERM."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The node cannot run it; nothing was started."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Evicted:
    """It holds more of the node than it may: it fails at once."""

    message: str


@dataclass(frozen=True, slots=True)
class Fenced:
    """It may be replaced elsewhere: it fails at once, however long it may take to end otherwise."""

    message: str


@dataclass(frozen=True, slots=True)
class HostAddresses:
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferencesChanged:
    """A ConfigMap, Secret, claim or volume changed: what failed for want of it may be tried at once."""


@dataclass(frozen=True, slots=True)
class VolumesReady:
    pass


@dataclass(frozen=True, slots=True)
class VolumesFailed:
    message: str


@dataclass(frozen=True, slots=True)
class SandboxStarted:
    id: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SandboxFailed:
    """`devices`: what could not be had before it are the devices that the pod claims."""

    message: str
    devices: bool = False


@dataclass(frozen=True, slots=True)
class SandboxDied:
    id: str


@dataclass(frozen=True, slots=True)
class SandboxGone:
    """A lost sandbox was removed and its addresses given back."""


@dataclass(frozen=True, slots=True)
class ImagePulling:
    container: str
    image: str


@dataclass(frozen=True, slots=True)
class ImageReady:
    """`pulled_seconds` is None when the image was there already."""

    container: str
    image: str
    image_id: str
    pulled_seconds: float | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class ImageFailed:
    """`volume` names the image that failed when it is that of a volume which the container mounts."""

    container: str
    image: str
    reason: str
    message: str
    volume: str = ""


@dataclass(frozen=True, slots=True)
class ContainerStarted:
    container: str
    attempt: int
    id: str
    started_at: str
    image_id: str = ""
    resources: Object | None = None  # those that it was started with
    identity: tuple[int, int, tuple[int, ...]] | None = None  # user, group and all groups of its first process


@dataclass(frozen=True, slots=True)
class ContainerUpdated:
    """The running container has these resources now."""

    container: str
    attempt: int
    resources: Object


@dataclass(frozen=True, slots=True)
class ContainerUpdateFailed:
    container: str
    attempt: int
    message: str


@dataclass(frozen=True, slots=True)
class ResizeDecided:
    """The node allocates what the pod's spec wishes now, or says why not: `reason` is Deferred or Infeasible."""

    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerFailed:
    """It could not be made or started; the engine keeps nothing of it."""

    container: str
    attempt: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ContainerDied:
    id: str
    exit_code: int
    finished_at: str
    oom_killed: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class StopFailed:
    """The engine did not take a stop or kill; it is tried again."""

    container: str
    attempt: int
    message: str


@dataclass(frozen=True, slots=True)
class HookDone:
    """`hook` is postStart or preStop; `error` is empty for success."""

    container: str
    attempt: int
    hook: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class ProbeDone:
    """`success` is None when the probe itself could not be made; `doubtful` of one that succeeded, and is told of."""

    container: str
    attempt: int
    kind: str
    success: bool | None
    message: str = ""
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Drained:
    """No established connection leads to the pod, or the time for waiting is over."""


@dataclass(frozen=True, slots=True)
class TornDown:
    pass


@dataclass(frozen=True, slots=True)
class TearDownFailed:
    message: str


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The engine does not answer: nothing can be started or stopped until the next `Observed`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One container that the engine has; `container` is empty for a sandbox. Dead ones carry how they ended."""

    id: str
    container: str
    attempt: int
    running: bool
    created_only: bool = False
    started_at: str = ""
    finished_at: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    image_id: str = ""
    spec_hash: str = ""
    message: str = ""
    addresses: tuple[str, ...] = ()
    figures: Figures | None = None
    identity: tuple[int, int, tuple[int, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """All containers of the pod that the engine has now: after a start of the agent or of the engine."""

    seen: tuple[Seen, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Tick:
    """The moment that the machine asked to be woken at has come."""


Event: TypeAlias = (
    Assigned | Unassigned | Released | Rejected | Evicted | Fenced | HostAddresses | ReferencesChanged | VolumesReady
    | VolumesFailed | SandboxStarted | SandboxFailed | SandboxDied | SandboxGone | ImagePulling | ImageReady
    | ImageFailed | ContainerStarted | ContainerUpdated | ContainerUpdateFailed | ResizeDecided | ContainerFailed
    | ContainerDied | StopFailed | HookDone | ProbeDone | Drained | TornDown | TearDownFailed | EngineLost | Observed
    | Tick
)  # fmt: skip
