"""Logs as they are written: several containers at once, followed, searched, wrapped, in bounded memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from textual import on
from textual.message import Message
from textual.widget import Widget

from common.aio import Tasks
from common.api.kinds import PODS
from common.errors import ApiError, ServiceUnavailable
from console.tui.actions import Where
from console.tui.gateway import Gateway
from console.tui.session import Session
from console.tui.widgets.buffer import Entry, LineBuffer
from console.tui.widgets.spans import Line
from console.tui.widgets.text_view import TextView
from console.views.status import Tone

from .deck import Deck, Handler

TAIL = 500  # lines of the past that are asked for
RETRY_SECONDS = 1.0  # after a stream broke: a node's agent that restarts is back about then
_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")
_LEVELS = (
    (re.compile(r"\b(?:ERROR|FATAL|PANIC|CRITICAL|EMERG)\b|\blevel=(?:error|fatal)\b", re.IGNORECASE), Tone.BAD),
    (re.compile(r"\bWARN(?:ING)?\b", re.IGNORECASE), Tone.WARN),
    (re.compile(r"\bDEBUG\b|\bTRACE\b", re.IGNORECASE), Tone.DIM),
)
_SOURCE_TONES = (Tone.LINK, Tone.OK, Tone.LEAVING, Tone.KEY, Tone.BUSY)


@dataclass(frozen=True, slots=True)
class Source:
    """One container whose logs are shown."""

    namespace: str
    pod: str
    container: str


def parse(line: bytes, source: int) -> Entry:
    """A line as the API sends it with timestamps: RFC 3339, a space, the text. Control characters are taken out, so
    that a log cannot steer the operator's terminal."""
    text = _ESCAPES.sub("", line.decode(errors="replace").replace("\t", "    "))
    moment, space, rest = text.partition(" ")
    if space and len(moment) >= 20 and moment[4:5] == "-" and moment[10:11] == "T":
        return Entry(rest, source, moment)
    return Entry(text, source)


class LogsScreen(Deck):
    """`sources` are read side by side; tab shows one after the other."""

    where = Where.LOGS

    class Arrived(Message):
        """Lines of a stream, or what ended it."""

        def __init__(self, generation: int, entries: list[Entry], ended: str = "") -> None:
            super().__init__()
            self.generation, self.entries, self.ended = generation, entries, ended

    def __init__(
        self, session: Session, trail: Sequence[str], sources: Sequence[Source], previous: bool = False
    ) -> None:
        super().__init__(session)
        self._trail = list(trail)
        self._sources = list(sources)
        self._previous = previous
        self._only = -1
        self._times = False
        self._generation = 0
        self._endings: list[str] = []
        self._grown = False
        self._tasks = Tasks("logs")
        self._view = TextView(LineBuffer(), session.look, self._paint)
        self._view.following = True
        self._view.add_class("framed")

    def body(self) -> Iterable[Widget]:
        yield self._view

    def on_mount(self) -> None:
        super().on_mount()
        self._start()

    async def on_unmount(self) -> None:
        await self._tasks.close()

    def rest_focus(self) -> None:
        self._view.focus()

    # Reading

    def _start(self) -> None:
        """Read all chosen sources from their tail; what older streams still send is not shown."""
        self._generation += 1
        self._endings = []
        self._view.buffer.clear()
        self._view.following = True
        self._view.grown()
        self._title()
        for index, source in enumerate(self._sources):
            if self._only in (-1, index):
                self._tasks.start(f"{source.pod}/{source.container}", self._read(index, source, self._generation))

    async def _read(self, index: int, source: Source, generation: int) -> None:
        """Follow one container; a stream that breaks is taken up again where it stopped."""
        since = ""
        gateway, clock = self.session.gateway, self.session.clock
        while generation == self._generation:
            try:
                async for batch in _batches(_stream(gateway, source, previous=self._previous, since=since)):
                    entries = [parse(line, index) for line in batch]
                    fresh = [entry for entry in entries if not since or not entry.time or entry.time > since]
                    since = next((entry.time for entry in reversed(entries) if entry.time), since)
                    self.post_message(self.Arrived(generation, fresh))
                    await asyncio.sleep(0)
                self.post_message(self.Arrived(generation, [], f"{source.container} has ended"))
                return
            except (ServiceUnavailable, OSError) as error:
                self.post_message(self.Arrived(generation, [], f"{source.pod}: {error}; trying again"))
                await clock.sleep(RETRY_SECONDS)
            except ApiError as error:
                self.post_message(self.Arrived(generation, [], f"{source.container}: {error}"))
                return

    @on(Arrived)
    def _arrived(self, message: Arrived) -> None:
        if message.generation != self._generation:
            return
        if message.entries:
            self._view.buffer.extend(message.entries)
            self._grown = True
        if message.ended:
            self._endings.append(message.ended)

    def frame(self) -> None:
        if self._grown:
            self._grown = False
            self._view.grown()
        self._title()

    # Drawing

    def _paint(self, entry: Entry) -> Line:
        tone = next((tone for pattern, tone in _LEVELS if pattern.search(entry.text[:200])), Tone.TEXT)
        line: list[tuple[str, Tone]] = []
        if self._times and entry.time:
            line.append((f"{entry.time[:23].replace('T', ' ')} ", Tone.DIM))
        if len(self._sources) > 1 and self._only < 0:
            line.append((f"{self._label(entry.source)} ", _SOURCE_TONES[entry.source % len(_SOURCE_TONES)]))
        return [*line, (entry.text, tone)]

    def _label(self, index: int) -> str:
        source = self._sources[index]
        several = len({item.pod for item in self._sources}) > 1
        short = source.pod.rsplit("-", 1)[-1]
        name = f"{short}/{source.container}" if several else source.container
        return f"{name:<{min(18, self._label_width(several))}}"

    def _label_width(self, several: bool) -> int:
        return max(
            len(item.container) + (len(item.pod.rsplit("-", 1)[-1]) + 1 if several else 0) for item in self._sources
        )

    def _title(self) -> None:
        chosen = self._sources[self._only].container if self._only >= 0 else ""
        count = len(self._sources)
        what = chosen or (f"all {count} containers" if count > 1 else self._sources[0].container)
        words = ["Logs", what]
        words += ["previous"] * self._previous + ["following" if self._view.following else "stopped"]
        title = f" {self.session.look.dot} ".join(words).replace("[", "\\[")
        if self._view.border_title != title:
            self._view.border_title = title

    def trail(self) -> Sequence[str]:
        return self._trail

    def standing(self) -> Line:
        if self._view.pattern is not None:
            return [(f"{self._view.hits()} lines have it ", Tone.KEY)]
        if self._endings:
            return [(f"{self._endings[-1][:60]} ", Tone.WARN)]
        return [(f"{len(self._view.buffer)} lines ", Tone.DIM)]

    # Actions

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._view.navigate, where) for where in _MOVES}
        return moves | {
            "search": lambda: self.prompt("/"),
            "search.next": self._next,
            "search.previous": partial(self._next, backwards=True),
            "copy": self._copy,
            "text.wrap": lambda: self._view.set_wrap(not self._view.wrap),
            "logs.follow": self._follow,
            "logs.timestamps": self._toggle_times,
            "logs.container": self._container,
            "logs.swap": self._swap,
            "logs.clear": self._clear,
        }

    def search(self, text: str, *, final: bool) -> None:
        wrong = self._view.search(text)
        if final and wrong:
            self.say(wrong, Tone.WARN)

    def _next(self, *, backwards: bool = False) -> None:
        if not self._view.next_hit(backwards=backwards):
            self.say("nothing is searched for; / begins a search", Tone.DIM)

    def _copy(self) -> None:
        lines = [entry.text for entry in self._view.buffer]
        self.app.copy_to_clipboard("\n".join(lines))
        self.say(f"copied {len(lines)} lines")

    def _follow(self) -> None:
        self._view.following = not self._view.following
        self._view.grown()

    def _toggle_times(self) -> None:
        self._times = not self._times
        self._view.grown()

    def _container(self) -> None:
        count = len(self._sources)
        if count > 1:
            self._only = self._only + 1 if self._only + 1 < count else -1
            self._start()

    def _swap(self) -> None:
        self._previous = not self._previous
        self._start()

    def _clear(self) -> None:
        self._view.buffer.clear()
        self._view.grown()

    def _back(self) -> None:
        if self._view.pattern is not None:
            self._view.search("")
        else:
            super()._back()


def _stream(gateway: Gateway, source: Source, *, previous: bool, since: str) -> AsyncIterator[bytes]:
    params = {"container": source.container, "timestamps": "true"}
    params |= {"previous": "true"} if previous else {"follow": "true"}
    params |= {"sinceTime": since} if since else {"tailLines": str(TAIL)}
    return gateway.stream(PODS.path(source.namespace, source.pod, "log"), params)


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Whole lines as they come; a last line without an end is given at the end."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]
