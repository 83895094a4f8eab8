"""How a rollout went before anybody looked, from what the objects say: when revisions were made, when pods became
ready, how a Deployment scaled its ReplicaSets. Pure.

Events are kept for an hour, and pods that are gone say nothing; what is not known is left out, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.api import conditions, meta
from common.api.kinds import DEPLOYMENTS
from common.api.meta import Object

from .columns import event_message, event_time
from .rollouts import Progress, owned_by, revision

Left = tuple[datetime, int]
"""From when on so many old replicas were left."""
_SCALED = re.compile(r"Scaled (?:up|down) replica set (\S+) from (\d+) to (\d+)")


@dataclass(frozen=True, slots=True)
class Past:
    """`ready` has a time for each new replica that is ready, `old` begins with what there was when it began. `ended` is
    when the rollout was complete."""

    began: datetime
    ready: tuple[datetime, ...]
    old: tuple[Left, ...]
    ended: datetime | None = None

    def moments(self) -> Iterator[tuple[datetime, int, int]]:
        """When something changed, how many new ones were ready then and how many old ones left."""
        for moment in sorted({self.began, *self.ready, *(at for at, _ in self.old)}):
            ready = sum(1 for at in self.ready if at <= moment)
            yield moment, ready, [count for at, count in self.old if at <= moment][-1]


@dataclass(frozen=True, slots=True)
class _Scaling:
    at: datetime
    name: str
    before: int
    after: int


def told(
    workload: Object, kept_in: Iterable[Object], found: Progress, events: Iterable[Object], now: datetime
) -> Past | None:
    """The newest rollout; None when there is nothing that tells when it began."""
    owned = owned_by(workload, kept_in)
    newest = next((item for item in owned if revision(item) == found.revision), None)
    if newest is None:
        return None
    # A revision that is gone back to is old itself, but the rollout to it is younger than every other revision.
    began = max(_made(item, now) for item in owned)
    ready = sorted(now - timedelta(seconds=item.seconds) for item in found.replicas if item.new and item.ready)
    ended = _ended(workload, ready, now) if found.complete else None
    if workload.get("kind") == DEPLOYMENTS.kind:
        scaled = [item for item in _scalings(workload, events) if ended is None or item.at <= ended]
        began = max([began, *(item.at for item in scaled if item.name == meta.name(newest) and not item.before)])
        old = _left_of_replicasets(newest, owned, [item for item in scaled if item.at >= began], began)
    else:
        made = sorted(_made(item.pod, now) for item in found.replicas if item.new)
        began = max(began, *made[:1])
        old = [(began, found.wanted), *((at, max(found.wanted - done, 0)) for done, at in enumerate(made, 1))]
    if ended is None:
        return _within(began, now, ready, old, None)
    return _within(began, max(ended, began), ready, [*old, (max(ended, began), 0)], max(ended, began))


def _within(
    began: datetime, end: datetime, ready: Sequence[datetime], old: Sequence[Left], ended: datetime | None
) -> Past:
    """What was replaced after the rollout was there in its time."""
    moments = (min(max(at, began), end) for at in ready)
    return Past(began, tuple(moments), tuple((min(max(at, began), end), count) for at, count in old), ended)


def _made(obj: Object, now: datetime) -> datetime:
    made = meta.metadata(obj).get("creationTimestamp")
    return meta.parse_time(made) if made else now


def _ended(workload: Object, ready: Sequence[datetime], now: datetime) -> datetime:
    """When a Deployment says that it was complete; of others when the last of their replicas became ready."""
    said = conditions.get_condition(workload, "Progressing") or {}
    at = said.get("lastUpdateTime") if said.get("reason") == "NewReplicaSetAvailable" else None
    return meta.parse_time(at) if at else max(ready, default=now)


def _scalings(deployment: Object, events: Iterable[Object]) -> list[_Scaling]:
    """What the Deployment did to its ReplicaSets, in order."""
    found: list[_Scaling] = []
    for event in events:
        about, at = event.get("involvedObject") or {}, event_time(event)
        if event.get("reason") == "ScalingReplicaSet" and about.get("uid") == meta.uid(deployment) and at:
            said = _SCALED.search(event_message(event))
            if said is not None:
                found.append(_Scaling(meta.parse_time(at), said[1], int(said[2]), int(said[3])))
    # Events know seconds: within one, a step down from more came first.
    return sorted(found, key=lambda item: (item.at, -item.before))


def _left_of_replicasets(
    newest: Object, owned: Iterable[Object], scaled: Sequence[_Scaling], began: datetime
) -> list[Left]:
    """How many replicas all other ReplicaSets were to have."""
    sizes = {
        meta.name(item): int((item.get("spec") or {}).get("replicas") or 0) for item in owned if item is not newest
    }
    steps = [item for item in scaled if item.name in sizes]
    for step in reversed(steps):
        sizes[step.name] = step.before
    found = [(began, sum(sizes.values()))]
    for step in steps:
        sizes[step.name] = step.after
        found.append((step.at, sum(sizes.values())))
    return found
