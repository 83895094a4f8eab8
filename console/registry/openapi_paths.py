"""The operations of OpenAPI v3: what each path takes and answers. The schemas they name are in `openapi`."""

from __future__ import annotations

from collections.abc import Iterable

from common.api.meta import Object
from common.client.base import PatchType

from . import discovery
from .row import Row
from .schema import definition

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
STATUS, DELETE_OPTIONS, PATCH = f"{_META}.Status", f"{_META}.DeleteOptions", f"{_META}.Patch"
LIST_META = f"{_META}.ListMeta"
_CONFIG_MAP_LIST = "io.k8s.api.core.v1.ConfigMapList"  # whose words all lists share
_ABOUT_ITEMS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_METHODS = {"get": "get", "put": "update", "patch": "patch", "post": "create", "delete": "delete"}
_ON_COLLECTION = {"get": "list", "post": "create", "delete": "deletecollection"}
_ON_OBJECT = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_LIST = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)  # fmt: skip
_DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_QUERIES: dict[str, tuple[str, ...]] = {
    "get": (),
    "list": _LIST,
    "create": _WRITE,
    "update": _WRITE,
    "patch": (*_WRITE, "force"),
    "delete": _DELETE,
    "deletecollection": tuple(sorted({*_LIST, *_DELETE} - {"allowWatchBookmarks", "watch"})),
}
_TYPES = {
    **dict.fromkeys(("allowWatchBookmarks", "force", "orphanDependents", "sendInitialEvents", "watch"), "boolean"),
    **dict.fromkeys(("gracePeriodSeconds", "limit", "timeoutSeconds"), "integer"),
}
# Subresources with a kind of their own: its definition and its group, version and kind.
_KINDS = {
    "scale": ("io.k8s.api.autoscaling.v1.Scale", ("autoscaling", "v1", "Scale")),
    "eviction": ("io.k8s.api.policy.v1.Eviction", ("policy", "v1", "Eviction")),
    "binding": ("io.k8s.api.core.v1.Binding", ("", "v1", "Binding")),
    "token": ("io.k8s.api.authentication.v1.TokenRequest", ("authentication.k8s.io", "v1", "TokenRequest")),
}
_CONNECTED = frozenset({"attach", "exec", "portforward", "proxy"})
_ACTIONS = {"create": "post", "update": "put"}
_WORDS = {"get": "read", "update": "replace", "deletecollection": "delete"}
_JSON_AND_YAML = ("application/json", "application/yaml")


def named(row: Row) -> set[str]:
    """The definitions that the operations of a row name, besides that of its kind."""
    own = {STATUS, DELETE_OPTIONS, PATCH, *(_KINDS[name][0] for name in row.subresources if name in _KINDS)}
    return own | {LIST_META} if row.custom else own | {name for name in [_list_name(row)] if name}


def custom_list(row: Row, prefix: str) -> tuple[str, Object]:
    """Name and definition of a list of a kind that users defined; `prefix` is what references begin with."""
    resource = row.resource
    known = definition(_CONFIG_MAP_LIST)["properties"]
    texts = {name: {"description": known[name]["description"], "type": "string"} for name in ("apiVersion", "kind")}
    about = f"List of {resource.plural}. More info: {_ABOUT_ITEMS}"
    properties = {
        **texts,
        "items": {"description": about, "type": "array", "items": {"$ref": f"{prefix}{row.type.name}"}},
        "metadata": {"allOf": [{"$ref": f"{prefix}{LIST_META}"}], "description": known["metadata"]["description"]},
    }
    return _list_name(row), {
        "description": f"{row.list_kind} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": properties,
        "x-kubernetes-group-version-kind": [
            {"group": resource.group, "kind": row.list_kind, "version": resource.version}
        ],
    }


def _list_name(row: Row) -> str:
    """The definition of a list of the kind; empty for a kind without."""
    if row.custom:
        return f"{row.type.name}List"
    try:
        definition(f"{row.schema}List")
    except KeyError:
        return ""
    return f"{row.schema}List"


def paths(row: Row) -> Object:
    """The path items of one kind in one version."""
    resource = row.resource
    namespace = "{namespace}" if resource.namespaced else None
    one = resource.path(namespace, "{name}")
    found: Object = {}
    if namespace and "list" in row.verbs:
        found[resource.path(None)] = _item(row, "", {"get": "list"}, (), everywhere=True)
    around = ("namespace",) if namespace else ()
    for path, verbs_of in ((resource.path(namespace), _ON_COLLECTION), (one, _ON_OBJECT)):
        served = {method: verb for method, verb in verbs_of.items() if verb in row.verbs}
        if served:
            found[path] = _item(row, "", served, around if path != one else (*around, "name"))
    for subresource in sorted(row.subresources):
        verbs = discovery.subresource_verbs(subresource)
        served = {method: action for method, action in _METHODS.items() if action in verbs}
        found[f"{one}/{subresource}"] = _item(row, subresource, served, (*around, "name"))
    return found


def _item(
    row: Row, subresource: str, verbs_of: dict[str, str], around: Iterable[str], *, everywhere: bool = False
) -> Object:
    item: Object = {
        method: {**_named(row, subresource, method, verb, everywhere=everywhere), **_operation(row, subresource, verb)}
        for method, verb in verbs_of.items()
    }
    if around:
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in around
        ]
    return item


def _named(row: Row, subresource: str, method: str, verb: str, *, everywhere: bool) -> Object:
    """What generators of clients call an operation, and the module they put it in."""
    resource = row.resource
    words = (resource.group or "core").removesuffix(".k8s.io").replace("-", ".").split(".")
    group = "".join(map(_capital, words))
    action = f"connect{group}{_capital(resource.version)}{_capital(method)}"
    if subresource not in _CONNECTED:
        action = f"{_WORDS.get(verb, verb)}{group}{_capital(resource.version)}"
    collection = "Collection" if verb == "deletecollection" else ""
    scope = "Namespaced" if resource.namespaced and not everywhere else ""
    tail = _capital(subresource) + ("ForAllNamespaces" if everywhere else "")
    return {
        "operationId": f"{action}{collection}{scope}{resource.kind}{tail}",
        "tags": [f"{words[0]}{''.join(map(_capital, words[1:]))}_{resource.version}"],
    }


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _operation(row: Row, subresource: str, verb: str) -> Object:
    resource = row.resource
    schema = row.type.name if row.custom else row.schema
    group, version, kind = resource.group, resource.version, resource.kind
    if subresource in _KINDS:
        schema, (group, version, kind) = _KINDS[subresource]
    operation: Object = {
        "x-kubernetes-action": "connect" if subresource in _CONNECTED else _ACTIONS.get(verb, verb),
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        "parameters": [_query(name) for name in _QUERIES[verb]],
        "responses": _responses(_list_name(row) if verb == "list" else schema, verb),
    }
    body = _body(row, schema, verb)
    return {**operation, "requestBody": body} if body else operation


def _query(name: str) -> Object:
    return {"name": name, "in": "query", "schema": {"type": _TYPES.get(name, "string"), "uniqueItems": True}}


def _body(row: Row, schema: str, verb: str) -> Object:
    if verb in {"create", "update"}:
        return {"content": _content(("*/*",), schema), "required": True}
    if verb == "patch":
        kinds = [kind.value for kind in PatchType if not (row.custom and kind is PatchType.STRATEGIC)]
        return {"content": _content(kinds, PATCH), "required": True}
    return {"content": _content(("*/*",), DELETE_OPTIONS)} if verb in {"delete", "deletecollection"} else {}


def _responses(schema: str, verb: str) -> Object:
    if verb in {"delete", "deletecollection"}:
        schema = STATUS
    answer: Object = {"description": "OK"}
    if schema:
        answer["content"] = _content(_JSON_AND_YAML, schema)
    codes = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201")}.get(verb, ("200",))
    words = {"200": "OK", "201": "Created", "202": "Accepted"}
    return {**{code: {**answer, "description": words[code]} for code in codes}, "401": {"description": "Unauthorized"}}


def _content(media_types: Iterable[str], schema: str) -> Object:
    return {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}} for media in media_types}
