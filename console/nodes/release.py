"""When a terminating pod may get its SIGTERM: no node may send it new connections any more.

A pod is withdrawn once no EndpointSlice calls it ready. From that version of the distribution on every Ready node has
to have applied it; a node that is slow or dead delays nobody for longer than RELEASE_SECONDS. Pure: the caller gives
the time and says what nodes have applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from common.api.meta import Object, is_deleting, uid
from common.api.pods import is_terminal, node_name

RELEASE_SECONDS = 2.0  # the design's deadline: tables follow in milliseconds, so only broken nodes need longer


@dataclass(slots=True)
class _Ending:
    node: str
    deadline: float
    released: bool = False
    version: int | None = None  # of the distribution in which the pod was withdrawn


class Releases:
    """`change_*` are listeners of informers; `due` says what to release now."""

    def __init__(self) -> None:
        self._endings: dict[str, _Ending] = {}
        self._slices: dict[str, frozenset[str]] = {}  # uid of a slice -> uids of pods that it calls ready
        self._ready_in: dict[str, set[str]] = {}  # uid of a pod -> uids of slices

    def change_slice(self, old: Object | None, new: Object | None) -> None:
        slice_uid = uid(new if new is not None else old or {})
        before = self._slices.pop(slice_uid, frozenset())
        now = _ready_pods(new) if new is not None else frozenset()
        if now:
            self._slices[slice_uid] = now
        for pod in before - now:
            found = self._ready_in.get(pod, set())
            found.discard(slice_uid)
            if not found:
                self._ready_in.pop(pod, None)
        for pod in now - before:
            self._ready_in.setdefault(pod, set()).add(slice_uid)

    def change_pod(self, old: Object | None, new: Object | None, now: float) -> None:
        if new is None or is_terminal(new):
            self._endings.pop(uid(new if new is not None else old or {}), None)
        elif is_deleting(new) and node_name(new) and uid(new) not in self._endings:
            self._endings[uid(new)] = _Ending(node_name(new), now + RELEASE_SECONDS)

    def due(self, now: float, version: int, reflected: Callable[[int], bool]) -> dict[str, list[str]]:
        """Pods to release now, by node. `version` is the distribution's; `reflected` says whether all Ready nodes
        have applied a version."""
        found: dict[str, list[str]] = {}
        for pod, ending in self._endings.items():
            if ending.version is None and pod not in self._ready_in:
                ending.version = version
            if ending.released:
                continue
            if now >= ending.deadline or (ending.version is not None and reflected(ending.version)):
                ending.released = True
                found.setdefault(ending.node, []).append(pod)
        return found

    def released_on(self, node: str) -> list[str]:
        """What was released before; it may have been lost with the node's last connection, so say it again."""
        return [pod for pod, ending in self._endings.items() if ending.node == node and ending.released]

    def next_deadline(self) -> float | None:
        """When to look again at the latest."""
        return min((ending.deadline for ending in self._endings.values() if not ending.released), default=None)


def _ready_pods(endpoint_slice: Object) -> frozenset[str]:
    return frozenset(_pods_of(endpoint_slice.get("endpoints") or ()))


def _pods_of(endpoints: Iterable[Object]) -> Iterable[str]:
    for endpoint in endpoints:
        ready = (endpoint.get("conditions") or {}).get("ready")
        pod = (endpoint.get("targetRef") or {}).get("uid")
        if pod and ready is not False:  # absent means ready, as the API documents
            yield str(pod)
