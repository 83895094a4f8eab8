"""Evictions: deletions of pods that ask the PodDisruptionBudget first.

The number of disruptions that a budget still allows is read and lowered in the same turn of the event loop, so that two
evictions never spend the same one; the pod is deleted once that is durable.
"""

from __future__ import annotations

from dataclasses import replace

from common.api import disruptions, meta
from common.api.disruptions import Judgement, Verdict
from common.api.kinds import PODDISRUPTIONBUDGETS
from common.api.meta import Object
from common.api.pods import DISRUPTED, with_condition
from common.errors import ApiError, BadRequest, Cause, Forbidden, InternalError, TooManyRequests
from console.registry.row import Row

from .caller import Caller
from .extension.matching import Asked
from .options import DeleteOptions
from .verbs import Verbs

RETRY_SECONDS = 10


async def evict(
    verbs: Verbs,
    caller: Caller,
    rows: tuple[Row, Row],
    namespace: str,
    name: str,
    eviction: Object,
    *,
    dry_run: bool = False,
) -> None:
    """`rows` are those of pods and of PodDisruptionBudgets. TooManyRequests while the pod's budget is spent, Forbidden
    when it is out of order, InternalError for a pod with several budgets, as in Kubernetes."""
    if meta.name(eviction) not in {"", name}:
        raise BadRequest("name in URL does not match name in Eviction object")
    pods, budgets = rows
    asked = Asked(caller, pods, "CREATE", namespace, name, _typed(eviction), None, "eviction", dry_run=dry_run)
    await verbs.ask(asked, [])
    options = DeleteOptions.parse({"dryRun": "All"} if dry_run else {}, eviction.get("deleteOptions") or {})
    pod = verbs.current(pods, namespace, name).obj
    # What is evicted is the pod that was asked for: while its budget is written a namesake may take its place.
    options = replace(options, uid=options.uid or meta.uid(pod))
    if not disruptions.needs_no_budget(pod):
        await _ask(verbs, caller, budgets, pod, dry_run=options.dry_run)
        if not options.dry_run:
            await _mark(verbs, caller, pods, pod)
    # As in Kubernetes: who has a say in evictions is not asked again about the deletion.
    await verbs.delete(caller, pods, namespace, name, options, agreed=True)


def _typed(eviction: Object) -> Object:
    return {"apiVersion": "policy/v1", "kind": "Eviction", **eviction}


async def _ask(verbs: Verbs, caller: Caller, row: Row, pod: Object, *, dry_run: bool) -> None:
    """Spend a disruption of the pod's budget, or raise what refuses it."""
    everything = (entry.obj for entry in verbs.store.newest_entries(PODDISRUPTIONBUDGETS.group_resource))
    found = disruptions.budgets_of(pod, everything)
    if len(found) > 1:
        raise InternalError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    for budget in found:
        judgement = disruptions.judge(pod, budget)
        if not judgement.allowed:
            raise _refusal(judgement, meta.name(budget))
        if judgement.verdict is Verdict.CHARGED:
            now = verbs.clock.now()

            def charge(old: Object) -> Object:
                return {**old, "status": disruptions.charged(old, pod, now)}  # noqa: B023 - called before the next turn

            current = verbs.current(row, meta.namespace(budget), meta.name(budget))
            await verbs.write(caller, "update", row, current, charge(current.obj), dry_run=dry_run)


def _refusal(judgement: Judgement, budget: str) -> ApiError:
    if judgement.verdict in {Verdict.NEGATIVE, Verdict.TOO_MANY}:
        return Forbidden(
            f'poddisruptionbudgets.policy "{budget}" is forbidden: {judgement.message}',
            details={"name": budget, "group": "policy", "kind": "poddisruptionbudgets"},
        )
    causes = (Cause("", judgement.message, "DisruptionBudget"),)
    return TooManyRequests(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        causes=causes,
        retry_after=RETRY_SECONDS if judgement.verdict is Verdict.NOT_OBSERVED else None,
    )


async def _mark(verbs: Verbs, caller: Caller, row: Row, pod: Object) -> None:
    """Say in the pod why it goes, for its controller and for people."""
    current = verbs.current(row, meta.namespace(pod), meta.name(pod))
    if meta.uid(current.obj) != meta.uid(pod):
        return
    state = dict(current.obj.get("status") or {})
    state["conditions"] = with_condition(
        current.obj, DISRUPTED, "True", "EvictionByEvictionAPI", "Eviction API: evicting", verbs.clock.now()
    )
    await verbs.write(caller, "update", row, current, {**current.obj, "status": state})
