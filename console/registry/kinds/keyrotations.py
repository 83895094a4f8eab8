"""KeyRotations: asking for a new key for what the store encrypts. They are carried out, answered and never kept."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from console.registry import schema
from console.registry.row import Row

_KEY_ROTATION = "io.quarterdeck.v1.KeyRotation"


def _text(description: str) -> Object:
    return {"type": "string", "description": description}


schema.define(
    _KEY_ROTATION,
    {
        "type": "object",
        "description": "KeyRotation encrypts what is secret in the store with a new key.",
        "properties": {
            "apiVersion": _text("Version of this representation."),
            "kind": _text("Kind of this object."),
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "status": {
                "type": "object",
                "description": "The answer.",
                "properties": {
                    "key": _text("Id of the key that is in use now."),
                    "rewritten": {
                        "type": "integer",
                        "format": "int64",
                        "description": "How many values on disk were encrypted anew.",
                    },
                },
            },
        },
        "x-kubernetes-group-version-kind": [{"group": "quarterdeck.io", "kind": "KeyRotation", "version": "v1"}],
    },
)

KEYROTATIONS = Row(
    kinds.KEYROTATIONS,
    "keyrotation",
    verbs=("create",),
    durable=False,
    schema=_KEY_ROTATION,
    has_spec_generation=False,
)
ROWS = (KEYROTATIONS,)
