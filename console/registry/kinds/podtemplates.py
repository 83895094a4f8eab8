"""PodTemplates: pod specifications kept under a name, for whoever makes pods of them."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry.columns import NAME, NONE, at, containers
from console.registry.row import Column, Context, Row

from .pod_validation import validate_template
from .pod_warnings import template_warnings
from .workload_fields import default_template


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    return validate_template(new["template"], "template", old and old["template"])


def _labels(obj: Object) -> str:
    found = at(obj, "template.metadata.labels", {})
    return ",".join(f"{key}={found[key]}" for key in sorted(found)) or NONE


_CONTAINERS, _IMAGES = containers("template.spec.containers")
PODTEMPLATES = Row(
    kinds.PODTEMPLATES,
    "podtemplate",
    columns=(
        NAME,
        Column("Containers", _CONTAINERS.value, description=_CONTAINERS.description),
        Column("Images", _IMAGES.value, description=_IMAGES.description),
        Column("Pod Labels", lambda obj, _now: _labels(obj)),
    ),
    schema="io.k8s.api.core.v1.PodTemplate",
    default=default_template,
    validate=_validate,
    warnings=template_warnings("template"),
)
ROWS = (PODTEMPLATES,)
