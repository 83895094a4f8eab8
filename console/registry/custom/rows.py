"""From a CustomResourceDefinition to the rows of its kind: one for each version that is served.

Without a conversion webhook an object is stored in the version in which it was last written and shown in the version
that is asked for; versions differ in nothing but their schemas, as `conversion.strategy: None` says. With one it is
stored in the storage version, and `apiserver/conversion.py` has it converted before it comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.api import jsonpath
from common.api.conditions import is_true
from common.api.kinds import Resource
from common.api.meta import Object, is_deleting
from common.errors import Cause
from console.registry.row import Context, Custom, Row, ScalePaths, Version, Webhook
from console.registry.schema import Schema

from . import lists, pruning, rules, values
from .printing import columns
from .pruning import EMBEDDED

_META = {
    "$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "description": "Standard object's metadata. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
}
_API_VERSION = {
    "type": "string",
    "description": "APIVersion defines the versioned schema of this representation of an object.",
}
_KIND = {"type": "string", "description": "Kind is the kind of this object in the API, in CamelCase."}


def rows(definition: Object) -> list[Row]:
    """The rows of a definition that the API accepted; none when its names were not."""
    status = definition.get("status") or {}
    if not is_true(definition, "Established"):
        return []
    names: Object = status.get("acceptedNames") or definition["spec"]["names"]
    return [_row(definition, names, version) for version in definition["spec"]["versions"] if version.get("served")]


def structure_of(version: Object) -> Object:
    """The structural schema of one version of a definition."""
    found: Object = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return found


def _row(definition: Object, names: Object, version: Object) -> Row:
    spec = definition["spec"]
    structure = structure_of(version)
    resource = Resource(
        spec["group"], version["name"], names["plural"], names["kind"], namespaced=spec["scope"] == "Namespaced"
    )
    subresources: Object = version.get("subresources") or {}
    judge = _Judge(structure)
    return Row(
        resource,
        str(names.get("singular") or names["kind"].lower()),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        columns=columns(version.get("additionalPrinterColumns") or ()),
        subresources=frozenset(name for name in ("status", "scale") if subresources.get(name) is not None),
        default=_defaulter(structure),
        validate=judge.validate,
        fields=("metadata.name", "metadata.namespace", *_selectable(version)),
        view=Version(resource, "", lambda obj: obj, _shower(structure, resource.api_version)),
        conditional_update=True,
        deprecation=_deprecation(resource, version),
        custom=Custom(
            structure,
            _type(resource, structure, _selectable(version)),
            str(names.get("listKind") or f"{names['kind']}List"),
            _scale(subresources.get("scale")),
            accepts=not is_deleting(definition),
            webhook=_webhook(spec),
        ),
    )


def _deprecation(resource: Resource, version: Object) -> str:
    """What whoever asks in this version is warned of, empty when nothing is."""
    if not version.get("deprecated"):
        return ""
    return str(version.get("deprecationWarning") or f"{resource.api_version} {resource.kind} is deprecated")


def _webhook(spec: Object) -> Webhook | None:
    conversion = spec.get("conversion") or {}
    if conversion.get("strategy") != "Webhook":
        return None
    webhook = conversion["webhook"]
    versions = {f"{spec['group']}/{version['name']}": version for version in spec["versions"]}
    return Webhook(
        webhook["clientConfig"],
        tuple(webhook["conversionReviewVersions"]),
        next(api_version for api_version, version in versions.items() if version.get("storage")),
        {api_version: structure_of(version) for api_version, version in versions.items()},
    )


def _selectable(version: Object) -> list[str]:
    return [".".join(jsonpath.fields(item["jsonPath"])) for item in version.get("selectableFields") or ()]


def _scale(found: Object | None) -> ScalePaths | None:
    if found is None:
        return None
    selector = found.get("labelSelectorPath")
    return ScalePaths(
        _steps(found["specReplicasPath"]),
        _steps(found["statusReplicasPath"]),
        _steps(selector) if selector else (),
    )


def _steps(path: str) -> tuple[str, ...]:
    """As Kubernetes reads the paths of a scale: field names between dots, whatever they have in them."""
    return tuple(path.removeprefix(".").split("."))


def _defaulter(structure: Object) -> Callable[[Object], None]:
    def default(obj: Object) -> None:
        filled = pruning.default(structure, obj)
        obj.clear()
        obj.update(filled)

    return default


def _shower(structure: Object, api_version: str) -> Callable[[Object], Object]:
    """Objects as they are stored may be older than the schema: what it does not know is not shown, and its defaults
    are."""
    defaults = pruning.has_defaults(structure)

    def show(obj: Object) -> Object:
        unknown: list[str] = []
        pruned: Object = pruning.prune(structure, obj, "", unknown, root=True)
        if not unknown and not defaults and obj.get("apiVersion") == api_version:
            return obj
        shown: Object = pruning.default(structure, pruned)
        return obj if shown == obj else shown

    return show


class _Judge:
    """The rules of one version, in the order in which Kubernetes asks them."""

    def __init__(self, structure: Object) -> None:
        self._structure = structure
        self._rules = rules.compile_rules(structure)

    def validate(self, new: Object, old: Object | None, context: Context) -> list[Cause]:
        if context.subresource == "status" and old is not None:
            # Only the status comes from the request; the rest was judged when it was written.
            old = {**old, "status": old["status"]} if "status" in old else old
        before = values.ABSENT if old is None else old
        causes = values.validate(self._structure, new, before)
        causes += lists.embedded(self._structure, new)
        repeated = lists.duplicates(self._structure, new)
        if repeated and (old is None or not lists.duplicates(self._structure, old)):
            causes += repeated
        return causes + rules.evaluate(self._rules, new, before, causes)


def _type(resource: Resource, structure: Object, selectable: list[str]) -> Schema:
    """The type of the whole object, named as Kubernetes publishes it: `com.example.stable.v1.CronTab`."""
    source = _with_object_fields(structure, root=True)
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    source["x-kubernetes-group-version-kind"] = [kind]
    if selectable:
        source["x-kubernetes-selectable-fields"] = [{"fieldPath": path} for path in selectable]
    name = ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])
    return Schema(name, source, source)


def _with_object_fields(node: Any, *, root: bool = False) -> Any:
    """A schema with apiVersion, kind and metadata where it describes a whole object."""
    if not isinstance(node, dict):
        return node
    result = dict(node)
    if isinstance(node.get("properties"), dict):
        result["properties"] = {name: _with_object_fields(child) for name, child in node["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in node:
            result[name] = _with_object_fields(node[name])
    if root or node.get(EMBEDDED):
        described = result.get("properties") or {}
        result["properties"] = {"apiVersion": _API_VERSION, "kind": _KIND, "metadata": _META} | {
            name: child for name, child in described.items() if name not in {"apiVersion", "kind", "metadata"}
        }
        result["type"] = "object"
    return result
