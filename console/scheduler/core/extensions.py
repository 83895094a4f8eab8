"""Filters and scores of other people, from the entry point group `quarterdeck.scheduler`.

An extension is an object with one or both of

    filter(pod, node) -> str | None    why the node will not do, in words for people; None when it will
    score(pod, node) -> float          0 to 100, higher is better; counts `weight` times (1 unless it says otherwise)

Both look at what they are given and at nothing else: an answer is kept until the pod's needs or the node with its pods
change. They run while the scheduler decides, so they must not wait for anything. What one raises, or an answer of
another type, costs no decision: a filter then refuses and says so, a score counts as 0, and the log has it once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from .filters import Filter, Refuse
from .model import NodeInfo, PodClass
from .scores import Measure, Profile

log = logging.getLogger(__name__)


class PodView:
    """A pod as extensions see it. Amounts are millicores of cpu, bytes of memory, whole units of anything else."""

    __slots__ = ("_kind",)

    def __init__(self, kind: PodClass) -> None:
        self._kind = kind

    @property
    def namespace(self) -> str:
        return self._kind.namespace

    @property
    def labels(self) -> Mapping[str, str]:
        return MappingProxyType(dict(self._kind.labels))

    @property
    def annotations(self) -> Mapping[str, str]:
        return MappingProxyType(dict(self._kind.annotations))

    @property
    def requests(self) -> Mapping[str, int]:
        return MappingProxyType(dict(self._kind.requests))

    @property
    def priority(self) -> int:
        return self._kind.priority


class NodeView:
    """A node as extensions see it, with what its pods left of it."""

    __slots__ = ("_node",)

    def __init__(self, node: NodeInfo) -> None:
        self._node = node

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def labels(self) -> Mapping[str, str]:
        return MappingProxyType(self._node.labels)

    @property
    def allocatable(self) -> Mapping[str, int]:
        return MappingProxyType(self._node.allocatable)

    @property
    def free(self) -> Mapping[str, int]:
        return MappingProxyType(self._node.free)

    @property
    def pods(self) -> list[PodView]:
        return [PodView(pod.kind) for pod in self._node.pods.values()]


class _Faults:
    """Tells each fault of an extension once, not once a node and pod."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: set[str] = set()

    def tell(self, what: str) -> str:
        text = f"scheduler plugin {self._name} failed: {what}"
        if text not in self._told:
            self._told.add(text)
            log.warning("%s", text)
        return text


def extend(profile: Profile, extensions: Iterable[tuple[str, Any]]) -> Profile:
    """The profile with named extensions added; one that is none is left out, which the log says."""
    filters, measures = list(profile.filters), list(profile.extensions)
    for name, extension in extensions:
        faults = _Faults(name)
        refuse, rate = getattr(extension, "filter", None), getattr(extension, "score", None)
        weight = getattr(extension, "weight", 1)
        if not callable(refuse) and not callable(rate):
            faults.tell("it has neither filter(pod, node) nor score(pod, node)")
        elif not isinstance(weight, int | float) or not math.isfinite(weight):
            faults.tell(f"weight {weight!r} is no number")
        else:
            if callable(refuse):
                filters.append(Filter(name, _guarded_filter(refuse, faults), static=False, resolvable=True))
            if callable(rate):
                measures.append((float(weight), _guarded_score(rate, faults)))
    return replace(profile, filters=tuple(filters), extensions=tuple(measures))


def _guarded_filter(refuse: Callable[[PodView, NodeView], Any], faults: _Faults) -> Refuse:
    def guarded(kind: PodClass, node: NodeInfo) -> tuple[str, ...]:
        try:
            reason = refuse(PodView(kind), NodeView(node))
        except Exception as error:  # noqa: BLE001 - foreign code: the scheduler outlives whatever it raises
            return (faults.tell(f"{type(error).__name__}: {error}"),)
        if reason is None or reason == "":
            return ()
        if not isinstance(reason, str):
            return (faults.tell(f"filter returned {type(reason).__name__}, not text or None"),)
        return (reason,)

    return guarded


def _guarded_score(rate: Callable[[PodView, NodeView], Any], faults: _Faults) -> Measure:
    def guarded(kind: PodClass, node: NodeInfo) -> float:
        try:
            value = float(rate(PodView(kind), NodeView(node)))
        except Exception as error:  # noqa: BLE001 - foreign code: the scheduler outlives whatever it raises
            faults.tell(f"{type(error).__name__}: {error}")
            return 0.0
        if not math.isfinite(value):
            faults.tell(f"score returned {value}")
            return 0.0
        return min(max(value, 0.0), 100.0) / 100.0

    return guarded
