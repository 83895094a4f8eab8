"""What nodes do to pods, in one step and only as far as controllers see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from common.api.kinds import NODES, PODS
from common.api.meta import Key, Object, format_time, is_deleting, key, metadata
from common.api.pods import is_terminal, node_name
from tests.fakes.api import FakeApi, copy


def set_ready(api: FakeApi, pod: Object, *, ready: bool = True, ip: str = "") -> None:
    """Report the pod as Running, Ready or not."""
    changed = copy(pod)
    now = format_time(api.clock.now())
    status = changed.setdefault("status", {})
    others = [entry for entry in status.get("conditions", []) if entry["type"] != "Ready"]
    status["phase"] = "Running"
    status["conditions"] = [*others, {"type": "Ready", "status": str(ready), "lastTransitionTime": now}]
    if ip:
        status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
    api.update(PODS, changed, "status")


def run_pods(api: FakeApi, *, broken: Callable[[Object], bool] = lambda _pod: False) -> None:
    """Bound pods become ready unless `broken`, deleted ones go."""
    for pod in api.items(PODS):
        node = api.find(NODES, Key("", node_name(pod)))
        alive = node is None or all(entry["status"] == "True" for entry in node["status"]["conditions"])
        if not node_name(pod) or not alive:
            continue
        if is_deleting(pod):
            api.vanish(PODS, key(pod))
        elif not is_terminal(pod) and pod["status"].get("phase") != "Running" and not broken(pod):
            number = int(metadata(pod)["uid"][-6:], 16)
            set_ready(api, pod, ip=f"10.42.{number // 250 % 250}.{number % 250 + 1}")


def place_pods(api: FakeApi, *nodes: str) -> None:
    """Bind what is pending, in turn; for tests without a scheduler."""
    for index, pod in enumerate(pod for pod in api.items(PODS) if not node_name(pod)):
        api.bind(key(pod), {"target": {"name": nodes[index % len(nodes)]}})


async def quiet(api: FakeApi, *, turns: int = 40) -> None:
    """Let everything that is runnable run, until the API sees no write any more."""
    idle = 0
    while idle < turns:
        before = api.revision
        await asyncio.sleep(0)
        idle = idle + 1 if before == api.revision else 0


async def until(condition: Callable[[], bool], step: Callable[[], Awaitable[None]], *, limit: int = 500) -> None:
    """Repeat `step` until `condition` holds; AssertionError when it never does."""
    for _ in range(limit):
        if condition():
            return
        await step()
    raise AssertionError("the condition never held")


def at(text: str) -> datetime:
    """A moment from RFC 3339."""
    return datetime.fromisoformat(text)
