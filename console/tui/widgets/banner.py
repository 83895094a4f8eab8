"""The header of every screen, in the colour of its cluster, so that nobody takes one cluster for another."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style

from console.tui.session import Session
from console.views.status import Tone

from .spans import SpanLines


class Banner(SpanLines):
    def __init__(self, session: Session) -> None:
        super().__init__(session.look, id="header", panel=True)
        self._session = session

    def _styles_worn(self) -> Mapping[Tone, Style]:
        return self._session.look.palette.tinted_styles(self._session.tint)
