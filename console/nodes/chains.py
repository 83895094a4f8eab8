"""Everything that a node needs for a pod: what the pod names, and what that names in turn.

A claim leads to its volume, a volume to the Secret with the key to its server. A chain goes on only where both ends of
a link agree: else a claim could name the volume of another namespace and fetch its secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from common.api import storage
from common.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from common.api.meta import Object
from common.api.references import SECRETS, Reference, references

CLAIMS, VOLUMES = PERSISTENTVOLUMECLAIMS.plural, PERSISTENTVOLUMES.plural
LINKS = frozenset({CLAIMS, VOLUMES})
"""Resources whose objects name further ones."""
Find: TypeAlias = Callable[[Reference], Object | None]


def closure(pod: Object, find: Find) -> frozenset[Reference]:
    """References of the pod and of what they lead to, as far as `find` knows the objects."""
    found = set(references(pod))
    for key in storage.claim_keys(pod):
        found.update(_of_claim((CLAIMS, key.namespace, key.name), find))
    return frozenset(found)


def _of_claim(reference: Reference, find: Find) -> Iterator[Reference]:
    yield reference
    claim = find(reference)
    name = str(storage.spec(claim).get("volumeName") or "") if claim is not None else ""
    if claim is None or not name:
        return
    volume = find((VOLUMES, "", name))
    if volume is None or storage.is_claimed_by(volume, claim):
        yield VOLUMES, "", name
    if volume is not None and storage.is_claimed_by(volume, claim):
        for field in storage.SECRET_FIELDS:
            secret = (storage.spec(volume).get("csi") or {}).get(field)
            if secret:
                yield SECRETS, str(secret.get("namespace") or ""), str(secret.get("name") or "")
