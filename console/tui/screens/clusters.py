"""The clusters of this console: the control plane of this machine and the contexts of the kubeconfig; goes to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on

from common.api.kinds import Resource
from common.api.meta import Object, name
from console.tui.actions import BY_ID, Where
from console.tui.clusters import Cluster
from console.tui.session import Session
from console.tui.table.widget import Table
from console.views.columns import Column
from console.views.columns.column import dim
from console.views.status import Status, Tone

from .deck import Handler
from .sheet import Sheet

CLUSTERS = Resource("", "v1", "clusters", "Cluster", namespaced=False)
"""Not a resource of any API: what the console knows."""
COLUMNS = (
    Column("NAME", lambda row, _now: name(row), flexible=True, least=12, letter="N"),
    Column("STATUS", lambda row, _now: _status(row), letter="S"),
    Column("USER", lambda row, _now: row["user"], drop=3),
    Column("SERVER", lambda row, _now: row["server"], flexible=True, least=16, tone=dim),
)


def _status(row: Object) -> Status:
    return Status("open here", Tone.OK) if row["here"] else Status("", Tone.DIM)


class ClustersScreen(Sheet):
    where = Where.CLUSTERS

    def __init__(self, session: Session) -> None:
        super().__init__(session, CLUSTERS, COLUMNS, title="Clusters")

    def on_mount(self) -> None:
        super().on_mount()
        found = [
            {"metadata": {"name": item.name}, "server": item.server, "user": item.user, "here": self._is_here(item)}
            for item in self.session.clusters
        ]
        self.show_rows(found)
        count = f"{len(found)} cluster{'s' if len(found) != 1 else ''}"
        more = "from this machine and the kubeconfig" if len(found) > 1 else "quarterdeck --kubeconfig FILE adds others"
        self.said.fit_lines([[(count, Tone.BRIGHT), (f"   {more}", Tone.DIM)]])

    def _is_here(self, cluster: Cluster) -> bool:
        return cluster.name == self.session.cluster

    def trail(self) -> Sequence[str]:
        return ["clusters"]

    def handlers(self) -> Mapping[str, Handler]:
        return {**super().handlers(), "cluster.open": self._open}

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        row = message.row.obj if message.row else None
        self.about.border_title = name(row) if row else ""
        self.about.set_lines([[(row["server"], Tone.TEXT)], [(f"as {row['user']}", Tone.DIM)]] if row else [])

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self.run_action_of(BY_ID["cluster.open"])

    async def _open(self) -> None:
        row = self.table.model.current()
        if row is not None:
            self.deck_app.go_to_cluster(name(row.obj))


def opened(session: Session, words: Sequence[str]) -> ClustersScreen:
    """`:ctx`; ValueError for words behind it."""
    if words:
        raise ValueError(":ctx takes no words; enter on a cluster goes there")
    return ClustersScreen(session)
