"""The clusters of this console: the control plane of this machine and the contexts of the kubeconfig; goes to one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from textual import on

from common.api.kinds import Resource
from common.api.meta import Object, name
from console.tui.actions import BY_ID, Where
from console.tui.clusters import Cluster
from console.tui.colours import TINTS
from console.tui.looks import NO_TINT
from console.tui.session import Session
from console.tui.table.widget import Table
from console.tui.widgets.banner import Banner
from console.tui.widgets.spans import Line
from console.views.columns import Column
from console.views.columns.column import dim
from console.views.status import Status, Tone

from .deck import Handler
from .dialogs import WIDTH, Choose, wrapped
from .sheet import Sheet

CLUSTERS = Resource("", "v1", "clusters", "Cluster", namespaced=False)
"""Not a resource of any API: what the console knows."""
COLUMNS = (
    Column("NAME", lambda row, _now: name(row), flexible=True, least=12, letter="N"),
    Column("STATUS", lambda row, _now: _status(row), letter="S"),
    Column("COLOUR", lambda row, _now: row["tint"], letter="C"),
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
        self._list()
        number = len(self.session.clusters)
        count = f"{number} cluster{'s' if number != 1 else ''}"
        more = "from this machine and the kubeconfig" if number > 1 else "quarterdeck --kubeconfig FILE adds others"
        self.said.fit_lines([[(count, Tone.BRIGHT), (f"   {more}", Tone.DIM)]])

    def _list(self) -> None:
        tint_of = self.session.settings.tint_of
        self.show_rows(
            [{"metadata": {"name": item.name}, "server": item.server, "user": item.user, "here": self._is_here(item),
              "tint": tint_of(item.name) or "-"} for item in self.session.clusters]
        )  # fmt: skip

    def _is_here(self, cluster: Cluster) -> bool:
        return cluster.name == self.session.cluster

    def trail(self) -> Sequence[str]:
        return ["clusters"]

    def handlers(self) -> Mapping[str, Handler]:
        return {**super().handlers(), "cluster.open": self._open, "cluster.colour": self._colour}

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

    async def _colour(self) -> None:
        """Choose the colour of the cluster under the cursor, and keep it."""
        row = self.table.model.current()
        if row is None:
            return
        settings, colours = self.session.settings, (NO_TINT, *TINTS)
        chosen = colours.index(settings.tint_of(name(row.obj)) or NO_TINT)
        rows: list[Line] = [[(colour, Tone.TEXT)] for colour in colours]
        body: list[Line] = wrapped("The header of its screens has this colour.", WIDTH - 6)
        answer = await self.app.push_screen_wait(
            Choose(self.session.look, f"Colour of {name(row.obj)}", body, rows, chosen)
        )
        if answer is not None:
            settings.clusters[name(row.obj)] = colours[answer]
            await asyncio.to_thread(settings.save)
            self._list()
            self.query_one(Banner).refresh()


def opened(session: Session, words: Sequence[str]) -> ClustersScreen:
    """`:ctx`; ValueError for words behind it."""
    if words:
        raise ValueError(":ctx takes no words; enter on a cluster goes there")
    return ClustersScreen(session)
