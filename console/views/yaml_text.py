"""Objects as YAML text, in the order the API documents fields, and YAML text read as kubectl reads it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import yaml

from common.api.meta import LAST_APPLIED, Object
from common.api.meta import annotations as annotations_of

_MASK = "********"
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


class _Dumper(yaml.SafeDumper):
    """Block style for texts of several lines, no anchors: what people expect to read and paste back."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_FIRST = ("apiVersion", "kind", "metadata")


def to_yaml(obj: Object, *, mask_secrets: bool = False) -> str:
    """The object as YAML, without the bookkeeping of field managers; a Secret's values hidden when asked."""
    return yaml.dump(
        readable(obj, mask_secrets=mask_secrets), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000
    )


def readable(obj: Object, *, mask_secrets: bool = False) -> Object:
    """The object in the order the API documents fields, without the bookkeeping of field managers."""
    shown = {key: obj[key] for key in _FIRST if key in obj} | {k: v for k, v in obj.items() if k not in _FIRST}
    metadata = shown.get("metadata")
    if isinstance(metadata, dict):
        shown["metadata"] = {key: value for key, value in metadata.items() if key != "managedFields"}
    if mask_secrets and obj.get("kind") == "Secret":
        shown |= _masked(shown)
    return shown


class Loader(yaml.SafeLoader):
    """Like kubectl's reader: dates stay text, `yes` and `on` are booleans, a key given twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool):
                continue
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key}" is there twice', key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# The base class shares its tables with every user of yaml: they are copied before one is left out.
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in entries if tag != "tag:yaml.org,2002:timestamp"]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _masked(secret: Object) -> Object:
    fields: Object = {
        field: dict.fromkeys(secret[field], _MASK)
        for field in ("data", "stringData")
        if isinstance(secret.get(field), dict)
    }
    notes = annotations_of(secret)
    if LAST_APPLIED in notes:
        fields["metadata"] = {**secret["metadata"], "annotations": {**notes, LAST_APPLIED: _MASK}}
    return fields


def line_of(text: str, field: str, document: int = 0) -> int:
    """The line (from 0) where a field such as `spec.ports[0].port` stands, or the nearest one that holds it; 0 when the
    text cannot be read. `document` counts from 0."""
    try:
        node = next(itertools.islice(yaml.compose_all(text, Loader=yaml.SafeLoader), document, None), None)
    except (yaml.YAMLError, RecursionError):
        return 0
    line = node.start_mark.line if node is not None else 0
    for match in _STEP.finditer(field):
        found = _child(node, match[1] if match[2] is None else match[2])
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, step: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        item: yaml.Node = node.value[int(step)]
        return item.start_mark.line, item
    return None
