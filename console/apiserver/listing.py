"""Lists: consistent snapshots, whole or page by page, and the place where a watch may start.

A `continue` token names the revision of the first page and the last key given; later pages show that same revision out
of the history, and are Expired when the history no longer reaches back.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from common.api.meta import Object
from common.errors import BadRequest, Expired
from console.registry.row import Row
from console.store import Entry, Store
from console.store.entries import ObjectKey

from .options import ListOptions
from .selection import Selection


@dataclass(frozen=True, slots=True)
class Page:
    """`page` is the continue token, empty on the last page; `remaining` is None when nobody knows, `revision` when the
    objects are computed."""

    entries: list[Entry]
    revision: int | None
    page: str = ""
    remaining: int | None = None

    def metadata(self) -> Object:
        """The metadata of the list object."""
        found: Object = {} if self.revision is None else {"resourceVersion": str(self.revision)}
        if self.page:
            found["continue"] = self.page
        if self.remaining:
            found["remainingItemCount"] = self.remaining
        return found


def parse_revision(text: str) -> int:
    """A resourceVersion; empty and 0 are 0, which means any."""
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal():
        raise BadRequest(f'Invalid value: "{text}": a resourceVersion is a whole number that the server gave')
    return int(text)


def list_page(store: Store, row: Row, selection: Selection, options: ListOptions) -> Page:
    revision, after = _start(store, options)
    resource = row.resource.group_resource
    if revision == store.revision and after is None and selection.is_whole:
        found = store.entries(resource, selection.namespace)
    else:
        found = store.page(resource, selection.namespace, revision, after, selection.accepts)
    if not options.limit or len(found) <= options.limit:
        return Page(found, revision)
    shown = found[: options.limit]
    remaining = len(found) - len(shown) if selection.is_whole else None
    return Page(shown, revision, _token(revision, shown[-1].key), remaining)


def _start(store: Store, options: ListOptions) -> tuple[int, ObjectKey | None]:
    """The revision to show and the key to go on behind."""
    if options.page:
        if options.resource_version not in {"", "0"}:
            raise BadRequest("specifying resource version is not allowed when using continue")
        revision, after = _parse_token(options.page)
        return revision, after
    asked = parse_revision(options.resource_version)
    if asked > store.revision:
        raise Expired(f"too large resource version: {asked}, current: {store.revision}")
    exact = options.match == "Exact" or (options.limit and not options.match)
    return (asked if asked and exact else store.revision), None


def _token(revision: int, key: ObjectKey) -> str:
    data = orjson.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": list(key)})
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _parse_token(text: str) -> tuple[int, ObjectKey]:
    try:
        data = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        namespace, name = data["start"]
        return int(data["rv"]), (str(namespace), str(name))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"continue key is not valid: {text[:100]!r} was not made by this server") from error
