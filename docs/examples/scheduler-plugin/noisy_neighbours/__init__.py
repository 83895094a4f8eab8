"""Keeps loud pods (label `noise: loud`) apart: a node takes as many as its label `example.com/loud-pods` says, one
without it. Quiet pods rather go where nobody is loud."""

from __future__ import annotations

from typing import Any

LIMIT = "example.com/loud-pods"


class NoisyNeighbours:
    weight = 2

    def filter(self, pod: Any, node: Any) -> str | None:
        if not _is_loud(pod):
            return None
        limit = int(node.labels.get(LIMIT, "1"))
        return f"node(s) had {limit} loud pod(s) already" if _loud_pods(node) >= limit else None

    def score(self, pod: Any, node: Any) -> float:
        return 100 if _is_loud(pod) else 100 / (1 + _loud_pods(node))


def _is_loud(pod: Any) -> bool:
    return bool(pod.labels.get("noise") == "loud")


def _loud_pods(node: Any) -> int:
    return sum(map(_is_loud, node.pods))
