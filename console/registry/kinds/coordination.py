"""Leases: who leads, and until when."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, field
from console.registry.row import Context, Row


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = validation.positive("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds"))
    causes += validation.non_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
    if spec.get("holderIdentity") == "":
        causes.append(validation.wrong("spec.holderIdentity", "", "must not be empty"))
    if spec.get("preferredHolder") and not spec.get("strategy"):
        causes.append(validation.forbidden("spec.preferredHolder", "may only be specified if `strategy` is specified"))
    return causes


LEASES = Row(
    kinds.LEASES,
    "lease",
    columns=(
        NAME,
        field("Holder", "spec.holderIdentity", description="The identity of the holder of the current lease."),
        AGE,
    ),
    schema="io.k8s.api.coordination.v1.Lease",
    validate=_validate,
    has_spec_generation=False,
    creates_on_update=True,
)
ROWS = (LEASES,)
