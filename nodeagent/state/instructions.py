"""What the machine wants done. Each with a result is answered by exactly one event of `events.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from common.api.meta import Object
from common.api.resizing import Figures


@dataclass(frozen=True, slots=True)
class PrepareVolumes:
    """-> VolumesReady | VolumesFailed"""


@dataclass(frozen=True, slots=True)
class StartSandbox:
    """-> SandboxStarted | SandboxFailed"""

    attempt: int


@dataclass(frozen=True, slots=True)
class ResetSandbox:
    """Remove a lost sandbox and give its addresses back -> SandboxGone | SandboxFailed"""

    id: str


@dataclass(frozen=True, slots=True)
class EnsureImage:
    """-> (ImagePulling) ImageReady | ImageFailed"""

    container: str
    image: str


@dataclass(frozen=True, slots=True)
class StartContainer:
    """-> ContainerStarted | ContainerFailed"""

    container: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StopContainer:
    """Send the image's stop signal, or SIGKILL -> ContainerDied | StopFailed"""

    container: str
    attempt: int
    id: str
    kill: bool = False


@dataclass(frozen=True, slots=True)
class UpdateContainer:
    """Give a running container that has these figures other resources -> ContainerUpdated | ContainerUpdateFailed"""

    container: str
    attempt: int
    id: str
    has: Figures
    resources: Object


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """A dead container whose log is no longer wanted; no answer."""

    id: str


@dataclass(frozen=True, slots=True)
class RunHook:
    """-> HookDone"""

    container: str
    attempt: int
    id: str
    hook: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class RunProbe:
    """-> ProbeDone"""

    container: str
    attempt: int
    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Wait until no established connection leads to these addresses, at most so long -> Drained"""

    addresses: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class TearDown:
    """Remove the sandbox, volumes and addresses, and the containers too unless kept -> TornDown | TearDownFailed"""

    keep_containers: bool


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """A core/v1 Event about the pod, or about one of its containers."""

    type: str
    reason: str
    message: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class ReportStatus:
    status: Object


@dataclass(frozen=True, slots=True)
class ReportGone:
    """Nothing of the pod is left here. Always the last instruction."""


Instruction: TypeAlias = (
    PrepareVolumes | StartSandbox | ResetSandbox | EnsureImage | StartContainer | StopContainer | UpdateContainer
    | RemoveContainer | RunHook | RunProbe | Drain | TearDown | EmitEvent | ReportStatus | ReportGone
)  # fmt: skip
