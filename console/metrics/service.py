"""The component: takes what sessions hear, and answers the API server's questions from memory.

It reads no clock but for the age of figures, and writes nothing: figures are not objects, they are made when asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from common.api import meta
from common.api.kinds import (
    CLUSTER_SERIES,
    NODE_METRICS,
    NODE_SERIES,
    NODES,
    POD_METRICS,
    POD_SERIES,
    PODS,
    SERVICE_SERIES,
    Resource,
)
from common.api.meta import Key, Object
from common.client import SharedInformers
from common.clock import Clock
from common.errors import BadRequest, not_found
from common.session import Usage

from . import documents
from .archive import Record
from .book import Book, PodName
from .readings import NodeReading, PodReading, parse
from .series import COARSE, COARSE_POINTS, FINE
from .services import Rate, ServiceBook

log = logging.getLogger(__name__)

CLUSTER = "cluster"
"""The name of the one ClusterSeries."""
DEFAULT_SECONDS = 900  # of a series: what fits on a screen
MAX_SECONDS = COARSE * COARSE_POINTS


class Metrics:
    """`informers` must be running."""

    def __init__(self, informers: SharedInformers, clock: Clock) -> None:
        self._clock = clock
        self._nodes = informers.get(NODES)
        self._pods = informers.get(PODS)
        # The file of series knows moments by the wall clock, which is read once: a step of it must not fold them.
        self._began = clock.now().timestamp() - clock.monotonic()
        self.book = Book()
        self.services = ServiceBook()

    @property
    def moment(self) -> float:
        """Now, in seconds since 1970 that only go forward."""
        return self._began + self._clock.monotonic()

    def records(self) -> Iterator[Record]:
        """All series, the most important first."""
        yield from self.book.records()
        yield from self.services.records()
        yield from self.book.pod_records()

    def restore(self, written: float, records: Iterable[Record]) -> None:
        """Go on from the series of another process, `written` at that moment. Time in which nobody measured does not
        make them older, so that what was there before and is there again finds its own."""
        moment = self.moment
        for record in records:
            at = moment - max(written - record.at, 0.0)
            self.services.restore(record, at, moment)
            self.book.restore(record, at, moment)

    def take(self, node: str, message: Usage) -> None:
        """What the session with a node brought. Pods that are not the node's own do not count."""
        reading = parse(message)
        if reading is None:
            log.warning("node %s sends figures that are none", node)
            return
        own = [found for pod in reading.pods if (found := self._own(node, pod)) is not None]
        self.book.take(node, NodeReading(reading.at, reading.node, own), self.moment)

    def take_rates(self, rates: Callable[[], Mapping[PodName, Rate]]) -> None:
        """What came to Services lately; asked for once a slot."""
        moment = self.moment
        if self.services.is_due(moment):
            self.services.note(rates(), moment)

    def _own(self, node: str, reading: PodReading) -> PodReading | None:
        """The reading of a pod that runs there, by the names that the mirror has: what is kept of ten thousand is not
        to hold each name three times."""
        pod = self._pods.get(Key(reading.namespace, reading.name))
        if pod is None or meta.uid(pod) != reading.uid or (pod.get("spec") or {}).get("nodeName") != node:
            return None
        return PodReading(meta.namespace(pod), meta.name(pod), meta.uid(pod), reading.containers)

    # What the API server asks (console/apiserver/backends.py: Computed)

    def one(self, resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> Object | None:
        """One object, None when nothing is known of it. NotFound names the node or pod that is not there, as the
        metrics server of Kubernetes does."""
        if resource in {NODE_METRICS, POD_METRICS}:
            nodes = resource == NODE_METRICS
            measured = self._nodes.get(Key("", name)) if nodes else self._pods.get(Key(namespace, name))
            if measured is None:
                raise not_found(resource.plural, name)
            return self._node_metrics(measured) if nodes else self._pod_metrics(measured)
        if resource == SERVICE_SERIES:
            return self._service_series(namespace, name, _seconds(query))
        return self._series(resource, namespace, name, _seconds(query))

    def every(self, resource: Resource, namespace: str, query: Mapping[str, str]) -> Iterable[Object]:
        """All of a namespace, or with an empty one all."""
        found: Iterable[Object | None]
        if resource == NODE_METRICS:
            found = map(self._node_metrics, self._nodes.items())
        elif resource == POD_METRICS:
            found = map(
                self._pod_metrics, (pod for pod in self._pods.items() if namespace in {"", meta.namespace(pod)})
            )
        else:
            found = self._all_series(resource, namespace, _seconds(query))
        return (item for item in found if item is not None)

    def _node_metrics(self, node: Object) -> Object | None:
        moment = self.moment
        if (track := self.book.node(meta.name(node), moment)) is None:
            return None
        return documents.node_metrics(node, track, self._clock.now(), moment - track.at)

    def _pod_metrics(self, pod: Object) -> Object | None:
        moment = self.moment
        track = self.book.pod((meta.namespace(pod), meta.name(pod)), meta.uid(pod), moment)
        return None if track is None else documents.pod_metrics(pod, track, self._clock.now(), moment - track.at)

    def _all_series(self, resource: Resource, namespace: str, seconds: int) -> Iterable[Object | None]:
        if resource == CLUSTER_SERIES:
            return [self._series(resource, "", CLUSTER, seconds)]
        if resource == NODE_SERIES:
            return (self._series(resource, "", name, seconds) for name in self.book.node_names)
        if resource == SERVICE_SERIES:
            wanted = [name for name in self.services.names if namespace in {"", name[0]}]
            return (self._service_series(*name, seconds) for name in wanted)
        names = [name for name in self.book.pod_names if namespace in {"", name[0]}]
        return (self._series(resource, *name, seconds) for name in names)

    def _series(self, resource: Resource, namespace: str, name: str, seconds: int) -> Object | None:
        moment = self.moment
        about: Object = {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}
        if resource == CLUSTER_SERIES:
            window = self.book.cluster.window(moment, seconds) if name == CLUSTER else None
        elif resource == NODE_SERIES:
            window = self.book.node_series(name, moment, seconds)
        else:
            window = self.book.pod_series((namespace, name), moment, seconds)
        if window is None:
            return None
        if resource == CLUSTER_SERIES:
            flows = self.services.cluster(moment, seconds)
            return documents.cluster_series(about, window, flows, self._clock.now(), moment)
        mirror, key = (self._pods, Key(namespace, name)) if resource == POD_SERIES else (self._nodes, Key("", name))
        return documents.series(resource, mirror.get(key) or about, window, self._clock.now(), moment)

    def _service_series(self, namespace: str, name: str, seconds: int) -> Object | None:
        moment = self.moment
        found = self.services.window((namespace, name), moment, seconds)
        if found is None:
            return None
        about: Object = {"metadata": {"name": name, "namespace": namespace}}
        return documents.service_series(about, found[0], self._clock.now(), moment, requests=found[1])


def _seconds(query: Mapping[str, str]) -> int:
    """How far back a series is asked for."""
    text = query.get("seconds", "")
    if not text:
        return DEFAULT_SECONDS
    if not text.isascii() or not text.isdecimal() or not FINE <= int(text) <= MAX_SECONDS:
        raise BadRequest(f"seconds: Invalid value: {text[:50]!r}: must be a whole number from {FINE} to {MAX_SECONDS}")
    return int(text)
