"""What becomes of an object, given what is known of its owners and dependents. Pure.

Kubernetes' rules: an object with one living owner stays and loses its references to the dead ones; an object all of
whose owners are gone is deleted; an owner that is deleted in the foreground waits for the dependents that block it,
unless they stand in a circle. References that cannot be judged keep their object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from common.api.meta import Object, is_deleting, metadata, owner_references, uid

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Owner(Enum):
    """An owner as its dependent sees it."""

    PRESENT = "present"
    ABSENT = "absent"
    WAITING = "waiting"  # it is being deleted in the foreground and waits for its dependents
    WRONG = "wrong"  # nothing can be said of it: a cluster-scoped object cannot be owned from inside a namespace


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object; `policy` is a propagation policy. `unblock`: let its owners go without it first."""

    policy: str
    unblock: bool = False


@dataclass(frozen=True, slots=True)
class SetOwners:
    """Write the references that are left."""

    references: list[Object]


@dataclass(frozen=True, slots=True)
class DropFinalizer:
    """The object's own deletion is done with its dependents."""

    finalizer: str


@dataclass(frozen=True, slots=True)
class OrphanDependents:
    """Take the object out of its dependents' references, then drop its finalizer."""


Step: TypeAlias = Keep | Delete | SetOwners | DropFinalizer | OrphanDependents
Judge: TypeAlias = Callable[[Object], Owner]


def finalizers(obj: Object) -> list[str]:
    return list(metadata(obj).get("finalizers") or ())


def plan(obj: Object, dependents: Sequence[Object], judge: Judge) -> Step:
    """`dependents` name the object as an owner by its uid; `judge` tells about an owner by a reference to it."""
    if is_deleting(obj):
        if ORPHAN in finalizers(obj):
            return OrphanDependents()
        if FOREGROUND in finalizers(obj):
            blocking = any(_blocks(dependent, obj) for dependent in dependents)
            return Keep() if blocking else DropFinalizer(FOREGROUND)
        return Keep()
    references = owner_references(obj)
    if not references:
        return Keep()
    judged = [(reference, judge(reference)) for reference in references]
    if any(owner is Owner.WRONG for _, owner in judged):
        return Keep()
    present = [reference for reference, owner in judged if owner is Owner.PRESENT]
    if present:
        return Keep() if len(present) == len(references) else SetOwners(present)
    waiting = any(owner is Owner.WAITING for _, owner in judged)
    if waiting and dependents:
        # A dependent that waits itself may wait for an owner of this object: a circle, in which nobody may block.
        return Delete("Foreground", unblock=any(is_waiting(dependent) for dependent in dependents))
    return Delete(_own_policy(obj))


def _blocks(dependent: Object, owner: Object) -> bool:
    return any(
        reference.get("uid") == uid(owner) and reference.get("blockOwnerDeletion")
        for reference in owner_references(dependent)
    )


def _own_policy(obj: Object) -> str:
    """A policy that was asked for the object itself goes before the default."""
    if ORPHAN in finalizers(obj):
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers(obj) else "Background"


def is_waiting(owner: Object) -> bool:
    return is_deleting(owner) and FOREGROUND in finalizers(owner)


def unblocked(obj: Object) -> list[Object]:
    """The references without what makes owners wait."""
    return [{**reference, "blockOwnerDeletion": False} for reference in owner_references(obj)]


def without_owner(dependent: Object, owner: Object) -> list[Object]:
    return [reference for reference in owner_references(dependent) if reference.get("uid") != uid(owner)]
