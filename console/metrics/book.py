"""All figures of the cluster: the newest ones by node, pod and container, and their series. Pure, bounded.

Every moment is given by who calls, in seconds that only go forward. What was not measured for MAX_AGE is no longer
shown, so that a node that is gone takes its figures with it; series of what is gone stay for KEEP and are dropped then.
What series of pods take is bounded: where there are too many, or too lively, for the memory, all begin later alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from .archive import Record
from .readings import ZERO, Figures, NodeReading, PodReading, Reading, figures
from .series import FINE, Series, Window

MAX_AGE = 30.0  # seconds: six messages of an agent
KEEP = 3600.0  # seconds that the series of a pod or node that is gone stays, for whoever looks what happened to it
MAX_GONE = 5000  # pods that are gone whose series stay; beyond that those that went first are dropped earlier
MAX_BYTES = 48 * 1024 * 1024  # of points of all pods: two days of 7,000 at rest, 20 hours of 10,000 that are all noise
SWEEP = 60.0

PodName: TypeAlias = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class Track:
    """One node or pod. `at` is the moment of the newest figures, `window` the seconds that they are an average of."""

    uid: str = ""
    at: float = 0.0
    window: float = 0.0
    parts: dict[str, Figures] = field(default_factory=dict)  # by container; of a node all is under ""
    series: Series = field(default_factory=Series)

    @property
    def total(self) -> Figures:
        return sum(self.parts.values(), ZERO)


@dataclass(slots=True)
class _Last:
    """The last message of a node: what the next one is compared with. `heard` is a moment on our clock."""

    heard: float
    reading: NodeReading
    pods: dict[str, PodReading]


class Book:
    def __init__(self) -> None:
        self._nodes: dict[str, Track] = {}
        self._pods: dict[PodName, Track] = {}
        self._last: dict[str, _Last] = {}
        self.cluster = Series()
        self._cluster_slot = 0
        self._swept = 0.0

    def records(self) -> Iterator[Record]:
        """What is kept of the whole and of each node."""
        yield Record("cluster", "", "use", "", 0.0, *self.cluster.blocks())
        for name, track in list(self._nodes.items()):
            yield Record("node", "", name, "", track.at, *track.series.blocks())

    def pod_records(self) -> Iterator[Record]:
        """What is kept of each pod, those that are gone last."""
        for (namespace, name), track in sorted(self._pods.items(), key=lambda item: item[1].at, reverse=True):
            yield Record("pod", namespace, name, track.uid, track.at, *track.series.blocks())

    def restore(self, record: Record, at: float, moment: float) -> None:
        """Go on from a record; `at` is when it counts as measured last, as `moment` is now."""
        if record.sort == "cluster" and record.name == "use":
            self.cluster.restore(record.fine, record.coarse, moment)
        elif record.sort in {"node", "pod"}:
            track = Track(record.uid, min(at, moment - MAX_AGE - 1.0))  # it has no figures of now
            track.series.restore(record.fine, record.coarse, moment)
            if record.sort == "node":
                self._nodes[record.name] = track
            else:
                self._pods[record.namespace, record.name] = track

    def take(self, node: str, reading: NodeReading, moment: float) -> None:
        """Note a message of a node. Pods that are not its own must have been taken out."""
        last = self._last.get(node)
        pods = {pod.uid: pod for pod in reading.pods}
        self._last[node] = _Last(moment, reading, pods)
        if last is not None:
            interval = reading.at - last.reading.at
            found = figures(last.reading.node, reading.node, interval)
            if found is not None:
                self._note(self._nodes.setdefault(node, Track()), {"": found}, moment, interval)
                for pod in reading.pods:
                    self._take_pod(pod, last.pods.get(pod.uid), moment, interval)
        self._sum_up(moment)
        if moment - self._swept >= SWEEP:
            self._sweep(moment)

    def _take_pod(self, pod: PodReading, before: PodReading | None, moment: float, interval: float) -> None:
        known: dict[str, Reading] = before.containers if before is not None else {}
        parts = {
            name: found
            for name, reading in pod.containers.items()
            if (found := figures(known.get(name), reading, interval)) is not None
        }
        # A pod of which a part is unknown would look idle: it shows its last figures until all parts have new ones.
        if not parts or len(parts) < len(pod.containers):
            return
        track = self._pods.get((pod.namespace, pod.name))
        if track is None or track.uid != pod.uid:
            track = self._pods[pod.namespace, pod.name] = Track(pod.uid)
        self._note(track, parts, moment, interval)

    @staticmethod
    def _note(track: Track, parts: dict[str, Figures], moment: float, interval: float) -> None:
        track.at, track.window, track.parts = moment, interval, parts
        total = track.total
        track.series.put(moment, total.cpu, total.memory)

    def _sum_up(self, moment: float) -> None:
        """One point of the cluster a slot, once every node had its turn in it. While a node that is heard has no
        figures yet there is none: without its part the whole would seem to dip, as after each restart."""
        slot = int(moment // FINE)
        if slot != self._cluster_slot:
            self._cluster_slot = slot
            measured = {name: track for name, track in self._nodes.items() if moment - track.at <= MAX_AGE}
            heard = (name for name, last in self._last.items() if moment - last.heard <= MAX_AGE)
            if measured and all(name in measured for name in heard):
                total = sum((track.total for track in measured.values()), ZERO)
                self.cluster.put(moment, total.cpu, total.memory)

    def _sweep(self, moment: float) -> None:
        self._swept = moment
        self._nodes = {name: track for name, track in self._nodes.items() if moment - track.at <= KEEP}
        self._pods = {name: track for name, track in self._pods.items() if moment - track.at <= KEEP}
        self._last = {name: last for name, last in self._last.items() if moment - last.heard <= MAX_AGE}
        gone = sorted(track.at for track in self._pods.values() if moment - track.at > MAX_AGE)
        if len(gone) > MAX_GONE:
            earliest = gone[-MAX_GONE]
            self._pods = {name: track for name, track in self._pods.items() if track.at >= earliest}
        self._shorten()

    def _shorten(self) -> None:
        """Drop the oldest minutes of all pods until the rest fits."""
        pods = [track.series for track in self._pods.values()]
        excess = sum(series.nbytes for series in pods) - MAX_BYTES
        before = min((series.oldest for series in pods), default=0)
        newest = max((series.newest for series in pods), default=0)
        while excess > 0 and before < newest:
            before += 1
            excess -= sum(series.forget(before) for series in pods)

    def node(self, name: str, moment: float) -> Track | None:
        """The figures of a node, None when there are none that count any more."""
        return _fresh(self._nodes.get(name), moment)

    def pod(self, name: PodName, uid: str, moment: float) -> Track | None:
        """The figures of that very pod, not of a namesake."""
        track = _fresh(self._pods.get(name), moment)
        return track if track is not None and track.uid == uid else None

    def node_series(self, name: str, moment: float, seconds: int) -> Window | None:
        track = self._nodes.get(name)
        return None if track is None else track.series.window(moment, seconds)

    def pod_series(self, name: PodName, moment: float, seconds: int) -> Window | None:
        track = self._pods.get(name)
        return None if track is None else track.series.window(moment, seconds)

    @property
    def node_names(self) -> list[str]:
        return list(self._nodes)

    @property
    def pod_names(self) -> list[PodName]:
        return list(self._pods)

    @property
    def nbytes(self) -> int:
        """Bytes of memory for the points of all series."""
        tracks = [*self._nodes.values(), *self._pods.values()]
        return self.cluster.nbytes + sum(track.series.nbytes for track in tracks)


def _fresh(track: Track | None, moment: float) -> Track | None:
    return track if track is not None and moment - track.at <= MAX_AGE else None
