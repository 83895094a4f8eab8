"""Whether a request has a handler at all: what a path takes, by which methods, in which forms.

Kubernetes answers these before anybody looks at options or bodies, in words of the library that routes its requests.
"""

from __future__ import annotations

from aiohttp import web

from common.client.base import PatchType
from common.errors import (
    COMPLAINTS,
    NotAcceptable,
    NotFound,
    UnsupportedMediaType,
    method_not_allowed,
    not_found,
    unserved,
)
from console.registry.catalog import Registry
from console.registry.row import Row

from .negotiation import JSON, YAML, accepts
from .requestinfo import PROXY, RequestInfo

_PATCHES = frozenset(kind.value for kind in PatchType)
_ON_COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_ON_SUBRESOURCE = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_ON_OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class PageNotFound(NotFound):
    """A path of which no server knows even the group: answered without a Status."""

    def __init__(self) -> None:
        super().__init__(COMPLAINTS[404])


def find(registry: Registry, info: RequestInfo) -> Row:
    """The row of a request; raises NotFound for what is not served."""
    row = registry.row(info.group, info.version, info.plural)
    if row is None:
        raise nothing_in(registry, info.group)
    if info.namespace and not row.resource.namespaced:
        raise unserved()
    if info.name and row.resource.namespaced and not info.namespace:
        raise unserved()
    if info.name and not info.subresource and not set(_ON_OBJECT.values()) & set(row.verbs):
        raise unserved()  # such as reviews: only made, nothing of them has an address
    if info.subresource and info.subresource not in row.subresources:
        raise unserved() if row.custom is None else not_found(row.resource.group_resource, info.name)
    return row


def nothing_in(registry: Registry, group: str) -> NotFound:
    """What a request for something else of a group is told."""
    is_ours = any(row.resource.group == group and row.custom is None for row in registry.rows())
    return unserved() if is_ours else PageNotFound()


def check(http: web.BaseRequest, info: RequestInfo, row: Row) -> None:
    """Raises MethodNotAllowed, UnsupportedMediaType and NotAcceptable, in this order."""
    if info.subresource == PROXY:
        return
    if not takes(http.method, info, row):
        raise method_not_allowed()
    if http.method == "PATCH" and http.content_type not in _PATCHES:
        raise UnsupportedMediaType("415: Unsupported Media Type", details={})
    if row.custom is None and not accepts(http.headers.get("Accept", "")):
        raise NotAcceptable(f"406: Not Acceptable\n\nAvailable representations: {JSON}, {YAML}", details={})


def takes(method: str, info: RequestInfo, row: Row) -> bool:
    """Whether a path of the row is there for a method."""
    if info.subresource:
        return method in _ON_SUBRESOURCE  # each knows its own
    verb = (_ON_OBJECT if info.name else _ON_COLLECTION).get(method)
    everywhere = row.resource.namespaced and not info.namespace
    return verb in row.verbs and (verb == "list" or not everywhere)
