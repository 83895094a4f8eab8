"""Lists: consistent snapshots, whole or page by page, and the place where a watch may start.

A `continue` token names the revision of the first page and the last key given; later pages show that same revision out
of the history. When the history no longer reaches back they are Expired, with a token that goes on behind the same key
with what is there by now.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import orjson

from common.api.gotext import quoted
from common.api.meta import Object
from common.clock import Clock
from common.errors import BadRequest, Expired, too_large_version
from console.registry.jsonerrors import syntax_error
from console.registry.row import Row
from console.store import Entry, Store
from console.store.entries import ObjectKey

from .options import MAX_DIGITS, ListOptions
from .selection import Selection

SNAPSHOT_SECONDS = 240.0  # a snapshot can be read for so long at least, and for twice as long at most
_MADE_BY = "meta.k8s.io/v1"  # what tokens say of who made them
_NO_BASE64 = re.compile("[^A-Za-z0-9_-]")
_ANY = -1  # in a token: the revision that is there by then
_OLD_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_OLD_LIST = "The resourceVersion for the provided list is too old."


class Snapshots:
    """How far back lists may show the past. Kubernetes forgets it every five minutes, and programs that page through
    large lists rely on being told so; the history here is longer on a quiet day and shorter on a busy one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._floor = self._mark = 0

    def oldest(self, current: int) -> int:
        """The oldest revision that may be shown, now that the store is at `current`."""
        now = self._clock.monotonic()
        if now - self._since >= SNAPSHOT_SECONDS:
            self._floor, self._mark, self._since = self._mark, current, now
        return self._floor


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
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise BadRequest(f'resourceVersion: Invalid value: "{text}": {why}')
    return int(text)


def require_revision(store: Store, text: str) -> None:
    """Raises Timeout for a revision that is still to come, BadRequest for what is none."""
    if (asked := parse_revision(text)) > store.revision:
        raise too_large_version(asked, store.revision)


def list_page(store: Store, row: Row, selection: Selection, options: ListOptions, snapshots: Snapshots) -> Page:
    oldest = snapshots.oldest(store.revision)
    revision, after = _start(store, options)
    resource = row.resource.group_resource
    if revision == store.revision and after is None and selection.is_whole:
        found = store.entries(resource, selection.namespace)
    else:
        try:
            _require_snapshot(revision, oldest)
            found = store.page(resource, selection.namespace, revision, after, selection.accepts)
        except Expired:
            raise _too_old(after) from None
    # Whoever takes any state gets all of it: kube-apiserver answers such a list from its cache, which knows no pages.
    any_state = options.resource_version == "0" and not options.page
    if not options.limit or len(found) <= options.limit or any_state:
        return Page(found, revision)
    shown = found[: options.limit]
    remaining = len(found) - len(shown) if selection.is_whole else None
    return Page(shown, revision, _token(revision, shown[-1].key), remaining)


def _start(store: Store, options: ListOptions) -> tuple[int, ObjectKey | None]:
    """The revision to show and the key to go on behind."""
    if options.page:
        revision, after = _parse_token(options.page)
        if options.resource_version not in {"", "0"}:
            raise BadRequest("specifying resource version is not allowed when using continue")
        return store.revision if revision == _ANY else revision, after
    require_revision(store, options.resource_version)
    asked = parse_revision(options.resource_version)
    exact = options.match == "Exact" or (options.limit and not options.match)
    return (asked if asked and exact else store.revision), None


def _require_snapshot(revision: int, oldest: int) -> None:
    if revision < oldest:
        raise Expired(_OLD_LIST)


def _too_old(after: ObjectKey | None) -> Expired:
    if after is None:
        return Expired(_OLD_LIST)
    error = Expired(_OLD_PAGE)
    error.next_page = _token(_ANY, after)
    return error


def _token(revision: int, key: ObjectKey) -> str:
    data = orjson.dumps({"v": _MADE_BY, "rv": revision, "start": list(key)})
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _parse_token(text: str) -> tuple[int, ObjectKey]:
    """What a token names; raises BadRequest for one that this server did not make."""
    try:
        data = orjson.loads(_decoded(text))
        if data.get("v") != _MADE_BY:
            raise _no_token(f"server does not recognize this encoded version {quoted(str(data.get('v') or ''))}")
        if not data.get("rv"):
            raise _no_token(f"incorrect encoded start resourceVersion (version {_MADE_BY})")
        namespace, name = data["start"]
        return int(data["rv"]), (str(namespace), str(name))
    except orjson.JSONDecodeError as error:
        raise _no_token(syntax_error(_decoded(text)) or str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_token(f"empty encoded start key (version {_MADE_BY})") from None


def _decoded(text: str) -> bytes:
    illegal = _NO_BASE64.search(text)
    if illegal or len(text) % 4 == 1:
        raise _no_token(f"illegal base64 data at input byte {illegal.start() if illegal else len(text) - 1}")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _no_token(why: str) -> BadRequest:
    return BadRequest(f"invalid continue token: continue key is not valid: {why}")
