"""PriorityClasses."""

from __future__ import annotations

from common.api import kinds

from .column import AGE, LABELS, NAME, Table, number, text

TABLES = {
    kinds.PRIORITYCLASSES: Table(
        (
            NAME,
            number("VALUE", lambda found: int(found.get("value") or 0), letter="V"),
            text("DEFAULT", lambda found: "yes" if found.get("globalDefault") else "no", drop=4),
            text("PREEMPTION", lambda found: str(found.get("preemptionPolicy") or ""), drop=3),
            AGE,
            text("DESCRIPTION", lambda found: str(found.get("description") or ""), drop=2, flexible=True, prose=True),
            LABELS,
        )
    )
}
