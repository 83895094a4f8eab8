"""Objects as YAML text, in the order the API documents fields."""

from __future__ import annotations

import yaml

from common.api.meta import LAST_APPLIED, Object
from common.api.meta import annotations as annotations_of

_MASK = "********"


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
    shown = {key: obj[key] for key in _FIRST if key in obj} | {k: v for k, v in obj.items() if k not in _FIRST}
    metadata = shown.get("metadata")
    if isinstance(metadata, dict):
        shown["metadata"] = {key: value for key, value in metadata.items() if key != "managedFields"}
    if mask_secrets and obj.get("kind") == "Secret":
        shown |= _masked(shown)
    return yaml.dump(shown, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


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
