"""Manifests that commands name, as `console.manifests` reads them; what is wrong with one ends the command."""

from __future__ import annotations

from collections.abc import Iterable

from common.api.meta import Object
from console.manifests import applying, reading
from console.manifests.reading import Manifest, Unreadable

from .exits import Failure
from .kinds import Kind


def load(names: Iterable[str]) -> list[Manifest]:
    """All objects of these files, folders and `-`. Raises Failure."""
    try:
        return reading.load(names)
    except Unreadable as error:
        raise Failure(str(error)) from None


def namespace_of(kind: Kind, manifest: Object, explicit: str | None) -> str | None:
    """Where the object is; -n must not contradict the manifest. Raises Failure."""
    try:
        return applying.namespace_of(kind.resource, manifest, explicit)
    except Unreadable as error:
        raise Failure(str(error)) from None
