"""What a connection to something that runs asks for, as the object that admission sees (CONNECT)."""

from __future__ import annotations

from aiohttp import web

from common.api.meta import Object
from console.registry.discovery import subresource_kind
from console.registry.row import Row

from .options import parse_bool
from .requestinfo import RequestInfo

CONNECTIONS = frozenset({"exec", "attach", "portforward", "proxy", "shell"})
"""Subresources that connect, whatever method they are asked with."""
_FLAGS = ("stdin", "stdout", "stderr", "tty")


def options(http: web.BaseRequest, info: RequestInfo, row: Row) -> Object:
    """`PodExecOptions` and the like: what the query says. Raises BadRequest for a flag that is none."""
    group, version, kind = subresource_kind(row, info.subresource)
    found: Object = {"kind": kind, "apiVersion": f"{group}/{version}" if group else version}
    query = http.query
    if info.subresource in {"exec", "attach", "shell"}:
        found |= {name: True for name in _FLAGS if parse_bool(query.get(name))}
        if query.get("container"):
            found["container"] = query["container"]
        if info.subresource != "attach":
            found["command"] = query.getall("command", [])
    elif info.subresource == "portforward":
        texts = [text for item in query.getall("ports", []) for text in item.split(",")]
        found["ports"] = [int(text) for text in texts if len(text) <= 5 and text.isdecimal()]
    else:
        path = http.path.partition(f"/{info.name}/proxy")[2]
        if path:
            found["path"] = path
    return found
