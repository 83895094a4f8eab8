"""What a plan wants done, in its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from common.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, Resource
from common.api.meta import Object


@dataclass(frozen=True, slots=True)
class Patch:
    """A merge patch of a claim or volume, guarded by its uid."""

    resource: Resource
    obj: Object
    change: Object
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """A volume that was made for a claim."""

    volume: Object
    claim: Object


@dataclass(frozen=True, slots=True)
class Say:
    """An event about a claim or volume."""

    resource: Resource
    obj: Object
    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Look:
    """A claim to look at: its volume waits for it."""

    namespace: str
    name: str


Action: TypeAlias = Patch | Create | Say | Look


def claim_patch(claim: Object, change: Object, subresource: str = "") -> Patch:
    return Patch(PERSISTENTVOLUMECLAIMS, claim, change, subresource)


def volume_patch(volume: Object, change: Object, subresource: str = "") -> Patch:
    return Patch(PERSISTENTVOLUMES, volume, change, subresource)


def say(claim: Object, reason: str, message: str, *, warning: bool = False) -> Say:
    return Say(PERSISTENTVOLUMECLAIMS, claim, warning, reason, message)
