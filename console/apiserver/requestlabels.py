"""How a request is counted: its labels, none of which a client can invent."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import web

from common.client.base import PatchType
from console.registry.catalog import Registry

from .instruments import Asked
from .requestinfo import RequestInfo

_VERBS = {"get": "GET", "list": "LIST", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE",
          "deletecollection": "DELETECOLLECTION"}  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CONNECTS = frozenset({"exec", "attach", "portforward", "proxy", "shell"})
_NO = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})


def asked_of(http: web.BaseRequest, info: RequestInfo | None, registry: Registry) -> Asked:
    row = None if info is None else registry.row(info.group, info.version, info.plural)
    if info is None or row is None:
        return Asked(http.method if http.method in _METHODS else "OTHER")
    subresource = info.subresource if info.subresource in row.subresources else ""
    scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
    dry_run = "All" if http.query.get("dryRun") == "All" else ""
    return Asked(_verb(http, info), dry_run, info.group, info.version, info.plural, subresource, scope)


@lru_cache(maxsize=1024)
def asked_of_get(group: str, version: str, plural: str) -> Asked:
    """The same of a GET without options of an object of a resource that is served."""
    return Asked(_VERBS["get"], "", group, version, plural, "", "resource")


def _verb(http: web.BaseRequest, info: RequestInfo) -> str:
    if info.subresource in _CONNECTS:
        return "CONNECT"
    if info.verb == "list" and http.query.get("watch", "") not in _NO:
        return "WATCH"
    if info.verb == "patch" and http.content_type == PatchType.APPLY.value:
        return "APPLY"
    return _VERBS.get(info.verb, "OTHER")
