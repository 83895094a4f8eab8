"""What verbs and screens may ask of the table below them and of the application, without knowing either.

`screens.browse` is the table and `app` the application; both know the verbs and the screens, so that the way back
leads over these protocols alone.
"""

from __future__ import annotations

from typing import Any, Protocol

from textual.app import App

from common.api.meta import Object
from console.views.status import Tone

from .colours import Palette
from .session import Session
from .shell import Ended, Wish
from .table.widget import Table
from .view import View


class Stage(Protocol):
    """A screen that a verb works on."""

    session: Session

    @property
    def app(self) -> App[Any]: ...

    def say(self, text: str, tone: Tone = Tone.OK) -> None: ...


class TableStage(Stage, Protocol):
    """The table of any kind: what is under its cursor or marked, and where else it can go."""

    view: View

    @property
    def table(self) -> Table: ...

    @property
    def deck_app(self) -> Bridge: ...

    def trail(self) -> list[str]: ...

    def current(self) -> Object | None: ...

    def targets(self) -> list[Object]: ...

    def pod_of(self, row: Object) -> Object | None: ...

    def go(self, view: View) -> None: ...

    def renumbered(self) -> None: ...


class Bridge(Protocol):
    """The application: commands, the table below whatever is on top, the terminal."""

    def execute(self, text: str) -> None: ...

    def browse(self) -> TableStage: ...

    def go_to_cluster(self, name: str) -> None: ...

    def pop_screen(self) -> object: ...

    def repaint(self) -> None: ...

    def wear(self, palette: Palette) -> None: ...

    async def leave_for(self, wish: Wish) -> Ended: ...

    async def leave_for_editor(self, content: bytes, name: str) -> bytes: ...
