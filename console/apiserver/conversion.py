"""Objects of users' kinds from one version to another, where a definition has a webhook for that.

Such objects are stored in the storage version and converted whenever another one is asked for: to read, to change, to
show. Where no webhook is concerned nothing here waits, so that a write stays in its turn of the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from common.api import meta
from common.api.meta import Object
from common.api.names import new_uid
from common.errors import InternalError
from console.registry.custom import pruning
from console.registry.row import Row, Webhook
from console.store import Entry, Event

from .extension.clients import CallError, post
from .proxying.services import Services

TIMEOUT_SECONDS = 30  # of a call; Kubernetes' own
_REVIEW = "apiextensions.k8s.io/v1"
_OLD_REVIEW = "apiextensions.k8s.io/v1beta1"
# What a conversion may change of the metadata; the rest is the object's own.
_FREE_METADATA = ("labels", "annotations")
_FIXED_METADATA = ("name", "namespace", "uid")


class ConversionError(InternalError):
    """An object cannot be had in the version asked for."""

    reason = ""


class Conversions:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def shown(self, row: Row, obj: Object) -> Object:
        """A stored object as the version of the row has it. Raises ConversionError."""
        if webhook_of(row) is None:
            return row.show(obj)
        found = await self.convert(row, [obj], row.resource.api_version)
        return row.show(found[0])

    async def kept(self, row: Row, obj: Object) -> Object:
        """An admitted object in the version that is stored."""
        hook = webhook_of(row)
        return obj if hook is None else (await self.convert(row, [obj], hook.storage))[0]

    async def entries(self, row: Row, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Stored entries in the version of the row."""
        if webhook_of(row) is None:
            return entries
        converted = await self.convert(row, [entry.obj for entry in entries], row.resource.api_version)
        return [
            entry if obj is entry.obj else Entry(entry.key, entry.revision, orjson.dumps(obj), obj)
            for entry, obj in zip(entries, converted, strict=True)
        ]

    async def events(self, row: Row, events: Sequence[Event]) -> Sequence[Event]:
        """Events of a watch in the version of the row."""
        if webhook_of(row) is None:
            return events
        entries = await self.entries(row, [event.entry for event in events])
        olds = iter(await self.entries(row, [event.old for event in events if event.old is not None]))
        return [
            Event(event.type, entry, None if event.old is None else next(olds))
            for event, entry in zip(events, entries, strict=True)
        ]

    async def convert(self, row: Row, objects: Sequence[Object], api_version: str) -> list[Object]:
        """Objects of the row's kind in another version, those that are in it already as they are."""
        hook = webhook_of(row)
        if hook is None:
            return list(objects)
        others = [obj for obj in objects if obj.get("apiVersion") != api_version]
        if not others:
            return list(objects)
        # As Kubernetes: an object has the defaults of its own version before it gets another one.
        sent = [_defaulted(hook, obj) for obj in others]
        converted = iter(await self._ask(hook, sent, api_version))
        return [obj if obj.get("apiVersion") == api_version else next(converted) for obj in objects]

    async def _ask(self, hook: Webhook, objects: list[Object], api_version: str) -> list[Object]:
        what = f"conversion webhook for {objects[0].get('apiVersion')}, Kind={objects[0].get('kind')}"
        uid = new_uid()
        review = {
            "kind": "ConversionReview", "apiVersion": _review_version(hook),
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": objects},
        }  # fmt: skip
        try:
            answer = await post(self._services, hook.client, review, TIMEOUT_SECONDS)
            results = _results(answer, str(review["apiVersion"]), uid)
        except CallError as error:
            raise ConversionError(f"{what} failed: {error}") from None
        if len(results) != len(objects):
            raise ConversionError(f"{what} returned {len(results)} objects, expected {len(objects)}")
        return [
            _accepted(hook, before, after, api_version, f"{what} returned invalid converted object at index {index}")
            for index, (before, after) in enumerate(zip(objects, results, strict=True))
        ]


def webhook_of(row: Row) -> Webhook | None:
    """What converts objects of the row, if that is a webhook: then having one in its version takes time."""
    return row.custom.webhook if row.custom else None


def _defaulted(hook: Webhook, obj: Object) -> Object:
    structure = hook.structures.get(str(obj.get("apiVersion")))
    if structure is None:
        return obj
    pruned = pruning.prune(structure, obj, root=True)
    defaulted: Object = pruning.default(structure, pruned)
    return defaulted


def _review_version(hook: Webhook) -> str:
    known = {"v1": _REVIEW, "v1beta1": _OLD_REVIEW}
    return next((known[version] for version in hook.review_versions if version in known), _REVIEW)


def _results(review: Object, api_version: str, uid: str) -> list[Any]:
    found = (review.get("apiVersion"), review.get("kind"))
    if found != (api_version, "ConversionReview") and api_version == _REVIEW:
        raise CallError(
            f"expected webhook response of {api_version}, Kind=ConversionReview, got {found[0]}, Kind={found[1]}"
        )
    response = review.get("response")
    if not isinstance(response, dict):
        raise CallError("no response provided")
    if response.get("uid") != uid and api_version == _REVIEW:
        raise CallError(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    result = response.get("result")
    result = result if isinstance(result, dict) else {}
    if result.get("status") != "Success":
        raise CallError(
            str(result.get("message") or f"response.result.status was '{result.get('status') or ''}', not 'Success'")
        )
    objects = response.get("convertedObjects")
    return objects if isinstance(objects, list) else []


def _accepted(hook: Webhook, before: Object, after: Any, api_version: str, what: str) -> Object:
    """What came back, if it is the object that went out; without what its version does not know."""
    if not isinstance(after, dict):
        raise ConversionError(f"{what}: it is no object")
    if after.get("apiVersion") != api_version:
        got = after.get("apiVersion")
        raise ConversionError(f"{what}: invalid groupVersion (expected {api_version}, received {got})")
    if after.get("kind") != before.get("kind"):
        raise ConversionError(f"{what}: invalid kind (expected {before.get('kind')}, received {after.get('kind')})")
    own, given = meta.metadata(before), after.get("metadata")
    if not isinstance(given, dict):
        raise ConversionError(f"{what}: metadata is no object")
    for field in _FIXED_METADATA:
        if given.get(field) != own.get(field):
            raise ConversionError(f"{what}: must have the same {field}: {own.get(field)} != {given.get(field)}")
    metadata = {key: value for key, value in own.items() if key not in _FREE_METADATA}
    for field in _FREE_METADATA:
        if given.get(field):
            metadata[field] = _texts(given[field], f"{what}: metadata.{field}")
    restored = {**after, "metadata": metadata}
    structure = hook.structures.get(api_version)
    pruned: Object = restored if structure is None else pruning.prune(structure, restored, root=True)
    return pruned


def _texts(value: Any, what: str) -> Object:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ConversionError(f"{what}: must be an object of texts")
    return value
