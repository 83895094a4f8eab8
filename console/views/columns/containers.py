"""The containers of one pod: not API objects, made by `console.views.containers`."""

from __future__ import annotations

from common.api import meta
from console.views import status
from console.views.containers import CONTAINERS

from .column import Table, dim, number, state, text

CONTAINER_COLUMNS = (
    text("NAME", meta.name, flexible=True, least=14, letter="N"),
    text("KIND", lambda c: str(c["role"]), drop=5, tone=dim),
    state("STATUS", lambda c: status.container_status(c.get("state")), letter="S"),
    text("READY", lambda c: "yes" if c.get("ready") else "no", drop=3),
    number("RS", lambda c: int(c.get("restartCount") or 0), drop=2, letter="T"),
    text("PROBES", lambda c: str(c["probes"]), drop=6, tone=dim),
    text("PORTS", lambda c: str(c["ports"]), drop=4, tone=dim),
    text("IMAGE", lambda c: str(c["image"]), flexible=True, least=12, drop=1, tone=dim),
)

TABLES = {
    CONTAINERS: Table(CONTAINER_COLUMNS, lambda c: status.container_status(c.get("state"))),
}
