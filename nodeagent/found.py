"""What the engine's containers tell of their pods: reading `ContainerInfo` for the pods of this node."""

from __future__ import annotations

from common.api.meta import Object

from .runtime.base import ContainerInfo, ContainerState
from .state import events


def sandbox_addresses(infos: list[ContainerInfo]) -> tuple[str, ...]:
    """The addresses of the pod's running sandbox."""
    running = [info for info in infos if not info.container and info.state is ContainerState.RUNNING]
    return max(running, key=lambda info: info.attempt).addresses if running else ()


def seen(info: ContainerInfo, message: str) -> events.Seen:
    """The container as its pod's machine is told of it; `message` are its last words."""
    return events.Seen(
        id=info.id,
        container=info.container,
        attempt=info.attempt,
        running=info.state is ContainerState.RUNNING,
        created_only=info.state is ContainerState.CREATED,
        started_at=info.started_at,
        finished_at=info.finished_at,
        exit_code=info.exit_code,
        oom_killed=info.oom_killed,
        image_id=info.image_id,
        spec_hash=info.spec_hash,
        message=message,
        addresses=info.addresses,
        figures=info.figures,
        identity=info.identity,
    )


def stand_in(infos: list[ContainerInfo]) -> Object:
    """A pod as far as labels tell of it: enough to end it properly."""
    first = infos[0]
    names = sorted({info.container for info in infos if info.container})
    return {
        "metadata": {"uid": first.pod_uid, "namespace": first.pod_namespace, "name": first.pod_name},
        "spec": {"containers": [{"name": name} for name in names]},
    }
