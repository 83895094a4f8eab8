"""Pods that wait for a node: by priority, then by arrival.

Pods of a class that fits nowhere are parked together; one look at the class answers for all of them, however many.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from .model import PodClass, PodInfo


class SchedulingQueue:
    """Pods are known by uid and are either active or parked. A pod keeps its place of arrival while it waits."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._active: dict[str, PodInfo] = {}
        self._arrival: dict[str, int] = {}
        self._order = itertools.count()
        self._parked: dict[PodClass, dict[str, PodInfo]] = {}
        self._parked_as: dict[str, PodClass] = {}
        self._told: dict[str, str] = {}

    def add(self, pod: PodInfo) -> None:
        """Queue a pod, or take note that it changed; a parked one stays parked unless its needs changed."""
        if self._parked_as.get(pod.uid) is pod.kind:
            self._parked[pod.kind][pod.uid] = pod
            return
        self._unpark(pod.uid)
        known = self._active.get(pod.uid)
        self._active[pod.uid] = pod
        if known is None or known.priority != pod.priority:
            self._push(pod)

    def _push(self, pod: PodInfo) -> None:
        order = self._arrival.get(pod.uid)
        if order is None:
            order = self._arrival[pod.uid] = next(self._order)
        heapq.heappush(self._heap, (-pod.priority, order, pod.uid))

    def pop(self) -> PodInfo | None:
        """The next pod, None when all that is left is parked."""
        while self._heap:
            priority, _, uid = heapq.heappop(self._heap)
            pod = self._active.get(uid)
            if pod is not None and -priority == pod.priority:
                del self._active[uid]
                return pod
        return None

    def park(self, pod: PodInfo) -> None:
        """Put aside a pod that fits nowhere."""
        self._parked.setdefault(pod.kind, {})[pod.uid] = pod
        self._parked_as[pod.uid] = pod.kind

    def parked_classes(self) -> list[PodClass]:
        return list(self._parked)

    def parked(self, kind: PodClass) -> list[PodInfo]:
        return list(self._parked.get(kind, {}).values())

    def tell(self, uid: str, message: str) -> bool:
        """Note what a waiting pod is told; True when that is news to it."""
        if self._told.get(uid) == message:
            return False
        self._told[uid] = message
        return True

    def told(self, uid: str) -> str | None:
        return self._told.get(uid)

    def wake(self, kind: PodClass) -> None:
        """A class fits again: its pods go back to their places."""
        for pod in self._parked.pop(kind, {}).values():
            del self._parked_as[pod.uid]
            self._active[pod.uid] = pod
            self._push(pod)

    def wake_one(self, uid: str) -> None:
        """One parked pod goes back to its place."""
        kind = self._parked_as.get(uid)
        if kind is not None:
            pod = self._parked[kind][uid]
            self._unpark(uid)
            self._active[uid] = pod
            self._push(pod)

    def remove(self, uid: str) -> None:
        """Forget a pod: it is bound, gone or not ours."""
        self._active.pop(uid, None)
        self._arrival.pop(uid, None)
        self._told.pop(uid, None)
        self._unpark(uid)

    def _unpark(self, uid: str) -> None:
        kind = self._parked_as.pop(uid, None)
        if kind is not None:
            pods = self._parked[kind]
            del pods[uid]
            if not pods:
                del self._parked[kind]

    def __len__(self) -> int:
        return len(self._active) + len(self._parked_as)

    def __iter__(self) -> Iterator[PodInfo]:
        yield from self._active.values()
        for pods in self._parked.values():
            yield from pods.values()
