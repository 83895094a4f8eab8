"""Which objects a controller owns by its selector: what it has, what it adopts and what it lets go.

Kubernetes' rules: only the owner with that uid counts, only objects without a controller are adopted, nothing that is
being deleted changes hands, and a deleted owner adopts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from common.api.kinds import Resource
from common.api.meta import (
    Key,
    Object,
    controller_of,
    controller_reference,
    is_controlled_by,
    is_deleting,
    key,
    labels,
    metadata,
    name,
    namespace,
    owner_references,
    resource_version,
    uid,
)
from common.api.selectors import Selector, from_label_selector
from common.client import Client
from common.errors import NotFound, conflict


@dataclass(frozen=True, slots=True)
class Claim:
    """`owned` are the owner's objects that match its selector; those in `adopt` and `release` need a change first."""

    owned: list[Object]
    adopt: list[Object]
    release: list[Object]


def _by_label_selector(owner: Object) -> Selector:
    """What most kinds of owners select by."""
    return from_label_selector(owner["spec"].get("selector"))


def concerned(
    obj: Object, kind: Resource, owners: Iterable[Object], selector: Callable[[Object], Selector] = _by_label_selector
) -> list[Key]:
    """Whom a change of an object concerns: its controller when that is of the kind, or, of an object without one, all
    `owners` that may adopt it."""
    reference = controller_of(obj)
    if reference is not None:
        return [Key(namespace(obj), str(reference.get("name")))] if reference.get("kind") == kind.kind else []
    return [
        key(owner) for owner in owners if namespace(owner) == namespace(obj) and selector(owner).matches(labels(obj))
    ]


def claim(owner: Object, selector: Selector, candidates: Iterable[Object]) -> Claim:
    result = Claim([], [], [])
    for obj in candidates:
        matches = selector.matches(labels(obj))
        if is_controlled_by(obj, owner):
            if matches:
                result.owned.append(obj)
            elif not is_deleting(obj) and not is_deleting(owner):
                result.release.append(obj)
        elif matches and controller_of(obj) is None and not is_deleting(obj) and not is_deleting(owner):
            result.adopt.append(obj)
    return result


async def settle(
    client: Client, claimed: Claim, owner: Object, owner_kind: Resource, resource: Resource, finalizer: str = ""
) -> bool:
    """Adopt and release as claimed; True when something changed, so that the caller waits to see it mirrored. The
    finalizer, if any, comes and goes with the ownership."""
    if claimed.adopt:
        # The mirror may be behind: an owner that is deleted by now must not gather new dependents.
        fresh = await client.get(owner_kind, name(owner), namespace(owner))
        if uid(fresh) != uid(owner) or is_deleting(fresh):
            raise conflict(owner_kind.group_resource, name(owner), "the owner was deleted meanwhile")
    for obj in claimed.adopt:
        reference = controller_reference(owner, owner_kind.api_version, owner_kind.kind)
        finalizers = [*_others(obj, finalizer), *([finalizer] if finalizer else [])]
        await _set_owners(client, resource, obj, [*owner_references(obj), reference], finalizers)
    for obj in claimed.release:
        owners = [ref for ref in owner_references(obj) if ref.get("uid") != uid(owner)]
        await _set_owners(client, resource, obj, owners, _others(obj, finalizer))
    return bool(claimed.adopt or claimed.release)


def _others(obj: Object, finalizer: str) -> list[str]:
    return [entry for entry in metadata(obj).get("finalizers") or () if entry != finalizer]


async def _set_owners(
    client: Client, resource: Resource, obj: Object, owners: list[Object], finalizers: list[str]
) -> None:
    guard = {"uid": uid(obj), "resourceVersion": resource_version(obj)}
    patch = {"metadata": {**guard, "ownerReferences": owners or None, "finalizers": finalizers or None}}
    try:
        await client.patch(resource, name(obj), patch, namespace(obj))
    except NotFound:
        return
