"""What a table holds and shows: rows, filter, order, cursor and marks. No terminal, so that tests read it directly.

Rows arrive as changes and are made into text once; filtering and sorting then work on what was precomputed, so that
ten thousand rows filter in about a millisecond. A row that changes where nobody looks keeps its old text until it is
drawn, filtered or sorted by: most changes are overtaken by the next one before that. The cursor stays on its object
when rows move around it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from common.api.kinds import Resource
from common.api.meta import Key, Object
from console.views.columns import Column, tone_of
from console.views.status import FAULTS, Status, Tone
from console.views.usage import Figure, attached

from .query import Query

Change = tuple[Key, Object | None]


class Row:
    """One object as text. `version` rises when it changes, which is what drawn strips are cached by; text that is
    `late` is that of an earlier version."""

    __slots__ = ("cells", "hay", "key", "late", "obj", "orders", "place", "tone", "version")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.place = (key.namespace, key.name)  # tuples compare ten times quicker than keys
        self.obj: Object = {}
        self.cells: list[str | Status] = []
        self.tone = Tone.TEXT
        self.hay = ""
        self.orders: dict[int, Any] = {}  # by column: what it sorts by, once somebody sorts by it
        self.version = 0
        self.late = True

    def renew(self, obj: Object, tone: Tone, version: int) -> None:
        self.obj = obj
        self.tone = tone
        self.version = version
        self.late = True
        self.orders.clear()

    def fill(self, cells: list[str | Status]) -> None:
        self.cells = cells
        self.late = False
        self.orders.clear()
        self.hay = " ".join([cell if isinstance(cell, str) else cell.word for cell in cells]).lower()


class TableModel:
    """`rows` are the visible ones in order. Call `settle` after changes: it filters, sorts and keeps the cursor."""

    def __init__(self, resource: Resource, columns: Sequence[Column]) -> None:
        self.resource = resource
        self.columns = tuple(columns)
        self.rows: list[Row] = []
        self.cursor = 0
        self.wanted: Key | None = None  # the cursor goes there when this object is visible
        self.marks: set[Key] = set()
        self.query = Query()
        self.faults_only = False
        self.scope: Callable[[Object], bool] | None = None
        self.figure: Callable[[Key], Figure | None] | None = None  # what is known of an object beside itself
        self.loading = False  # rows still come that were there before: until then the cursor stays on the first one
        self.sort_by = -1  # by namespace and name
        self.descending = False
        self.widths = [len(column.title) for column in columns]
        self.tones: dict[Tone, int] = {}
        self._all: dict[Key, Row] = {}
        self._late: dict[Key, Row] = {}  # changed since their text was made
        self._placed: list[Row] | None = None  # all rows by namespace and name; None when one came or went
        self._versions = 0
        self._stale = False

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def total(self) -> int:
        """Objects in scope, whether filtered out or not."""
        return len(self._all)

    def current(self) -> Row | None:
        return self.rows[self.cursor] if self.rows else None

    def get(self, key: Key) -> Row | None:
        return self._all.get(key)

    def all_rows(self) -> Iterable[Row]:
        return self._all.values()

    # Changing what is there

    def apply(self, changes: Iterable[Change], now: datetime) -> set[Key]:
        """Take changes in; returns the keys whose text is new. `settle` makes them visible."""
        touched: set[Key] = set()
        for key, obj in changes:
            if obj is None or (self.scope is not None and not self.scope(obj)):
                gone = self._all.pop(key, None)
                if gone is not None:
                    self._late.pop(key, None)
                    self.tones[gone.tone] -= 1
                    self.marks.discard(key)
                    self._placed, self._stale = None, True
                    touched.add(key)
                continue
            row = self._all.get(key)
            new = row is None
            if row is None:
                row = self._all[key] = Row(key)
                self._placed, self._stale = None, True
            else:
                self.tones[row.tone] -= 1
            self._versions += 1
            row.renew(obj, tone_of(self.resource, obj), self._versions)
            self.tones[row.tone] = self.tones.get(row.tone, 0) + 1
            if new or self._by_text:
                self.read(row, now)
                self._stale = True
            else:
                self._late[key] = row
                self._stale = self._stale or self.faults_only
            touched.add(key)
        return touched

    def refigure(self, keys: Iterable[Key]) -> set[Key]:
        """Other figures are known of these objects; returns those of them that are here."""
        rows = [row for key in keys if (row := self._all.get(key)) is not None]
        for row in rows:
            self._versions += 1
            row.renew(row.obj, row.tone, self._versions)
            self._late[row.key] = row
        return {row.key for row in rows}

    @property
    def _by_text(self) -> bool:
        """Whether the text of rows decides which are shown, and where."""
        return self.query.filters or self.sort_by >= 0

    def read(self, row: Row, now: datetime) -> None:
        """Make the text of a row that is late."""
        if self.figure is not None:
            row.obj = attached(row.obj, self.figure(row.key))
        cells: list[str | Status] = []
        for index, column in enumerate(self.columns):
            cell = column.value(row.obj, now)
            cells.append(cell)
            length = len(cell) if isinstance(cell, str) else len(cell.word) + 2
            if length > self.widths[index]:
                self.widths[index] = length
        row.fill(cells)
        self._late.pop(row.key, None)

    @property
    def lags(self) -> bool:
        """Whether rows are chosen or ordered by text that is late."""
        return bool(self._late) and self._by_text

    def catch_up(self, most: int, now: datetime) -> None:
        """Read so many late rows; `settle` makes visible what that changes."""
        for row in list(islice(self._late.values(), most)):
            self.read(row, now)
            self._stale = True

    def make_room(self, columns: Sequence[int], texts: Sequence[str]) -> None:
        """Have these columns wide enough for what they show now."""
        for index, text in zip(columns, texts, strict=True):
            self.widths[index] = max(self.widths[index], len(text))

    # Choosing what is shown

    def set_query(self, query: Query) -> None:
        self.query = query
        self._stale = True

    def set_faults_only(self, value: bool) -> None:
        self.faults_only = value
        self._stale = True

    def sort(self, column: int) -> None:
        """Order by a column; again turns the order round."""
        self.descending = not self.descending if column == self.sort_by else False
        self.sort_by = column
        self._stale = True

    def settle(self) -> bool:
        """Bring the visible rows up to date; whether anything may have moved."""
        if not self._stale:
            return False
        self._stale = False
        current = self.current()
        if self._placed is None:
            self._placed = sorted(self._all.values(), key=lambda row: row.place)
        rows = self.query.keep(self._placed)
        if self.faults_only:
            rows = [row for row in rows if row.tone in FAULTS]
        self.rows = self._ordered(rows)
        self._keep_cursor(current)
        return True

    def _ordered(self, rows: list[Row]) -> list[Row]:
        if self.sort_by >= 0:
            rows.sort(key=self._order(self.sort_by), reverse=self.descending)
        elif self.descending:
            rows.reverse()
        return rows

    def _order(self, index: int) -> Callable[[Row], Any]:
        sort = self.columns[index].sort

        def order(row: Row) -> Any:
            if index not in row.orders:
                cell = row.cells[index]
                word = cell if isinstance(cell, str) else cell.word
                row.orders[index] = sort(row.obj) if sort is not None else word
            return row.orders[index]

        return order

    def _keep_cursor(self, current: Row | None) -> None:
        if self.wanted is not None and self.select(self.wanted):
            return
        if not self.rows or self.loading:
            self.cursor = 0
            return
        if current is not None and self.cursor < len(self.rows) and self.rows[self.cursor].key == current.key:
            return
        if current is not None and current.key in self._all:
            index = self._index(current.key)
            if index is not None:
                self.cursor = index
                return
        self.cursor = min(self.cursor, len(self.rows) - 1)

    def _index(self, key: Key) -> int | None:
        if self.sort_by < 0 and not self.descending:
            found = bisect_left(self.rows, (key.namespace, key.name), key=lambda row: row.place)
            return found if found < len(self.rows) and self.rows[found].key == key else None
        return next((index for index, row in enumerate(self.rows) if row.key == key), None)

    # Cursor and marks

    def move_to(self, index: int) -> bool:
        """Put the cursor on a row, as near as there is one; whether it moved."""
        self.wanted, self.loading = None, False
        target = max(0, min(index, len(self.rows) - 1))
        moved = target != self.cursor
        self.cursor = target
        return moved

    def select(self, key: Key) -> bool:
        """Put the cursor on an object if it is visible."""
        index = next((index for index, row in enumerate(self.rows) if row.key == key), None)
        if index is not None:
            self.cursor, self.wanted, self.loading = index, None, False
        return index is not None

    def toggle_mark(self) -> None:
        row = self.current()
        if row is not None:
            self.marks ^= {row.key}

    def mark_range(self) -> None:
        """Mark from the nearest marked row above (or below) to the cursor."""
        marked = [index for index, row in enumerate(self.rows) if row.key in self.marks]
        if not marked:
            self.toggle_mark()
            return
        anchor = min(marked, key=lambda index: abs(index - self.cursor))
        first, last = sorted((anchor, self.cursor))
        self.marks |= {row.key for row in self.rows[first : last + 1]}

    def targets(self) -> list[Row]:
        """What an action applies to: the marked rows, else the one under the cursor."""
        marked = [row for row in self.rows if row.key in self.marks]
        current = self.current()
        return marked or ([current] if current else [])
