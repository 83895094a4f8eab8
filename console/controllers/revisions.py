"""The history of a StatefulSet or DaemonSet: which ControllerRevision its template is, and which are forgotten.

What to do is decided in pure functions; `settle` does it. A revision's name is the hash of its template, so that a
create that is tried twice finds the first one. Going back to a template that is kept makes its revision the newest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from common.api.kinds import CONTROLLERREVISIONS, Resource
from common.api.meta import (
    LAST_APPLIED,
    Object,
    controller_reference,
    is_controlled_by,
    is_deleting,
    name,
    namespace,
    resource_version,
    uid,
)
from common.api.names import template_hash
from common.api.revisions import REVISION_HASH, copied_annotations, number, template_patch
from common.api.rollout import TEMPLATE_GENERATION
from common.api.selectors import from_label_selector
from common.client import Client
from common.errors import AlreadyExists, NotFound

from .ownership import Claim, claim
from .ownership import settle as settle_owners

_NOT_COPIED = frozenset({LAST_APPLIED, TEMPLATE_GENERATION})


@dataclass(frozen=True, slots=True)
class Found:
    """The newest revision has the template already."""

    revision: Object


@dataclass(frozen=True, slots=True)
class Renumber:
    """An older revision has it: it becomes the newest."""

    revision: Object
    number: int


@dataclass(frozen=True, slots=True)
class Make:
    """No revision has it."""

    revision: Object


def wanted(owner: Object, kind: Resource, known: Sequence[Object], collisions: int) -> Found | Renumber | Make:
    """What the template of `owner` is among the revisions `known` to it, oldest first."""
    data = template_patch(owner["spec"]["template"])
    same = [item for item in known if item.get("data") == data and not is_deleting(item)]
    highest = max((number(item) for item in known), default=0)
    if not same:
        return Make(new_revision(owner, kind, highest + 1, collisions))
    latest = same[-1]
    return Found(latest) if number(latest) == highest else Renumber(latest, highest + 1)


def new_revision(owner: Object, kind: Resource, revision: int, collisions: int) -> Object:
    template = owner["spec"]["template"]
    digest = template_hash(template, collisions)
    meta = {
        "name": f"{name(owner)}-{digest}",
        "namespace": namespace(owner),
        "labels": {**((template.get("metadata") or {}).get("labels") or {}), REVISION_HASH: digest},
        "annotations": copied_annotations(owner, _NOT_COPIED),
        "ownerReferences": [controller_reference(owner, kind.api_version, kind.kind)],
    }
    return {
        "apiVersion": CONTROLLERREVISIONS.api_version,
        "kind": CONTROLLERREVISIONS.kind,
        "metadata": {field: value for field, value in meta.items() if value},
        "data": template_patch(template),
        "revision": revision,
    }


def twins(revision: Object, known: Sequence[Object]) -> list[Object]:
    """Other revisions of the same template: left by somebody who names them otherwise, or adopted with it."""
    return [item for item in known if item.get("data") == revision.get("data") and uid(item) != uid(revision)]


def forgotten(owner: Object, known: Sequence[Object], live: Collection[str]) -> list[Object]:
    """The oldest revisions beyond the history limit, of those that nothing uses (`live` are names in use). A negative
    limit keeps all."""
    limit = owner["spec"].get("revisionHistoryLimit")
    kept = 10 if limit is None else int(limit)
    if kept < 0:
        return []
    idle = [item for item in known if name(item) not in live and not is_deleting(item)]
    return idle[: max(0, len(idle) - kept)]


class Collision(Exception):
    """Another object has the name that the revision should get: the next hash has to be tried."""


async def adopt(client: Client, owner: Object, kind: Resource, candidates: Iterable[Object]) -> bool:
    """Take up revisions that a namesake left without an owner; True when there were some, so that the caller waits to
    see them mirrored."""
    found = claim(owner, from_label_selector(owner["spec"].get("selector")), candidates)
    return await settle_owners(client, Claim([], found.adopt, []), owner, kind, CONTROLLERREVISIONS)


async def newest(client: Client, owner: Object, kind: Resource, known: Sequence[Object], collisions: int) -> Object:
    """The revision of the owner's template, made if need be; an owner that ends makes none. Raises Collision."""
    if is_deleting(owner):
        return known[-1] if known else new_revision(owner, kind, 1, collisions)
    return await settle(client, wanted(owner, kind, known, collisions), owner)


async def settle(client: Client, step: Found | Renumber | Make, owner: Object) -> Object:
    """Bring the revision about and return it. Collision when its name is taken by something else."""
    match step:
        case Found(revision):
            return revision
        case Renumber(revision, position):
            guard = {"uid": uid(revision), "resourceVersion": resource_version(revision)}
            patch = {"metadata": guard, "revision": position}
            return await client.patch(CONTROLLERREVISIONS, name(revision), patch, namespace(revision))
        case Make(revision):
            try:
                return await client.create(CONTROLLERREVISIONS, revision, namespace(owner))
            except AlreadyExists:
                there = await client.get(CONTROLLERREVISIONS, name(revision), namespace(owner))
                if there.get("data") == revision["data"] and is_controlled_by(there, owner) and not is_deleting(there):
                    return there
                raise Collision(name(revision)) from None


async def forget(client: Client, revisions: Sequence[Object]) -> None:
    for revision in revisions:
        try:
            await client.delete(CONTROLLERREVISIONS, name(revision), namespace(revision), uid=uid(revision))
        except NotFound:
            continue
