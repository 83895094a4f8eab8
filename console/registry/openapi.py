"""OpenAPI v3 of what is served: what kubectl validates, explains and applies by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from common import settings
from common.api.meta import Object
from common.encoding import encode_to_keep

from . import openapi_paths
from .catalog import Registry
from .enumerations import with_enumerations
from .row import Row
from .schema import definition, referenced

_NO_OTHERS: Mapping[tuple[str, str], bytes] = MappingProxyType({})
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class OpenApi:
    """The documents of a registry. They are built when first asked for, and anew when their rows are other ones."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._documents: dict[tuple[str, str], tuple[list[Row], bytes]] = {}

    def index(self, others: Mapping[tuple[str, str], bytes] = _NO_OTHERS) -> Object:
        """/openapi/v3: where the document of each group and version is; `others` has those of other servers. The hash
        in the address lets clients cache."""
        paths: Object = {}
        for group, versions in self._registry.groups().items():
            for version in versions:
                name = f"apis/{group}/{version}" if group else f"api/{version}"
                paths[name] = _place(name, self.document(group, version))
        for (group, version), body in others.items():
            paths[f"apis/{group}/{version}"] = _place(f"apis/{group}/{version}", body)
        return {"paths": paths}

    def document(self, group: str, version: str) -> bytes:
        """The encoded document of one group and version; KeyError when it is not served."""
        rows = [row for row in self._registry.rows() if (row.resource.group, row.resource.version) == (group, version)]
        if not rows:
            raise KeyError((group, version))
        before, found = self._documents.get((group, version), ([], b""))
        if len(before) != len(rows) or any(one is not other for one, other in zip(before, rows, strict=True)):
            found = encode_to_keep(_document(rows))
            self._documents[group, version] = rows, found
        return found


def _place(name: str, body: bytes) -> Object:
    return {"serverRelativeURL": f"/openapi/v3/{name}?hash={hashlib.sha256(body).hexdigest().upper()}"}


def _document(rows: list[Row]) -> Object:
    # Definitions of users come as they wrote them, with what the published ones do not have (rules).
    custom = {row.type.name: _with_references(row.type.source) for row in rows if row.custom}
    custom |= dict(openapi_paths.custom_list(row, "#/components/schemas/") for row in rows if row.custom)
    roots = {name for row in rows for name in (_OBJECT_META if row.custom else row.schema, *openapi_paths.named(row))}
    names = sorted({name for root in roots for name in referenced(root)})
    published = {name: component(name) for name in names}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Quarterdeck", "version": settings.VERSION},
        "paths": {path: item for row in rows for path, item in openapi_paths.paths(row).items()},
        "components": {"schemas": {**published, **custom}},
    }


def component(name: str) -> Object:
    """A published definition as OpenAPI 3.0 has it."""
    return with_enumerations(name, _component(definition(name)))


def _with_references(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    return _beside_reference(
        {
            key: value.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(value, str)
            else _with_references(value)
            for key, value in node.items()
        }
    )


def _beside_reference(node: Object) -> Object:
    """What stands beside a reference counts for nobody in this version of OpenAPI, so the reference is put inside.
    Fields of a kind may be called `$ref` too: those of definitions are."""
    if not isinstance(node.get("$ref"), str) or len(node) == 1:
        return node
    return {**{key: value for key, value in node.items() if key != "$ref"}, "allOf": [{"$ref": node["$ref"]}]}


def _component(node: Any) -> Any:
    """A JSON schema as OpenAPI 3.0 has it: references to components, no null among types."""
    if isinstance(node, list):
        return [_component(item) for item in node]
    if not isinstance(node, dict):
        return node
    result: Object = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            result[key] = value.replace("#/$defs/", "#/components/schemas/")
        elif key == "type" and isinstance(value, list):
            result[key] = next(item for item in value if item != "null")
        elif key != "enum":
            result[key] = _component(value)
    return _beside_reference(result)
