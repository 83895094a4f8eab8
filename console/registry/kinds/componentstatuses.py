"""ComponentStatuses: how the parts of the control plane are, as clients of old ask for it (`kubectl get cs`).

All parts are one process here, so whoever gets an answer talks to parts that run; what can be unwell is the store.
"""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from console.registry.columns import NAME, at
from console.registry.row import Column, Row

DEPRECATED = "v1 ComponentStatus is deprecated in v1.19+"
_STATUSES = {"True": "Healthy", "False": "Unhealthy"}


def _healthy(obj: Object) -> Object:
    conditions: list[Object] = at(obj, "conditions", [])
    return next((condition for condition in conditions if condition.get("type") == "Healthy"), {})


COMPONENTSTATUSES = Row(
    kinds.COMPONENTSTATUSES,
    "componentstatus",
    short_names=("cs",),
    columns=(
        NAME,
        Column("Status", lambda obj, _now: _STATUSES.get(_healthy(obj).get("status", ""), "Unknown")),
        Column("Message", lambda obj, _now: str(_healthy(obj).get("message", ""))),
        Column("Error", lambda obj, _now: str(_healthy(obj).get("error", ""))),
    ),
    verbs=("get", "list"),
    durable=False,
    computed=True,
    schema="io.k8s.api.core.v1.ComponentStatus",
    deprecation=DEPRECATED,
    has_spec_generation=False,
)
ROWS = (COMPONENTSTATUSES,)
