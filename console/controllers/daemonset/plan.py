"""What a DaemonSet does next: the nodes that get a pod, and the pods that go. Pure.

First every node gets what it lacks and loses what it has too much; then, of nodes that are in order, some go over to
the new template, as many at a time as `maxUnavailable` or `maxSurge` allow. The rules are Kubernetes'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from common.api.meta import Object, is_deleting, name
from common.api.pods import is_ready, is_terminal, phase

from .model import Limits, Place, World, is_rolling, places
from .status import next_availability, status

BURST = 250  # pods made or deleted in one go, as in Kubernetes


@dataclass(frozen=True, slots=True)
class Plan:
    """`create` are nodes that get a pod, `delete` pods that go; `ended` are those among them that failed or ended by
    themselves. `again_in` is when (seconds) to look again though nothing changes."""

    create: tuple[str, ...] = ()
    delete: tuple[Object, ...] = ()
    ended: tuple[Object, ...] = ()
    status: Object = field(default_factory=dict)
    again_in: float | None = None


@dataclass
class _Steps:
    create: list[str] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    ended: list[Object] = field(default_factory=list)


def plan(world: World) -> Plan:
    found = places(world)
    new_status = status(world, found)
    if is_deleting(world.owner):
        return Plan(status=new_status)
    desired = sum(place.wanted for place in found)
    limits = Limits.of(world.owner, desired)
    surging = is_rolling(world.owner) and limits.surge > 0
    steps = _Steps()
    for place in found:
        _manage(world, place, steps, surging=surging)
    # What is put in order first changes what may be updated: that is planned when the mirror shows it.
    if is_rolling(world.owner) and not steps.create and not steps.delete:
        in_use = [place for place in found if place.wanted or (place.allowed and place.pods)]
        if surging:
            _surge(world, in_use, limits, steps)
        else:
            _replace(world, in_use, limits, steps)
    return Plan(
        tuple(steps.create[:BURST]),
        tuple(steps.delete[:BURST]),
        tuple(steps.ended[:BURST]),
        new_status,
        next_availability(world, found),
    )


def _manage(world: World, place: Place, steps: _Steps, *, surging: bool) -> None:
    if not place.allowed:
        steps.delete += place.staying
        return
    if not place.pods:
        if place.wanted and place.node not in world.held:
            steps.create.append(place.node)
        return
    ended = [pod for pod in place.staying if is_terminal(pod)]
    running = [pod for pod in place.staying if not is_terminal(pod)]
    if place.node not in world.held:
        steps.ended += ended
        steps.delete += ended
    steps.delete += _surplus_while_surging(world, running) if surging else running[1:]


def _surplus_while_surging(world: World, running: Sequence[Object]) -> list[Object]:
    """A node may have one pod of each template; the old one goes when the new one has taken over, or when it is of no
    use any more."""
    new = [pod for pod in running if world.is_new(pod)]
    old = [pod for pod in running if not world.is_new(pod)]
    surplus = [*new[1:], *old[1:]]
    if new and old and (not is_ready(old[0]) or world.is_available(new[0])):
        surplus.append(old[0])
    return surplus


def _replace(world: World, found: Sequence[Place], limits: Limits, steps: _Steps) -> None:
    """Delete old pods: those that are of no use at once, others while few enough nodes are without one."""
    unavailable = 0
    candidates = []
    for place in found:
        new = [pod for pod in place.staying if world.is_new(pod)]
        old = [pod for pod in place.staying if not world.is_new(pod)]
        if len(new) + len(old) != 1:
            unavailable += 1  # it is being put in order
        elif new:
            unavailable += not world.is_available(new[0])
        elif not world.is_available(old[0]):
            steps.delete.append(old[0])
        else:
            candidates.append(old[0])
    # Those replaced at once are unavailable already, and stay so until their successors are there.
    steps.delete += candidates[: max(0, limits.unavailable - unavailable - len(steps.delete))]


def _surge(world: World, found: Sequence[Place], limits: Limits, steps: _Steps) -> None:
    """Make new pods beside old ones, on so many nodes at a time."""
    surging = 0
    candidates = []
    for place in found:
        new = [pod for pod in place.staying if world.is_new(pod)]
        old = [pod for pod in place.staying if not world.is_new(pod)]
        if len(new) > 1 or len(old) > 1:
            surging += 1
        elif old and not new:
            if world.is_available(old[0]):
                candidates.append(place.node)
            else:
                steps.create.append(place.node)
        elif old and new:
            surging += not world.is_available(new[0])
    steps.create += candidates[: max(0, limits.surge - surging)]


def what_ended(pod: Object, node: str) -> tuple[str, str]:
    """Reason and message of the event for a daemon pod that ended by itself."""
    word = "failed" if phase(pod) == "Failed" else "succeeded"
    where = f"{(pod.get('metadata') or {}).get('namespace')}/{name(pod)}"
    return f"{word.capitalize()}DaemonPod", f"Found {word} daemon pod {where} on node {node}, will try to kill it"
