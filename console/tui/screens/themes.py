"""The themes: the one under the cursor is worn at once, enter keeps it, esc goes back to the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from textual import on

from common.api.kinds import Resource
from common.api.meta import Key, Object, name
from console.tui.actions import BY_ID, Where
from console.tui.looks import LookError, theme_named
from console.tui.session import Session
from console.tui.table.widget import Table
from console.tui.themes import THEMES
from console.tui.widgets.spans import Line
from console.views.columns import Column
from console.views.columns.column import dim
from console.views.status import Status, Tone

from .deck import Handler
from .sheet import Sheet

RESOURCE = Resource("", "v1", "themes", "Theme", namespaced=False)
"""Not a resource of any API: what the console can wear."""
COLUMNS = (
    Column("NAME", lambda row, _now: name(row), least=14, letter="N"),
    Column("STATUS", lambda row, _now: Status("kept", Tone.OK) if row["kept"] else Status("", Tone.DIM), letter="S"),
    Column("ABOUT", lambda row, _now: row["about"], flexible=True, prose=True, least=16, tone=dim),
)
_STATES = (
    ("Running", Tone.OK), ("ContainerCreating", Tone.BUSY), ("Pending", Tone.WARN), ("CrashLoopBackOff", Tone.BAD),
    ("Terminating", Tone.LEAVING), ("Completed", Tone.DONE),
)  # fmt: skip


class ThemesScreen(Sheet):
    where = Where.THEMES

    def __init__(self, session: Session, chosen: str = "") -> None:
        super().__init__(session, RESOURCE, COLUMNS, title="Themes", sort_by=-1)
        self._before = session.look.palette
        self.table.model.wanted = Key("", chosen or self._before.name)

    def on_mount(self) -> None:
        kept = self.session.settings.theme or self._before.name
        self.show_rows(
            [{"metadata": {"name": item.name}, "about": item.about, "kept": item.name == kept}
             for item in THEMES.values()]
        )  # fmt: skip
        self.said.fit_lines([[("The theme under the cursor is on already; enter keeps it, esc does not.", Tone.TEXT)]])

    def trail(self) -> Sequence[str]:
        return ["themes"]

    def handlers(self) -> Mapping[str, Handler]:
        return {**super().handlers(), "theme.keep": self._keep}

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        if message.row is not None:
            self.deck_app.wear(THEMES[name(message.row.obj)])
            self.about.border_title = name(message.row.obj)
            self.about.set_lines(self._sample())

    def _sample(self) -> list[Line]:
        """Every state as it looks now."""
        glyphs = self.session.look.glyphs
        cells = [(f"{glyphs[tone]} {word:<20}", tone) for word, tone in _STATES]
        return [cells[start : start + 3] for start in range(0, len(cells), 3)]

    @on(Table.Opened)
    def _opened(self, _message: Table.Opened) -> None:
        self.run_action_of(BY_ID["theme.keep"])

    async def _keep(self) -> None:
        worn: Object | None = row.obj if (row := self.table.model.current()) else None
        if worn is None:
            return
        self.session.settings.theme = name(worn)
        self._before = THEMES[name(worn)]
        await asyncio.to_thread(self.session.settings.save)
        self.deck_app.pop_screen()

    def _back(self) -> None:
        self.deck_app.wear(self._before)
        super()._back()


def opened(session: Session, words: Sequence[str]) -> ThemesScreen:
    """`:theme [NAME]`; ValueError for a name that no theme has."""
    if len(words) > 1:
        raise ValueError(":theme takes one name")
    try:
        return ThemesScreen(session, theme_named(words[0]).name if words else "")
    except LookError as error:
        raise ValueError(str(error)) from None
