"""What a request asks of the authorizer, as Kubernetes reads it out of method, path and query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from common.api.selectors import parse_fields
from console.registry.validation import path_segment

from .access.attributes import Attributes
from .options import parse_bool
from .requestinfo import RequestInfo

_PATH_VERBS = {"GET": "get", "HEAD": "get", "POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}
_COLLECTION = frozenset({"list", "deletecollection"})
_INTERACTIVE = frozenset({"pods/exec", "pods/attach", "pods/portforward", "nodes/shell"})
_NAME = "metadata.name"


def attributes(info: RequestInfo, query: Mapping[str, str]) -> Attributes:
    """A list that watches is a watch; one that selects a name is about that object."""
    asked = info.attributes
    if asked.verb not in _COLLECTION or not query:
        return asked
    watches = asked.verb == "list" and parse_bool(query.get("watch"))
    selector = query.get("fieldSelector", "")
    return replace(
        asked, verb="watch" if watches else asked.verb, name=_selected_name(selector) or asked.name,
        field_selector=selector,
    )  # fmt: skip


def _selected_name(selector: str) -> str:
    """The one object that a field selector leaves; empty when it leaves more, or is none."""
    try:
        terms = parse_fields(selector) if _NAME in selector else []
    except ValueError:
        return ""
    names = (value for path, value, equal in terms if path == _NAME and equal)
    found = next(names, "")
    return "" if path_segment(found) else found


def needed(info: RequestInfo, query: Mapping[str, str]) -> Iterator[Attributes]:
    """All that a request needs. Whoever opens a stream into a container or onto a host changes something, so that
    reading rights are not enough for it, whatever method the WebSocket comes with."""
    asked = attributes(info, query)
    yield asked
    if not asked.group and asked.full_resource in _INTERACTIVE and asked.verb == "get":
        yield Attributes(
            "create", asked.group, asked.version, asked.resource, asked.subresource, asked.namespace, asked.name
        )


def path_attributes(method: str, path: str) -> Attributes:
    """The same for paths that are no resource's."""
    return Attributes(_PATH_VERBS.get(method, method.lower()), path=path)
