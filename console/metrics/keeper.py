"""Series over restarts: written to a file now and then, and when the control plane stops; read when it starts.

After a kill -9 what was measured since the last writing is missing, and nothing else. Without the file, or with one
that is damaged, series begin anew; while the disk takes nothing the old file stays, and the next writing is tried as
usual.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.aio import Tasks
from common.clock import Clock
from common.files import write_atomic

from .archive import MAX_BYTES, Record, decode, encode
from .service import Metrics

log = logging.getLogger(__name__)

PAUSE = 60.0  # seconds: the most that a kill -9 costs a small cluster
BYTES_PER_SECOND = 200_000  # written on average at most: a large cluster's file is written less often
_AT_ONCE = 200  # series that are copied before others have their turn: 2 ms
_HEADER_ROOM = 1024 * 1024  # beside the blocks, for the index of a full file


class Keeper:
    """`file` holds the series of `metrics`, which must have measured nothing yet when `load` is called."""

    def __init__(self, metrics: Metrics, clock: Clock, file: Path) -> None:
        self._metrics = metrics
        self._clock = clock
        self._file = file
        self._tasks = Tasks("series")
        self._refused = False
        self._size = 0

    async def load(self) -> None:
        """Go on from the file, if there is a good one."""
        try:
            data = await asyncio.to_thread(self._read)
            moment, records = await asyncio.to_thread(decode, data)
        except FileNotFoundError:
            return
        except (ValueError, TypeError, KeyError, OSError) as error:
            log.warning("%s cannot be used: %s; figures over time begin anew", self._file, error)
            return
        self._size = len(data)
        self._metrics.restore(moment, records)

    def _read(self) -> bytes:
        """Not more of it than a file of ours can have."""
        with self._file.open("rb") as file:
            return file.read(2 * MAX_BYTES + _HEADER_ROOM)

    def start(self) -> None:
        self._tasks.start("keep", self._keep())

    async def close(self) -> None:
        await self._tasks.close()
        await self.save()

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(max(PAUSE, self._size / BYTES_PER_SECOND))
            await self.save()

    async def save(self) -> None:
        """Write all that is known. A disk that takes nothing is logged once."""
        moment = self._metrics.moment
        records: list[Record] = []
        for part in _parts(self._metrics.records()):
            records += part
            await asyncio.sleep(0)
        try:
            self._size = await asyncio.to_thread(self._write, records, moment)
        except OSError as error:
            if not self._refused:
                log.warning("figures over time cannot be kept: %s; a restart would begin them anew", error)
            self._refused = True
        else:
            self._refused = False

    def _write(self, records: list[Record], moment: float) -> int:
        data = encode(records, moment)
        write_atomic(self._file, data)
        return len(data)


def _parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    part: list[Record] = []
    for record in records:
        part.append(record)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    yield part
