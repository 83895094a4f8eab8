"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet had, which never change once written."""

from __future__ import annotations

from datetime import datetime

from common.api import kinds
from common.api.meta import Object, controller_of
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at
from console.registry.row import Column, Context, Row


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = [] if new.get("data") is not None else [validation.required("data", "data is mandatory")]
    causes += validation.non_negative("revision", new.get("revision"))
    return causes + (validation.unchanged("data", new.get("data"), old.get("data")) if old is not None else [])


def _controller(obj: Object, _now: datetime) -> str:
    """`statefulset.apps/web`: the kind with its group, and the name."""
    owner = controller_of(obj)
    if owner is None:
        return NONE
    group, slash, _ = str(owner.get("apiVersion", "")).partition("/")
    kind = str(owner.get("kind", "")).lower()
    return f"{kind}.{group}/{owner.get('name')}" if slash else f"{kind}/{owner.get('name')}"


ROW = Row(
    kinds.CONTROLLERREVISIONS,
    "controllerrevision",
    columns=(
        NAME,
        Column("Controller", _controller, description="Controller of the object"),
        Column(
            "Revision",
            lambda obj, _now: at(obj, "revision", 0),
            description="Indicates the revision of the state represented by Data.",
        ),
        AGE,
    ),
    schema="io.k8s.api.apps.v1.ControllerRevision",
    validate=_validate,
    has_spec_generation=False,
)
