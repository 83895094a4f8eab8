"""A drain as people see it: the fate of each pod, where it would go, how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from common.api import disruptions, drains, meta
from common.api.drains import Drain, Fate, Item, Stage
from common.api.meta import Key, Object

from .columns import Column
from .status import Status, Tone

_FATES = {
    Fate.EVICT: Status("evict", Tone.OK),
    Fate.WAIT: Status("wait", Tone.WARN),
    Fate.NEVER: Status("never", Tone.BAD),
    Fate.SKIP: Status("stays", Tone.DONE),
    Fate.REFUSE: Status("refused", Tone.BAD),
}
_STAGES = {
    Stage.PENDING: Status("next", Tone.BUSY),
    Stage.HELD: Status("held", Tone.WARN),
    Stage.LEAVING: Status("leaving", Tone.BUSY),
    Stage.GONE: Status("gone", Tone.OK),
    Stage.CANCELLED: Status("kept", Tone.WARN),
    Stage.FAILED: Status("failed", Tone.BAD),
}
NO_HOME = "no home"
_ORDER = (Fate.REFUSE, Fate.NEVER, Fate.WAIT, Fate.EVICT, Fate.SKIP)

Homes = Mapping[Key, tuple[str, str]]
"""By pod the node where it would land, empty for none, and why none."""


def homes(fit: Object) -> Homes:
    """What the scheduler answered to `drains.question`."""
    return {
        Key(str(move["namespace"]), str(move["name"])): (str(move["node"]), str(move["message"]))
        for move in (fit.get("status") or {}).get("moves") or ()
    }


def rows(items: Iterable[Item], found: Homes, drain: Drain | None = None) -> list[Object]:
    """One a pod, as tables and `-o json` have them; `stage` is there while a drain is under way."""
    made = []
    for item in items:
        node, why = found.get(meta.key(item.pod), ("", ""))
        uid = meta.uid(item.pod)
        row: Object = {
            "metadata": {"namespace": meta.namespace(item.pod), "name": meta.name(item.pod), "uid": uid},
            "fate": str(item.fate),
            "reason": item.reason,
            "node": node,
            "homeless": why,
        }
        if drain is not None and uid in drain.stages:
            stage = drain.stages[uid]
            waits = stage in {Stage.PENDING, Stage.CANCELLED}
            row |= {"stage": str(stage), "reason": drain.words.get(uid) or (item.reason if waits else "")}
        made.append(row)
    return made


def fate(row: Object) -> Status:
    return _STAGES[Stage(row["stage"])] if "stage" in row else _FATES[Fate(row["fate"])]


def home(row: Object) -> str:
    """Where the pod goes: a node, `no home`, or `-` for one that stays or does not come back."""
    return str(row["node"] or (NO_HOME if row["homeless"] else "-"))


def why(row: Object) -> str:
    """What holds it, else why it has no home."""
    begun = row.get("stage") in {Stage.LEAVING, Stage.GONE}
    return str(row["reason"] or ("" if begun else row["homeless"]))


def _home_tone(row: Object) -> Tone:
    return Tone.BAD if home(row) == NO_HOME else Tone.LINK if row["node"] else Tone.DIM


def _order(row: Object) -> tuple[int, bool, str, str]:
    found = meta.metadata(row)
    return _ORDER.index(Fate(row["fate"])), not row["homeless"], found["namespace"], found["name"]


def _status(row: Object, _now: datetime) -> Status:
    return fate(row)


COLUMNS = (
    Column("NS", lambda row, _: meta.namespace(row), drop=3, tone=lambda _: Tone.DIM, flexible=True, least=8),
    Column("POD", lambda row, _: meta.name(row), flexible=True, least=20, letter="N"),
    Column("WHAT", _status, sort=_order, letter="S"),
    Column("GOES TO", lambda row, _: home(row), tone=_home_tone, letter="O"),
    Column("WHY", lambda row, _: why(row), flexible=True, prose=True, least=12),
)


def headline(items: Sequence[Item], found: Homes) -> Status:
    """What the preview comes to, the worst first."""
    count = {fate: sum(1 for item in items if item.fate is fate) for fate in Fate}
    homeless = sum(1 for node, _ in found.values() if not node)
    leaving = sum(1 for item in items if item.leaves)
    parts = [f"{leaving} to evict" if leaving else "nothing to evict"]
    parts += [
        f"{number} {word}"
        for number, word in (
            (count[Fate.REFUSE], "refused"),
            (count[Fate.NEVER], "never allowed"),
            (homeless, "without a home"),
            (count[Fate.WAIT], "waiting for budgets"),
            (count[Fate.SKIP], "staying"),
        )
        if number
    ]
    bad = count[Fate.REFUSE] or count[Fate.NEVER] or homeless
    tone = Tone.BAD if bad else Tone.WARN if count[Fate.WAIT] else Tone.OK
    return Status(", ".join(parts), tone)


def progress(drain: Drain) -> Status:
    """How far a drain is."""
    done, total = drain.count(Stage.GONE), len(drain.stages)
    said = f"{done} of {total} gone"
    for stage, word in ((Stage.HELD, "held by budgets"), (Stage.CANCELLED, "kept"), (Stage.FAILED, "failed")):
        if number := drain.count(stage):
            said += f", {number} {word}"
    if drain.complete:
        return Status(f"drained: {said}", Tone.OK)
    if drain.settled:
        return Status(f"not drained: {said}", Tone.BAD)
    return Status(f"draining: {said}", Tone.WARN if drain.count(Stage.HELD) else Tone.BUSY)


def headroom(items: Iterable[Item], budgets: Iterable[Object]) -> list[Object]:
    """The budgets that cover pods which leave, by namespace and name, each once: `spare` is what they still allow,
    `covers` how many of these pods they have."""
    known = list(budgets)
    covers: dict[Key, int] = {}
    by_key = {meta.key(budget): budget for budget in known}
    for item in items:
        if item.leaves and not disruptions.needs_no_budget(item.pod):
            for budget in disruptions.budgets_of(item.pod, known):
                covers[meta.key(budget)] = covers.get(meta.key(budget), 0) + 1
    return [_room(by_key[key], number) for key, number in sorted(covers.items())]


def _room(budget: Object, covers: int) -> Object:
    status = budget.get("status") or {}
    return {
        "namespace": meta.namespace(budget),
        "name": meta.name(budget),
        "allowed": int(status.get("disruptionsAllowed") or 0),
        "healthy": int(status.get("currentHealthy") or 0),
        "needed": int(status.get("desiredHealthy") or 0),
        "covers": covers,
        "hopeless": drains.is_hopeless(budget),
    }
