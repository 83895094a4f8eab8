"""The next step of a StatefulSet: actions on its pods and claims. Pure.

The rules are Kubernetes'. Ordered: a pod comes when all before it are available, and goes when all others are well.
Parallel: pods come and go at once. In both a rolling update replaces pods from the highest ordinal down, and no pod is
made while another one of its name is left: a pod on a lost node has no replacement before it is known to be gone.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from common.api.meta import Object, is_deleting, labels, name
from common.api.pods import is_terminal, phase

from . import claims
from .identity import identity_labels, new_pod, revision_name
from .model import Action, CreatePod, DeletePod, LabelPod, Members, Spec, World, is_usable
from .status import next_availability, status


@dataclass(frozen=True, slots=True)
class Plan:
    """`actions` in order, then the status. `again_in` is when (seconds) to look again though nothing changes."""

    actions: tuple[Action, ...] = ()
    status: Object = field(default_factory=dict)
    again_in: float | None = None


def plan(world: World, collisions: int) -> Plan:
    """`collisions` is the status' collisionCount."""
    spec = Spec.of(world.owner)
    new_status = status(world, spec, collisions)
    if is_deleting(world.owner):
        return Plan(status=new_status)
    actions = tuple(_steps(world, spec, Members.of(world, spec)))
    return Plan(actions, new_status, next_availability(world, spec))


def _steps(world: World, spec: Spec, members: Members) -> Iterator[Action]:
    """Every step that may be taken now, in order. A step that the rest has to wait for ends it."""
    for ordinal, pod in members.wanted.items():
        yield from claims.to_own(world, ordinal, pod, condemned=False)
    for ordinal in spec.ordinals:
        if not (yield from _replica(world, spec, members, ordinal)):
            return
    if members.condemned:
        yield from _shrink(world, spec, members)
        if spec.ordered:
            return
    if spec.rolling:
        yield from _update(world, spec, members)


def _replica(world: World, spec: Spec, members: Members, ordinal: int) -> Generator[Action, None, bool]:
    """Bring one ordinal further. Returns whether the others may go on."""
    pod = members.wanted.get(ordinal)
    if pod is None:
        if claims.is_stale(world, ordinal):
            return not spec.ordered
        yield from claims.missing(world, ordinal)
        yield CreatePod(new_pod(world.owner, _revision_for(world, spec, ordinal), ordinal))
        return not spec.ordered
    if is_terminal(pod):
        if not is_deleting(pod):
            yield DeletePod(pod, ended=True)
        return not spec.ordered
    if phase(pod) == "Pending" and not is_deleting(pod):
        yield from claims.missing(world, ordinal)
    if spec.ordered and not is_usable(pod, spec, world.now):
        return False
    wanted = identity_labels(world.owner, ordinal)
    if not is_deleting(pod) and any(labels(pod).get(key) != value for key, value in wanted.items()):
        yield LabelPod(pod, wanted)
    return True


def _revision_for(world: World, spec: Spec, ordinal: int) -> Object:
    """Pods below the partition stay at the revision that was rolled out last, also when they have to be made anew."""
    return world.current if spec.rolling and ordinal < spec.start + spec.partition else world.update


def _shrink(world: World, spec: Spec, members: Members) -> Iterator[Action]:
    """Take pods away from the highest ordinal down: one after the other when ordered, and only while the others are
    well, unless it is the unwell one that goes."""
    unwell = _first_unwell(world, spec, members)
    for ordinal, pod in members.condemned:
        if not is_deleting(pod) and (not spec.ordered or unwell in {None, name(pod)}):
            yield from claims.to_own(world, ordinal, pod, condemned=True)
            yield DeletePod(pod)
        if spec.ordered:
            return


def _first_unwell(world: World, spec: Spec, members: Members) -> str | None:
    """The name of the lowest pod that is not available, those asked for before those to go."""
    surplus = [pod for _, pod in reversed(members.condemned)]
    for pod in (*members.wanted.values(), *surplus):
        if not is_usable(pod, spec, world.now):
            return name(pod)
    return None


def _update(world: World, spec: Spec, members: Members) -> Iterator[Action]:
    """Take pods of other revisions away, from the highest ordinal down; the next plan makes them anew."""
    newest = name(world.update)
    unusable = {ordinal for ordinal in spec.ordinals if not is_usable(members.wanted.get(ordinal), spec, world.now)}
    outdated = {
        ordinal: pod
        for ordinal, pod in members.wanted.items()
        if ordinal >= spec.start + spec.partition and not is_deleting(pod) and revision_name(pod) != newest
    }
    if spec.max_unavailable == 1:
        yield from _update_one(spec, outdated, unusable)
        return
    budget = spec.max_unavailable - len(unusable)
    for ordinal in sorted(outdated, reverse=True):
        if ordinal in unusable:
            yield DeletePod(outdated[ordinal])  # it serves nobody, so it costs nothing
        elif budget > 0:
            yield DeletePod(outdated[ordinal])
            budget -= 1


def _update_one(spec: Spec, outdated: dict[int, Object], unusable: set[int]) -> Iterator[Action]:
    """The highest outdated pod goes, when all above it are well."""
    for ordinal in reversed(spec.ordinals[spec.partition :]):
        if ordinal in outdated:
            yield DeletePod(outdated[ordinal])
            return
        if ordinal in unusable:
            return
