"""What a request's path and method say: which resource, which object, which verb. Pure.

Programs ask for the same paths over and over: what these say is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from .access.attributes import Attributes

_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
PROXY = "proxy"
"""The subresource that goes on behind its name: the rest of the path is for whom it leads to."""
_KEPT = 4096
_LONGEST_KEPT = 256  # letters of a path, so that all that is kept is bounded
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True)
class RequestInfo:
    """A request for a resource. `verb` as Kubernetes' authorization names it, empty for methods that mean nothing here;
    a list that watches says `list`. `deeper`: the path goes on behind the subresource, as those of aggregated API
    servers may; the right to it is the right to the subresource."""

    verb: str
    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    deeper: bool = False

    @cached_property
    def attributes(self) -> Attributes:
        """What it asks of the authorizer, its query left aside. A namespace is in itself."""
        is_namespace = bool(self.name) and (self.group, self.plural) == ("", "namespaces")
        namespace = self.name if is_namespace else self.namespace
        return Attributes(self.verb, self.group, self.version, self.plural, self.subresource, namespace, self.name)


def parse_request(method: str, path: str) -> RequestInfo | None:
    """None when the path is no resource's; trailing slashes do not matter."""
    return _remembered(method, path) if len(path) <= _LONGEST_KEPT else _parsed(method, path)


def _parsed(method: str, path: str) -> RequestInfo | None:
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (rest[2] not in _NAMESPACE_SUBRESOURCES or len(rest) > 3):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest[:3], "", "")[:3]
    deeper = len(rest) > 3 and subresource != PROXY
    return RequestInfo(_verb(method, name), group, version, plural, namespace, name, subresource, deeper)


_remembered = lru_cache(maxsize=_KEPT)(_parsed)


def _verb(method: str, name: str) -> str:
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    if method in {"GET", "HEAD"}:
        return "get" if name else "list"
    return _VERBS.get(method, "")
