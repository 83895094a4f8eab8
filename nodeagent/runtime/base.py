"""What the agent needs of a container engine. The Docker runtime and the hollow one (simulation) implement it.

Calls may take seconds and be cancelled; each is idempotent, because an agent that restarts repeats what it is not sure
of. All raise `RuntimeFailure` with a reason that fits a container's `waiting.reason`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from aiohttp import web

from common.api.meta import Object
from common.api.resizing import Figures


class RuntimeFailure(Exception):
    """`reason` as Kubernetes names it (ErrImagePull, ErrImageNeverPull, CreateContainerError, RunContainerError,
    CreateContainerConfigError, EngineUnavailable); the message says what failed and what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ContainerState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """What the engine knows of one container of ours, read back from its labels."""

    id: str
    pod_uid: str
    pod_namespace: str
    pod_name: str
    container: str  # name in the pod; empty for the sandbox
    attempt: int  # how often this container was made before in this pod
    state: ContainerState
    image: str = ""
    image_id: str = ""
    started_at: str = ""  # RFC 3339, empty when never
    finished_at: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    spec_hash: str = ""
    addresses: tuple[str, ...] = ()  # of a sandbox, the primary family first
    identity: tuple[int, int, tuple[int, ...]] | None = None  # user, group and all groups of its first process
    figures: Figures | None = None  # what its resources are to the kernel; None when the engine has not told


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """The container that owns a pod's namespaces. Addresses come from the node's slice of the pod ranges."""

    pod: Object
    network: str  # name of the Docker network; empty for hostNetwork
    addresses: tuple[str, ...]
    hostname: str
    resolv_conf: str  # path of a file to mount at /etc/resolv.conf; empty leaves the engine's
    attempt: int = 0
    sysctls: Mapping[str, str] = field(default_factory=dict)
    oom_score: int = 0
    runtime: str = ""  # of the engine's runtimes; empty for its default one


@dataclass(frozen=True, slots=True)
class Mount:
    source: str  # absolute path on the host
    target: str
    read_only: bool = False
    propagation: str = ""  # Docker's word (rslave, rshared); empty for private
    volume: bool = False  # `source` is the name of a Docker volume


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container of a pod, all references resolved: `environment` holds final values. `target_id` is the container
    whose processes it shall see, empty for its own or the pod's."""

    pod: Object
    container: Object  # the entry of the pod's list, references in command and args expanded
    sandbox_id: str
    attempt: int
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...] = ()
    spec_hash: str = ""
    target_id: str = ""
    oom_score: int = 0  # -1000 to 1000: who dies first when the machine has no memory left
    runtime: str = ""  # as the sandbox's
    devices: tuple[Mount, ...] = ()  # of the host, by the paths at which the container has them
    seccomp: str = ""  # the profile itself, where one of the node's own is named


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something changed in the engine: `die`, `start`, `destroy`, `oom` of a container of ours; `lost` when the engine
    does not answer; `reconnected` when it does (again): look at everything."""

    kind: str
    container_id: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image of the engine. `layers` are its diff ids, the lowest first."""

    id: str
    tags: tuple[str, ...]
    size: int  # bytes
    layers: tuple[str, ...] = ()
    user: str = ""  # that its processes run as, unless the pod says otherwise


class Runtime(Protocol):
    async def ping(self) -> str:
        """The engine's version; RuntimeFailure(EngineUnavailable) when it does not answer."""
        ...

    async def list_containers(self, pod_uid: str = "") -> list[ContainerInfo]:
        """Every container with our labels, running or not; those of one pod when it is named."""
        ...

    async def inspect(self, container_id: str) -> ContainerInfo | None: ...

    def events(self) -> AsyncIterator[EngineEvent]: ...

    async def find_image(self, image: str) -> ImageInfo | None:
        """The image if the engine has it. RuntimeFailure(InvalidImageName) when it cannot be a name."""
        ...

    async def pull_image(self, image: str, auth: Object | None) -> ImageInfo:
        """Fetch the image from its registry; `auth` has username and password."""
        ...

    async def list_images(self) -> list[ImageInfo]: ...

    async def load_images(self, chunks: AsyncIterator[bytes]) -> list[str]:
        """Take a `docker save` archive, in which layers that the engine has may be missing; returns what it loaded."""
        ...

    def export_image(self, image: str) -> AsyncIterator[bytes]:
        """The image as a `docker save` archive."""
        ...

    async def start_sandbox(self, spec: SandboxSpec) -> str:
        """Its id."""
        ...

    async def start_container(self, spec: ContainerSpec) -> ContainerInfo:
        """Make and start it. When it cannot be started nothing of it is left in the engine."""
        ...

    async def stop(self, container_id: str, signal: str = "") -> bool:
        """Send the stop signal (the image's own unless given; `SIGKILL` kills). False when it does not run."""
        ...

    async def update(self, container_id: str, has: Figures, wanted: Figures) -> None:
        """Change the resources of a running container; refused when it uses more memory than it is to have."""
        ...

    async def remove(self, container_id: str) -> None: ...

    async def ensure_volume(self, name: str, driver: str, options: dict[str, str]) -> None:
        """Have a volume of one of the engine's volume drivers; one that is there stays as it is."""
        ...

    async def remove_volume(self, name: str) -> None:
        """Remove it with what is stored in it; harmless when there is none."""
        ...

    async def exec_probe(self, container_id: str, command: list[str], seconds: float) -> tuple[int, str]:
        """Run a command; its exit code and the beginning of its output. TimeoutError after `seconds`."""
        ...

    def logs(
        self,
        container_id: str,
        *,
        follow: bool,
        tail: int | None,
        since: float | None,
        timestamps: bool,
    ) -> AsyncIterator[bytes]: ...

    async def exec_stream(
        self, container_id: str, command: list[str], socket: web.WebSocketResponse, *, stdin: bool, tty: bool
    ) -> None:
        """Bridge a command to a WebSocket that speaks v5.channel.k8s.io, to its end."""
        ...

    async def attach_stream(self, container_id: str, socket: web.WebSocketResponse, *, stdin: bool, tty: bool) -> None:
        """The same for the container's own process."""
        ...

    async def network_namespace(self, container_id: str) -> str:
        """Path of the network namespace that a running container is in; empty when it has none of its own."""
        ...

    async def close(self) -> None:
        """Let go of the engine; containers go on."""
        ...
