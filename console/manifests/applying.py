"""Applying one manifest, as kubectl's client-side apply does: what is asked of the API, and what came of it. Pure.

`apply` yields requests and is sent their answers, so that the command line (which blocks) and the console (which must
not) do exactly the same; `carry_out` and `carry_out_async` drive it. `reading` has the manifests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from common.api.kinds import Resource
from common.api.meta import Object, metadata, name, namespace
from common.client.base import PatchType
from common.errors import AlreadyExists, ApiError, Conflict, NotFound

from . import openapi, threeway
from .reading import Unreadable

MANAGER = "quarterdeck"
ATTEMPTS = 3  # a controller may write between our read and our patch; three times in a row is somebody else's fight
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API; its answer is decoded JSON, its failure an ApiError."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"


class Verb(StrEnum):
    """What became of the object, in kubectl's words."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`before` is the object as it was, None when it was not there; `obj` as it is now, or with a dry run as it would
    be."""

    verb: Verb
    obj: Object
    before: Object | None = None


Steps: TypeAlias = Generator[Request, Any, Outcome]


def apply(resource: Resource, manifest: Object, explicit: str | None = None, *, dry_run: bool = False) -> Steps:
    """Create the object or patch it. With a dry run the server decides and writes nothing. `explicit` is the namespace
    that the user named. Raises Unreadable when the manifest cannot be applied at all."""
    target = namespace_of(resource, manifest, explicit)
    if not name(manifest):
        raise Unreadable("metadata.name: apply needs a name; generateName works with create only")
    wanted = threeway.with_annotation(_placed(manifest, target))
    params = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
    for attempt in range(ATTEMPTS):
        try:
            live = yield Request("GET", resource.path(target, name(manifest)))
        except NotFound:
            try:
                made = yield Request("POST", resource.path(target), params, wanted)
            except AlreadyExists:
                continue
            return Outcome(Verb.CREATED, made)
        try:
            return (yield from _patch(resource, resource.path(target, name(wanted)), wanted, live, params))
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    raise Unreadable(f"{resource.kind}/{name(manifest)} is made and deleted by somebody else all the time")


def _patch(resource: Resource, path: str, wanted: Object, live: Object, params: Mapping[str, str]) -> Steps:
    patch = yield from _difference(resource, wanted, live)
    if not patch:
        return Outcome(Verb.UNCHANGED, live, live)
    form = PatchType.STRATEGIC if openapi.takes_strategic(resource) else PatchType.MERGE
    changed = yield Request("PATCH", path, params, patch, form)
    verb = Verb.UNCHANGED if _content(changed) == _content(live) else Verb.CONFIGURED
    return Outcome(verb, changed, live)


def _difference(resource: Resource, wanted: Object, live: Object) -> Generator[Request, Any, Object]:
    last = threeway.last_applied(live)
    schema = openapi.Unread() if openapi.takes_strategic(resource) else threeway.Unknown()
    try:
        return threeway.patch(last, wanted, live, schema)
    except openapi.SchemaNeeded:
        try:
            document = yield Request("GET", openapi.path(resource))
        except NotFound:
            document = {}
        return threeway.patch(last, wanted, live, openapi.schema_of(document, resource))


def _content(obj: Object) -> Object:
    """What users write of an object: its status may go on between our read and our patch."""
    kept = {key: value for key, value in metadata(obj).items() if key not in _BOOKKEEPING}
    return {**obj, "metadata": kept, "status": None}


def namespace_of(resource: Resource, manifest: Object, explicit: str | None) -> str | None:
    """Where the object goes; what the user named must not contradict the manifest. Raises Unreadable."""
    written = namespace(manifest)
    if not resource.namespaced:
        return None
    if explicit and written and explicit != written:
        raise Unreadable(f'metadata.namespace: "{written}" is not the namespace "{explicit}" that you name: leave out '
                         "one of them")  # fmt: skip
    return written or explicit or "default"


def _placed(manifest: Object, target: str | None) -> Object:
    if target is None:
        return manifest
    return {**manifest, "metadata": {**metadata(manifest), "namespace": target}}


class Applying:
    """One `apply` on its way: answer its `request` until there is none, then there is its `outcome`."""

    outcome: Outcome

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.request: Request | None = None
        self._go(lambda: next(steps))

    def answer(self, answer: Any) -> None:
        self._go(lambda: self._steps.send(answer))

    def refuse(self, error: ApiError) -> None:
        self._go(lambda: self._steps.throw(error))

    def _go(self, step: Callable[[], Request]) -> None:
        try:
            self.request = step()
        except StopIteration as end:
            self.request, self.outcome = None, end.value


def carry_out(steps: Steps, send: Callable[[Request], Any]) -> Outcome:
    """Do what `apply` says with a client that blocks. Raises ApiError, Unreadable."""
    applying = Applying(steps)
    while applying.request is not None:
        try:
            answer = send(applying.request)
        except ApiError as error:
            applying.refuse(error)
        else:
            applying.answer(answer)
    return applying.outcome


async def carry_out_async(steps: Steps, send: Callable[[Request], Awaitable[Any]]) -> Outcome:
    """Do what `apply` says with a client that does not block. Raises ApiError, Unreadable."""
    applying = Applying(steps)
    while applying.request is not None:
        try:
            answer = await send(applying.request)
        except ApiError as error:
            applying.refuse(error)
        else:
            applying.answer(answer)
    return applying.outcome
