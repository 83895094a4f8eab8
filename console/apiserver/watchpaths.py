"""The older spelling of watches, which some clients use still: `/api/v1/watch/…` for `?watch=true` of today."""

from __future__ import annotations

from yarl import URL

from .requestinfo import parse_request

_MARK = "/watch/"
_PLACES = {"api": 2, "apis": 3}
"""Where in a path the word stands, behind group and version."""


def modern(url: URL) -> URL | None:
    """The same watch as it is asked for now; None for all other addresses. One object is a selection by its name."""
    if _MARK not in url.raw_path:
        return None
    _, first, *_ = parts = url.path.split("/")
    place = _PLACES.get(first, len(parts)) + 1
    if parts[place : place + 1] != ["watch"]:
        return None
    info = parse_request("GET", "/".join([*parts[:place], *parts[place + 1 :]]))
    if info is None or info.subresource:
        return None
    around = ["namespaces", info.namespace] if info.namespace else []
    path = "/".join([*parts[:place], *around, info.plural])
    query = {"watch": "true"}
    if info.name:
        given = url.query.get("fieldSelector", "")
        query["fieldSelector"] = f"metadata.name={info.name}{',' if given else ''}{given}"
    return url.with_path(path).with_query(url.query).update_query(query)
