"""The older spelling of watches, which some clients use still: `/api/v1/watch/…` for `?watch=true` of today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from common.api import selectors
from common.errors import BadRequest, method_not_allowed

from .requestinfo import RequestInfo, parse_request

WATCH = "watch"
"""What such a path has in the place of a resource."""
_MARK = f"/{WATCH}/"
_PLACES = {"api": 2, "apis": 3}
"""Where in a path the word stands, behind group and version."""


@dataclass(frozen=True, slots=True)
class OlderWatch:
    """`url`: the same watch as it is asked for now, where one object is a selection by its name. `info`: what it is a
    watch of."""

    url: URL
    info: RequestInfo
    selector: str  # of fields, as it was given

    def check(self, method: str, find: Callable[[RequestInfo], object]) -> None:
        """Raises MethodNotAllowed for what is no watch, BadRequest for another name in the selector than in the path,
        and whatever `find` raises for kinds that are not there."""
        find(self.info)
        if method != "GET":
            raise method_not_allowed()
        if self.info.name and self.selector and self._chosen() != self.info.name:
            raise BadRequest("fieldSelector metadata.name doesn't match requested name")

    def _chosen(self) -> str:
        """The name in the selector."""
        try:
            terms = selectors.parse_fields(self.selector)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return next((value for path, value, equal in terms if path == "metadata.name" and equal), "")


OLDER = web.RequestKey("older", OlderWatch)


def older_watch(url: URL) -> OlderWatch | None:
    """None for all other addresses."""
    if _MARK not in url.raw_path:
        return None
    _, first, *_ = parts = url.path.split("/")
    place = _PLACES.get(first, len(parts)) + 1
    if parts[place : place + 1] != [WATCH]:
        return None
    info = parse_request("GET", "/".join([*parts[:place], *parts[place + 1 :]]))
    if info is None or info.subresource:
        return None
    around = ["namespaces", info.namespace] if info.namespace else []
    path = "/".join([*parts[:place], *around, info.plural])
    query, given = {"watch": "true"}, url.query.get("fieldSelector", "")
    if info.name:
        query["fieldSelector"] = given or selectors.field_term("metadata.name", info.name)
    return OlderWatch(url.with_path(path).with_query(url.query).update_query(query), info, given)
