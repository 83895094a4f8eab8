"""A table of rows that a screen makes itself, a few lines above it and more about the row under the cursor below it.

Screens that answer a question (why, what if, the doctor, the load balancer) and those that list what only this console
knows share it; `browse` is for what the API serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual.events import Resize
from textual.widget import Widget

from common.api.kinds import Resource
from common.api.meta import Key, Object, key
from common.errors import ApiError
from console.tui import view as views
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.table.widget import Table
from console.tui.widgets.spans import SpanLines
from console.views.columns import Column

from .deck import Deck, Handler

_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")


class Sheet(Deck):
    """Subclasses fill `table`, `said` above and `about` below it, and add their actions to `handlers`.

    A screen that asks a question overrides `load`, which makes the rows, and `answered`, which says the rest; `problem`
    is why the last answer did not come. With `again_seconds` the question is asked anew as often as that.
    """

    again_seconds = 0

    def __init__(
        self,
        session: Session,
        resource: Resource,
        columns: Sequence[Column],
        *,
        title: str = "",
        sort_by: int = 0,
        said: str = "said",
        about: str = "reasons",
    ) -> None:
        """`said` and `about` are the names of the lines above and below in the style sheet."""
        super().__init__(session)
        model = TableModel(resource, columns)
        model.sort_by = sort_by
        self.table = Table(model, session.clock, session.look, id="table", classes="framed")
        self.table.border_title = title
        self.said = SpanLines(session.look, id=said)
        self.about = SpanLines(session.look, id=about, classes="framed")
        self.problem = ""
        self._seconds = 0

    def body(self) -> Iterable[Widget]:
        yield self.said
        yield self.table
        yield self.about

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.table.announce_again)

    def rest_focus(self) -> None:
        self.table.focus()

    def second(self) -> None:
        self._seconds += 1
        if self.again_seconds and self._seconds % self.again_seconds == 0:
            self.ask()

    def ask(self) -> None:
        """Ask the question of the screen; a later one stands in place of an earlier one."""
        self.begin(self._ask, "ask", exclusive=True)

    async def _ask(self) -> None:
        try:
            await self.load()
            self.problem = ""
        except (ApiError, OSError, ValueError) as error:
            self.problem = getattr(error, "message", "") or str(error)
        self.answered()

    async def load(self) -> None:
        """Ask, and show the rows of the answer; what fails becomes `problem`."""
        raise NotImplementedError

    def answered(self) -> None:
        """Say what the rows do not, or why there is no answer."""
        raise NotImplementedError

    def handlers(self) -> Mapping[str, Handler]:
        return {f"cursor.{where}": partial(self.table.navigate, where) for where in _MOVES}

    def show_rows(self, found: Sequence[Object]) -> None:
        """Make these the rows of the table; those that stay keep their place under the cursor."""
        names = {key(row) for row in found}
        gone = [(row.key, None) for row in self.table.model.all_rows() if row.key not in names]
        self.table.update([*gone, *((key(row), row) for row in found)])
        self.table.flush()

    def leave_for(self, resource: Resource, place: Key) -> None:
        """Close the screen and show this one object in the table below."""
        app = self.deck_app
        app.pop_screen()
        browse = app.browse()
        browse.go(views.only(resource, place, browse.view))
