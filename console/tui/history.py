"""The history of views, for `[`, `]` and `-`."""

from __future__ import annotations

from .view import View

MOST = 50  # older ones are forgotten: nobody goes back that far one key at a time


class ViewHistory:
    """Going to a view forgets what lay ahead, as in a browser."""

    def __init__(self, first: View) -> None:
        self._views = [first]
        self._at = 0
        self._before = 0

    @property
    def current(self) -> View:
        return self._views[self._at]

    def go(self, view: View) -> None:
        self._views = [*self._views[: self._at + 1], view][-MOST:]
        self._before = max(0, len(self._views) - 2)
        self._at = len(self._views) - 1

    def back(self) -> View | None:
        return self._to(self._at - 1)

    def forward(self) -> View | None:
        return self._to(self._at + 1)

    def last(self) -> View | None:
        """The view that was shown before this one."""
        return self._to(self._before) if self._before != self._at else None

    def _to(self, index: int) -> View | None:
        if not 0 <= index < len(self._views):
            return None
        self._before, self._at = self._at, index
        return self.current
