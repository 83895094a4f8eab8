"""Node.status of this node, built from a look at the machine and the state of engine and network. Pure but for psutil.

`lastHeartbeatTime` moves only when something else does, or every five minutes: the session has heartbeats of its own,
and a status that changes all the time would be written by every node all the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.api import ingressnode
from common.api.meta import Object, format_time, parse_time

from . import stats
from .proxy.base import ProxyState
from .runtime.base import ImageInfo

HEARTBEAT = timedelta(minutes=5)
MAX_IMAGES = 50  # as kubelet's nodeStatusMaxImages


@dataclass(frozen=True, slots=True)
class Health:
    """Empty texts are good news."""

    engine_version: str = ""
    engine_error: str = "the engine was not asked yet"
    network_error: str = "the network was not configured yet"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    name: str
    version: str
    addresses: tuple[str, ...]
    port: int
    limits: stats.Limits


def build(
    facts: NodeFacts,
    machine: stats.Machine,
    health: Health,
    proxy: ProxyState,
    images: Iterable[ImageInfo],
    previous: Object | None,
    now: datetime,
) -> Object:
    status: Object = {
        "capacity": stats.capacity(machine, facts.limits),
        "allocatable": stats.allocatable(machine, facts.limits),
        "conditions": _conditions(machine, health, proxy, previous, now),
        "addresses": stats.addresses(facts.addresses, facts.name),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": facts.port}},
        "nodeInfo": stats.node_info(facts.version, health.engine_version, machine),
        "images": _images(images),
    }
    return _with_heartbeat(status, previous, now)


def _conditions(
    machine: stats.Machine, health: Health, proxy: ProxyState, previous: Object | None, now: datetime
) -> list[Object]:
    old = {condition["type"]: condition for condition in (previous or {}).get("conditions") or ()}
    rows = [("NetworkUnavailable", *_network(health))]
    rows += [(kind, pressed, reason, text) for kind, (pressed, reason, text) in stats.pressures(machine).items()]
    if proxy.known:
        serving = proxy.reason in {ingressnode.RUNNING, ingressnode.IDLE}
        rows.append((ingressnode.CONDITION, serving, proxy.reason, proxy.message))
    rows.append(("Ready", *_ready(health)))
    result = []
    for kind, value, reason, message in rows:
        status = "True" if value else "False"
        before = old.get(kind, {})
        changed = before.get("lastTransitionTime") if before.get("status") == status else None
        result.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": changed or format_time(now),
            }
        )
    return result


def _network(health: Health) -> tuple[bool, str, str]:
    if health.network_error:
        return True, "NetworkNotConfigured", health.network_error
    return False, "NetworkConfigured", "routes and tables are in place"


def _ready(health: Health) -> tuple[bool, str, str]:
    if health.engine_error:
        return False, "KubeletNotReady", f"container runtime is down: {health.engine_error}"
    if health.network_error:
        return False, "KubeletNotReady", f"container runtime network not ready: {health.network_error}"
    return True, "KubeletReady", "kubelet is posting ready status"


def _images(images: Iterable[ImageInfo]) -> list[Object]:
    """The largest ones, as the scheduler weighs images by size."""
    named = [image for image in images if any(tag != "<none>:<none>" for tag in image.tags)]
    largest = sorted(named, key=lambda image: (-image.size, image.id))[:MAX_IMAGES]
    return [{"names": list(image.tags), "sizeBytes": image.size} for image in largest]


def _with_heartbeat(status: Object, previous: Object | None, now: datetime) -> Object:
    beaten = next((c.get("lastHeartbeatTime") for c in (previous or {}).get("conditions") or ()), None)
    if beaten is not None and now - parse_time(beaten) < HEARTBEAT and _stamped(status, beaten) == previous:
        return _stamped(status, beaten)
    return _stamped(status, format_time(now))


def _stamped(status: Object, heartbeat: str) -> Object:
    conditions = [{**condition, "lastHeartbeatTime": heartbeat} for condition in status["conditions"]]
    return {**status, "conditions": conditions}
