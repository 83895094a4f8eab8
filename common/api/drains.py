"""What draining a node means for each of its pods, and how far it is. Pure; the console and the command line act by it.

The rules are those of `kubectl drain`: mirror pods and pods of DaemonSets stay, pods that nobody would make again and
pods whose emptyDir data would be lost refuse the whole drain unless the operator says otherwise, all others are evicted
and a budget that is spent makes them wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from . import disruptions, meta, pods
from .meta import Object

MIRROR = "kubernetes.io/config.mirror"
RETRY_SECONDS = 5.0
"""After which an eviction that a budget refused is asked for again, as kubectl does."""


class Fate(StrEnum):
    """EVICT now; WAIT until the budget lets it go; NEVER: the budget will not, whatever happens; SKIP: it stays;
    REFUSE: it holds up the whole drain until an option lets it go."""

    EVICT = "evict"
    WAIT = "wait"
    NEVER = "never"
    SKIP = "skip"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Options:
    """`force`: evict pods that no controller makes again. `delete_local`: data in emptyDir volumes may be lost."""

    force: bool = False
    delete_local: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One pod of the node; `reason` says why not simply EVICT. `returns`: a controller makes another one."""

    pod: Object
    fate: Fate
    reason: str = ""
    returns: bool = True

    @property
    def leaves(self) -> bool:
        return self.fate in {Fate.EVICT, Fate.WAIT, Fate.NEVER}


def plan(node: str, everything: Iterable[Object], budgets: Iterable[Object], options: Options) -> list[Item]:
    """The fate of each pod on the node, by namespace and name. Budgets are spent in that order, so that of two pods
    under a budget that allows one disruption the second is told to wait."""
    charged = [dict(budget) for budget in budgets]
    there = sorted((pod for pod in everything if pods.node_name(pod) == node), key=meta.key)
    return [_judged(_ruled(pod, options), charged) for pod in there]


def _ruled(pod: Object, options: Options) -> Item:
    """What kubectl's own rules say, before any budget."""
    owner = meta.controller_of(pod)
    returns = owner is not None
    if MIRROR in (meta.metadata(pod).get("annotations") or {}):
        return Item(pod, Fate.SKIP, "a mirror pod: its node makes it")
    if pods.is_terminal(pod):
        return Item(pod, Fate.EVICT, "it has ended", returns=False)
    if owner is not None and owner.get("kind") == "DaemonSet":
        return Item(pod, Fate.SKIP, f"DaemonSet {owner.get('name')} keeps one on each node")
    if owner is None and not options.force:
        return Item(pod, Fate.REFUSE, "no controller manages it", returns=False)
    if _has_local_data(pod) and not options.delete_local:
        return Item(pod, Fate.REFUSE, "its emptyDir data would be lost", returns)
    return Item(pod, Fate.EVICT, "" if returns else "no controller makes another", returns)


def _has_local_data(pod: Object) -> bool:
    return any(volume.get("emptyDir") is not None for volume in (pod.get("spec") or {}).get("volumes") or ())


def _judged(item: Item, budgets: list[Object]) -> Item:
    """What its budget says, which is charged in place."""
    if item.fate is not Fate.EVICT or disruptions.needs_no_budget(item.pod):
        return item
    covering = disruptions.budgets_of(item.pod, budgets)
    if len(covering) > 1:
        names = ", ".join(meta.name(budget) for budget in covering)
        return replace(item, fate=Fate.NEVER, reason=f"more than one disruption budget covers it: {names}")
    for budget in covering:
        verdict = disruptions.judge(item.pod, budget)
        if not verdict.allowed:
            fate = Fate.NEVER if is_hopeless(budget) else Fate.WAIT
            return replace(item, fate=fate, reason=verdict.message)
        if verdict.verdict is disruptions.Verdict.CHARGED:
            status = budget.get("status") or {}
            healthy, allowed = (int(status.get(field) or 0) for field in ("currentHealthy", "disruptionsAllowed"))
            budget["status"] = {**status, "disruptionsAllowed": allowed - 1, "currentHealthy": healthy - 1}
    return item


def is_hopeless(budget: Object) -> bool:
    """Whether it allows no disruption even when all its pods are healthy."""
    status = budget.get("status") or {}
    return int(status.get("desiredHealthy") or 0) >= int(status.get("expectedPods") or 0)


def question(node: str, items: Iterable[Item]) -> Object:
    """The Fit that asks where the pods that leave and come back would land (docs/architecture.md)."""
    leaving = [
        {"namespace": meta.namespace(item.pod), "name": meta.name(item.pod)}
        for item in items
        if item.leaves and item.returns
    ]
    spec = {"drain": {"node": node, "pods": leaving}}
    return {"apiVersion": "quarterdeck.io/v1", "kind": "Fit", "spec": spec}


def eviction(pod: Object, grace_period: int | None = None) -> Object:
    """The body of an eviction of exactly this pod, not of a namesake made meanwhile."""
    options: Object = {"preconditions": {"uid": meta.uid(pod)}}
    if grace_period is not None:
        options["gracePeriodSeconds"] = grace_period
    where = {"name": meta.name(pod), "namespace": meta.namespace(pod)}
    return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": where, "deleteOptions": options}


class Stage(StrEnum):
    """Of a pod that leaves."""

    PENDING = "pending"
    HELD = "held"  # its budget refused, it is asked for again
    LEAVING = "leaving"
    GONE = "gone"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Drain:
    """One drain under way: which evictions to ask for now, and what became of each pod, by UID."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = {meta.uid(item.pod): item for item in items if item.leaves}
        self.stages = dict.fromkeys(self.items, Stage.PENDING)
        self.words: dict[str, str] = {}
        self._again: dict[str, datetime] = {}

    def due(self, now: datetime) -> list[Item]:
        """Evictions to ask for at this moment."""
        waiting = (uid for uid, stage in self.stages.items() if stage in {Stage.PENDING, Stage.HELD})
        return [self.items[uid] for uid in waiting if uid not in self._again or self._again[uid] <= now]

    def saw(self, there: Mapping[str, Object]) -> None:
        """The pods that there are now, by UID: what is not among them is gone."""
        for uid, stage in self.stages.items():
            if uid not in there:
                self.stages[uid] = Stage.GONE
            elif meta.is_deleting(there[uid]) and stage is not Stage.GONE:
                self.stages[uid] = Stage.LEAVING

    def accepted(self, item: Item) -> None:
        self._set(item, Stage.LEAVING)

    def held(self, item: Item, why: str, again: datetime) -> None:
        """Its budget refused; ask again at that moment."""
        self._set(item, Stage.HELD, why)
        self._again[meta.uid(item.pod)] = again

    def gone(self, item: Item) -> None:
        self._set(item, Stage.GONE)

    def failed(self, item: Item, why: str) -> None:
        """The API refused for good."""
        self._set(item, Stage.FAILED, why)

    def cancel(self) -> int:
        """Give up what has not begun; how many that is."""
        waiting = [uid for uid, stage in self.stages.items() if stage in {Stage.PENDING, Stage.HELD}]
        for uid in waiting:
            self.stages[uid] = Stage.CANCELLED
        return len(waiting)

    def count(self, *stages: Stage) -> int:
        return sum(1 for stage in self.stages.values() if stage in stages)

    @property
    def settled(self) -> bool:
        """Nothing more will happen by itself."""
        return not self.count(Stage.PENDING, Stage.HELD, Stage.LEAVING)

    @property
    def complete(self) -> bool:
        """All pods that were to leave are gone."""
        return self.count(Stage.GONE) == len(self.stages)

    def _set(self, item: Item, stage: Stage, words: str = "") -> None:
        uid = meta.uid(item.pod)
        if self.stages[uid] is not Stage.GONE:
            self.stages[uid] = stage
            self.words[uid] = words
