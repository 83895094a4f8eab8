"""Reads the chosen containers side by side: what runs is followed, what is restarted or made anew joins, what ends is
told. Lines of one moment are put into the order of their times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from common.aio import Tasks
from common.api.meta import Key, Object, format_micro_time
from common.clock import Clock
from common.errors import ApiError
from console.streams.logs import Overlap, Streamer, follow
from console.tui.widgets.buffer import LONGEST, MOST_BYTES, MOST_LINES, Entry
from console.views.loglines import parse_all

from .ranges import Range
from .sources import Choice, Life, Source, Standing, labels, standings

MOST = 20  # containers read at a time: each is a connection to its node
# A flood of lines is taken in by the batch: to wake up for each few of them would cost more than they do. Batches that
# are large already are waited for no longer, so that the fastest writer is kept up with.
FLOOD_LINES, FULL_LINES = 200, 1000
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 1.0  # that lines wait for those of slower nodes, when a log is opened


class LogFeed:
    """`look` tells it of pods, `take` gives what has been read since."""

    def __init__(self, client: Streamer, clock: Clock, choice: Choice, span: Range, *, previous: bool) -> None:
        self.sources: list[Source] = []
        self.left_out = 0
        self.told = ""
        self._client = client
        self._clock = clock
        self._choice = choice
        self._span = span
        self._previous = previous
        self._opened = clock.monotonic()
        self._gathering = True
        self._looked = False
        self._pods: dict[Key, Object] = {}
        self._standings: dict[Source, Standing] = {}
        self._restarts: dict[Life, int] = {}  # of those that are or were read, as last seen
        self._overlaps: dict[Life, Overlap] = {}
        self._reading: set[Life] = set()
        self._silent: set[Life] = set()  # of those that are read, the ones that have sent nothing yet
        self._waits: dict[Source, str] = {}
        self._taken: list[Entry] = []
        self._bytes = 0
        self._tasks = Tasks("logs")

    async def close(self) -> None:
        await self._tasks.close()

    @property
    def reading(self) -> int:
        """How many containers are read now."""
        return len(self._reading)

    @property
    def pods(self) -> int:
        """How many pods are chosen now."""
        return len(self._pods)

    def look(self, changes: Iterable[tuple[Key, Object | None]]) -> None:
        """Pods that came, changed or went: begin to read what has started."""
        for key, pod in changes:
            if pod is not None and self._choice.test(pod):
                self._pods[key] = pod
            else:
                self._pods.pop(key, None)
        found = standings(self._pods.values(), self._choice.container)
        self._standings = {item.life.source: item for item in found}
        # A container that has ended and is not made again says nothing new: those that run come first.
        waiting = sorted((item for item in found if self._is_news(item)), key=lambda item: not item.running)
        room = max(MOST - len(self._reading), 0)
        for item in waiting[:room]:
            self._begin(item)
        self.left_out = len(waiting[room:])
        for item in found:
            if not item.started:
                self._tell_wait(item)
        self._looked = True

    def _is_news(self, item: Standing) -> bool:
        known = self._restarts.get(item.life)
        if item.life in self._reading and known is not None and item.restarts > known:
            self._restarts[item.life] = item.restarts
            self._note(self._number(item.life.source), f"starts again, restart {item.restarts}")
        if not item.started or item.life in self._reading:
            return False
        return known is None or (item.running and item.restarts > known and not self._previous)

    def _begin(self, item: Standing) -> None:
        life, number = item.life, self._number(item.life.source)
        again = life in self._restarts
        if again:
            self._note(number, f"starts again, restart {item.restarts}")
        elif self._looked:
            self._note(number, "joins")
        self._restarts[life] = item.restarts
        self._reading.add(life)
        self._silent.add(life)
        overlap = self._overlaps.setdefault(life, Overlap())
        reading = self._read(life, number, self._params(life.source, whole=self._looked), overlap)
        self._tasks.start(f"{life.source.pod}/{life.source.container}", reading)

    def _number(self, source: Source) -> int:
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source)

    def _tell_wait(self, item: Standing) -> None:
        source = item.life.source
        if item.why and self._waits.get(source) != item.why:
            self._waits[source] = item.why
            self._note(self._number(source), f"has not started: {item.why}")

    # Reading

    async def _read(self, life: Life, number: int, params: dict[str, str], overlap: Overlap) -> None:
        try:
            lines = follow(
                self._client, life.source.pod, params, overlap, self._clock,
                runs=partial(self._runs, life), told=partial(self._tell, number),
            )  # fmt: skip
            since_pause = 0
            async for batch in lines:
                self._silent.discard(life)
                self._put([Entry(text[: LONGEST + 1], number, moment) for moment, text in parse_all(batch)])
                since_pause += len(batch)
                if since_pause >= FLOOD_LINES and len(batch) < FULL_LINES:
                    since_pause = 0
                    await self._clock.sleep(PAUSE_SECONDS)
            if self._span.follows and not self._previous:
                self._note(number, self._ending(life))
        except (ApiError, OSError) as error:
            self._tell(number, getattr(error, "message", "") or str(error))
        finally:
            self._silent.discard(life)
            self._reading.discard(life)

    def _params(self, source: Source, *, whole: bool) -> dict[str, str]:
        params = {"container": source.container}
        if self._previous:
            return params | {"previous": "true"} | dict(self._span.params)
        params |= {"follow": "true"} if self._span.follows else {}
        return params if whole else params | dict(self._span.params)

    async def _runs(self, life: Life) -> bool:
        standing = self._standings.get(life.source)
        return standing is not None and standing.life == life and standing.running

    def _ending(self, life: Life) -> str:
        standing = self._standings.get(life.source)
        if standing is None or standing.life != life:
            return "has ended: its pod is gone"
        return f"has ended: {standing.why}" if standing.why else "has ended"

    def _tell(self, number: int, text: str) -> None:
        self.told = f"{labels(self.sources)[number]}: {text}"
        self._note(number, text)

    def _note(self, number: int, text: str) -> None:
        self._put([Entry(text, number, format_micro_time(self._clock.now()), note=True)])

    def _put(self, entries: list[Entry]) -> None:
        """Nobody takes anything while another screen is on top, so that this has a bound too."""
        self._taken += entries
        self._bytes += sum(len(entry.text) for entry in entries)
        if len(self._taken) > MOST_LINES or self._bytes > MOST_BYTES:
            self._taken = self._taken[len(self._taken) // 2 :]
            self._bytes = sum(len(entry.text) for entry in self._taken)

    # Handing over

    def take(self) -> Sequence[Entry]:
        """What was read, in the order of its times. When the log was just opened it waits a moment for all sources, so
        that their pasts stand in one order too."""
        if self._gathering:
            late = self._clock.monotonic() - self._opened >= PATIENCE_SECONDS
            if self._silent and len(self._restarts) > 1 and not late:
                return ()
            self._gathering = False
        taken, self._taken, self._bytes = self._taken, [], 0
        return _in_order(taken) if len({entry.source for entry in taken}) > 1 else taken


def _in_order(entries: list[Entry]) -> list[Entry]:
    """By time; a line without one stays behind the line before, and so does a note, whose time is of our clock."""
    keys: list[str] = []
    for entry in entries:
        own = "" if entry.note else entry.time
        keys.append(own or (keys[-1] if keys else ""))
    order = sorted(range(len(entries)), key=keys.__getitem__)
    return [entries[index] for index in order]
