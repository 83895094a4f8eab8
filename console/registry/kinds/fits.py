"""Fits: what-if questions to the scheduler. They are answered and never kept."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import schema, validation
from console.registry.row import Context, Row

MOST_REPLICAS = 1000
_FIT = "io.quarterdeck.v1.Fit"


def _text(description: str) -> Object:
    return {"type": "string", "description": description}


schema.define(
    _FIT,
    {
        "type": "object",
        "description": "Fit asks where replicas of a pod would land.",
        "required": ["spec"],
        "properties": {
            "apiVersion": _text("Version of this representation."),
            "kind": _text("Kind of this object."),
            "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "spec": {
                "type": "object",
                "description": "What is asked.",
                "properties": {
                    "replicas": {"type": "integer", "format": "int32", "description": "How many; 1 by default."},
                    "namespace": _text("Where they would be made; default by default."),
                    "template": {"$ref": "#/$defs/io.k8s.api.core.v1.PodTemplateSpec"},
                    "drain": {
                        "type": "object",
                        "description": "Instead of a template: where pods of a node would go if it took none.",
                        "required": ["node", "pods"],
                        "properties": {
                            "node": _text("The node that they leave."),
                            "pods": {
                                "type": "array",
                                "description": "Which of its pods, in the order in which they leave.",
                                "items": {
                                    "type": "object",
                                    "required": ["namespace", "name"],
                                    "properties": {"namespace": _text("Its namespace."), "name": _text("Its name.")},
                                },
                            },
                        },
                    },
                },
            },
            "status": {
                "type": "object",
                "description": "The answer: placements, fitting, message, nodes, packing; moves for a drain.",
            },
        },
        "x-kubernetes-group-version-kind": [{"group": "quarterdeck.io", "kind": "Fit", "version": "v1"}],
    },
)


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes: list[Cause] = []
    if "drain" in spec:
        return _validate_drain(spec)
    replicas = spec.get("replicas", 1)
    if not 1 <= replicas <= MOST_REPLICAS:
        causes.append(validation.wrong("spec.replicas", replicas, f"must be between 1 and {MOST_REPLICAS}, inclusive"))
    if not (spec.get("template") or {}).get("spec"):
        causes.append(validation.required("spec.template.spec"))
    return causes


def _validate_drain(spec: Object) -> list[Cause]:
    if "template" in spec:
        return [validation.forbidden("spec.drain", "may not be given together with `template`")]
    drain = spec["drain"] or {}
    pods = len(drain.get("pods") or ())
    if pods > MOST_REPLICAS:
        return [validation.wrong("spec.drain.pods", pods, f"must have at most {MOST_REPLICAS} items")]
    return [] if drain.get("node") else [validation.required("spec.drain.node")]


FITS = Row(
    kinds.FITS, "fit", verbs=("create",), durable=False, schema=_FIT, validate=_validate, has_spec_generation=False
)
ROWS = (FITS,)
