"""What a request's path and method say: which resource, which object, which verb. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
PROXY = "proxy"
"""The subresource that goes on behind its name: the rest of the path is for whom it leads to."""
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True)
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


def parse_request(method: str, path: str) -> RequestInfo | None:
    """None when the path is no resource's; trailing slashes do not matter."""
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


def _verb(method: str, name: str) -> str:
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    if method in {"GET", "HEAD"}:
        return "get" if name else "list"
    return _VERBS.get(method, "")
