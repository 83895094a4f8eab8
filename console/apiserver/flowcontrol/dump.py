"""What priority levels do at this moment, as a table that people read: Kubernetes' `dump_priority_levels`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .levels import Level

PRIORITY_LEVELS = "/debug/api_priority_and_fairness/dump_priority_levels"
_COLUMNS = (
    "PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing", "WaitingRequests", "ExecutingRequests",
    "DispatchedRequests", "RejectedRequests", "TimedoutRequests", "CancelledRequests",
)  # fmt: skip
_NARROWEST = 8  # letters of a column and the space behind it
_APART = {"time-out": "TimedoutRequests", "cancelled": "CancelledRequests"}


def priority_levels(levels: Iterable[Level]) -> str:
    """A level a line, in the order of their names. None ends slowly: one that is deleted is told of no longer."""
    return _table([_COLUMNS, *(_row(level) for level in sorted(levels, key=lambda level: level.name))])


def _row(level: Level) -> list[str]:
    gone = dict.fromkeys(("RejectedRequests", *_APART.values()), 0)
    for (_, why), count in level.rejected.items():
        gone[_APART.get(why, "RejectedRequests")] += count
    idle = not (level.waiting or level.executing)
    figures = (level.waiting, level.executing, level.dispatched.total(), *gone.values())
    return [level.name, str(level.active_queues), str(idle).lower(), "false", *map(str, figures)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns apart by commas and as wide as their widest entry."""
    cells = [[f"{cell}," for cell in row[:-1]] for row in rows]
    widths = [max(_NARROWEST - 1, *map(len, column)) + 1 for column in zip(*cells, strict=True)]
    lines = (
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + whole[-1] + "\n"
        for row, whole in zip(cells, rows, strict=True)
    )
    return "".join(lines)
