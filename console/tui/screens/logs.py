"""Logs as they are written: many containers at once, followed, searched, narrowed and saved, in bounded memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from textual.widget import Widget

from common.aio import Tasks
from common.api import meta, selectors
from common.api.kinds import PODS
from common.api.meta import Object
from common.files import write_atomic
from console.tui.actions import Where
from console.tui.feeds import Subscription
from console.tui.logs.feed import LogFeed
from console.tui.logs.ranges import RANGES
from console.tui.logs.sources import Choice, labels
from console.tui.logs.store import ALL_SOURCES, LEVELS, LogStore
from console.tui.session import Session
from console.tui.widgets.buffer import Entry
from console.tui.widgets.spans import Line, Span
from console.tui.widgets.text_view import TextView
from console.views.loglines import Level, level_of
from console.views.status import Tone

from .deck import Deck, Handler
from .dialogs import Ask, wrapped

_MOVES = ("down", "up", "top", "bottom", "page-down", "page-up")
_TONES = {
    Level.TRACE: Tone.DIM, Level.DEBUG: Tone.DIM, Level.WARN: Tone.WARN, Level.ERROR: Tone.BAD, Level.FATAL: Tone.BAD,
}  # fmt: skip
_SOURCE_TONES = (Tone.LINK, Tone.OK, Tone.LEAVING, Tone.KEY, Tone.BUSY)
_SIGNS, _ASCII_SIGNS = "●◆▲■★✚◐", "o*^#@+%"
FLOOD_SECONDS = 0.4
WIDEST = 24  # cells of a source's name
_DIALOG = 50


class LogsScreen(Deck):
    """Containers of the chosen pods, read side by side; tab shows one after the other."""

    where = Where.LOGS

    def __init__(self, session: Session, trail: Sequence[str], choice: Choice, *, previous: bool = False) -> None:
        super().__init__(session)
        self._trail = list(trail)
        self._choice = choice
        self._previous = previous
        self._range = RANGES[0]
        self._times = False
        self._labels: list[str] = []
        self._width = 0
        self._news = 0  # lines that are not shown yet
        self._shown = float("-inf")  # when lines were shown last
        self._pods: Subscription | None = None
        self._store = LogStore()
        self._feed: LogFeed | None = None
        self._tasks = Tasks("logs")
        self._view = TextView(self._store.shown, session.look, self._paint)
        self._view.following = True
        self._view.add_class("framed")

    def body(self) -> Iterable[Widget]:
        yield self._view

    def on_mount(self) -> None:
        self._start()

    async def on_unmount(self) -> None:
        if self._pods is not None:
            self._pods.close()
        if self._feed is not None:
            await self._feed.close()
        await self._tasks.close()

    def rest_focus(self) -> None:
        self._view.focus()

    # Reading

    def _start(self) -> None:
        """Read everything that was chosen anew; what older streams still send is not shown."""
        if self._feed is not None:
            self._tasks.start("close", self._feed.close())
        if self._pods is not None:
            self._pods.close()
        session = self.session
        self._feed = LogFeed(session.gateway, session.clock, self._choice, self._range, previous=self._previous)
        self._pods = session.feeds.open(PODS)
        self._labels = []
        self._store.clear()
        self._store.show_only(ALL_SOURCES)
        self._view.following = self._range.follows
        self._changed()
        self.frame()

    def frame(self) -> None:
        if self._feed is None or self._pods is None:
            return
        if self._pods.waiting:
            self._feed.look(self._pods.take(self._pods.waiting))
        entries = self._feed.take()
        if len(self._feed.sources) != len(self._labels):
            self._labels = labels(self._feed.sources)
            self._width = min(max(len(label) for label in self._labels), WIDEST)
            self._view.repaint()
        if entries:
            self._store.extend(entries)
            self._news += len(entries)
        self._show_news()
        self._title()

    def _show_news(self) -> None:
        """Lines that fill the screen faster than it is drawn are shown now and then: nobody can read them anyway."""
        now = self.session.clock.monotonic()
        if self._news and (self._news < self._view.size.height or now - self._shown >= FLOOD_SECONDS):
            self._news, self._shown = 0, now
            self._view.grown()

    @property
    def lines_read(self) -> int:
        """How many lines were read since the screen was opened, those included that are forgotten."""
        return self._store.kept.end

    # Drawing

    def _paint(self, entry: Entry) -> Line:
        line: list[Span] = []
        if self._times:
            moment = entry.time[:23].replace("T", " ")
            line.append((" " * 24 if entry.more else f"{moment:<23} ", Tone.DIM))
        side_by_side = len(self._labels) > 1 and self._store.only == ALL_SOURCES
        if side_by_side:
            line.append(self._mark(entry.source, more=entry.more))
        if entry.note:
            dash = "--" if self.session.look.ascii else "──"
            label = "" if side_by_side else f"{self._labels[entry.source]} "
            return [*line, (f"{dash} {label}{entry.text} {dash}", Tone.DIM)]
        return [*line, (entry.text, _TONES.get(level_of(entry.text), Tone.TEXT))]

    def _mark(self, source: int, *, more: bool) -> Span:
        """Sign, colour and name: each alone tells a few sources apart."""
        look = self.session.look
        signs = _ASCII_SIGNS if look.ascii else _SIGNS
        tone = _SOURCE_TONES[source % len(_SOURCE_TONES)]
        label = "" if more else self._labels[source]
        if len(label) > self._width:
            label = f"{label[: self._width // 2 - 1]}{look.ellipsis}{label[-(self._width - self._width // 2) :]}"
        return f"{' ' if more else signs[source % len(signs)]} {label:<{self._width}} ", tone

    def _title(self) -> None:
        title = f" {self.session.look.dot} ".join(self._words()).replace("[", "\\[")
        if self._view.border_title != title:
            self._view.border_title = title

    def _words(self) -> list[str]:
        store, feed = self._store, self._feed
        if store.only != ALL_SOURCES:
            what = self._labels[store.only]
        elif len(self._labels) == 1 and feed is not None:
            what = feed.sources[0].container
        else:
            what = f"{len(self._labels)} containers" if self._labels else self._choice.label
        words = ["Logs", what, self._range.title]
        words += ["previous"] * self._previous
        words += [f"{store.level.name.lower()} and worse"] if store.level else []
        words += [f"&{store.filter}"] if store.filter else []
        return [*words, "following" if self._view.following else "stopped"]

    def trail(self) -> Sequence[str]:
        return self._trail

    def standing(self) -> Line:
        if self._view.pattern is not None:
            return [(f"{self._view.hits()} lines have it ", Tone.KEY)]
        feed, store = self._feed, self._store
        if feed is None or not self._labels:
            return [("nothing has started ", Tone.DIM)]
        if feed.left_out:
            return [(f"{feed.left_out} containers more are not read: narrow it ", Tone.WARN)]
        if feed.told and not feed.reading:
            return [(f"{feed.told[:60]} ", Tone.WARN)]
        shown, kept = len(store.shown), len(store.kept)
        return [(f"{shown} of {kept} lines " if store.narrowed else f"{shown} lines ", Tone.DIM)]

    # Actions

    def handlers(self) -> Mapping[str, Handler]:
        moves: dict[str, Handler] = {f"cursor.{where}": partial(self._view.navigate, where) for where in _MOVES}
        ranges: dict[str, Handler] = {f"logs.range.{digit}": partial(self._read, digit) for digit in range(len(RANGES))}
        return moves | ranges | {
            "search": lambda: self.prompt("/"),
            "search.next": self._next,
            "search.previous": partial(self._next, backwards=True),
            "copy": self._copy,
            "text.wrap": lambda: self._view.set_wrap(not self._view.wrap),
            "logs.follow": self._follow,
            "logs.filter": lambda: self.prompt("&", self._store.filter),
            "logs.level": self._level,
            "logs.json": self._json,
            "logs.timestamps": self._toggle_times,
            "logs.container": self._container,
            "logs.swap": self._swap,
            "logs.clear": self._clear,
            "logs.save": self._save,
        }  # fmt: skip

    def search(self, text: str, *, final: bool) -> None:
        wrong = self._view.search(text)
        if final and wrong:
            self.say(wrong, Tone.WARN)

    def narrow(self, text: str, *, final: bool) -> None:
        wrong = self._store.show_with(text)
        self._changed()
        if final and wrong:
            self.say(wrong, Tone.WARN)

    def _changed(self) -> None:
        """Other lines are shown."""
        self._view.show(self._store.shown, self._paint)
        self._title()

    def _next(self, *, backwards: bool = False) -> None:
        if not self._view.next_hit(backwards=backwards):
            self.say("nothing is searched for; / begins a search", Tone.DIM)

    def _copy(self) -> None:
        self.app.copy_to_clipboard(self._text())
        self.say(f"copied {len(self._store.shown)} lines")

    def _text(self) -> str:
        """What is shown, as text: times and sources as they are shown."""
        return "\n".join("".join(text for text, _ in self._paint(entry)).rstrip() for entry in self._store.shown)

    def _read(self, digit: int) -> None:
        self._range = RANGES[digit]
        self._start()

    def _follow(self) -> None:
        self._view.following = not self._view.following
        self._view.grown()

    def _level(self) -> None:
        self._store.show_from(LEVELS[(LEVELS.index(self._store.level) + 1) % len(LEVELS)])
        self._changed()

    def _json(self) -> None:
        self._store.show_spread(not self._store.spread)
        self._changed()

    def _toggle_times(self) -> None:
        self._times = not self._times
        self._view.repaint()

    def _container(self) -> None:
        count = len(self._labels)
        if count > 1:
            self._store.show_only(self._store.only + 1 if self._store.only + 1 < count else ALL_SOURCES)
            self._changed()

    def _swap(self) -> None:
        self._previous = not self._previous
        self._start()

    def _clear(self) -> None:
        self._store.clear()
        self._changed()

    async def _save(self) -> None:
        """What is shown, as it is shown, to a new file."""
        moment = self.session.clock.now().strftime("%Y%m%d-%H%M%S")
        name = re.sub(r"[^\w.-]+", "-", self._choice.label)
        body = wrapped(f"{len(self._store.shown)} lines, to a new file of this machine:", _DIALOG)
        answer = await self.app.push_screen_wait(
            Ask(self.session.look, "Save logs", body, f"./{name}-{moment}.log", check=_wrong_path)
        )
        if answer is None:
            return
        path = Path(answer).expanduser().absolute()  # noqa: ASYNC240 - looks at the environment alone
        data = (self._text() + "\n").encode()
        await asyncio.to_thread(_write_new, path, data)
        self.say(f"saved to {path}")

    def _back(self) -> None:
        if self._view.pattern is not None:
            self._view.search("")
        elif self._store.filter:
            self.narrow("", final=True)
        else:
            super()._back()


def _wrong_path(text: str) -> str:
    return "" if text.strip() else "a path is needed here"


def _write_new(path: Path, data: bytes) -> None:
    """Logs may tell secrets: the file is the user's alone. OSError when there is a file already, or no folder."""
    if path.exists():
        raise FileExistsError(f"{path} exists already; nothing was written")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder of this machine")
    write_atomic(path, data)


def opened(session: Session, words: Sequence[str]) -> LogsScreen:
    """`:logs app=web,tier!=db [NAMESPACE]`; ValueError says what is meant by it."""
    if not 1 <= len(words) <= 2:
        raise ValueError(":logs takes labels and perhaps a namespace: `:logs app=web default`")
    selector, space = selectors.parse(words[0]), words[1] if len(words) > 1 else ""

    def chosen(pod: Object) -> bool:
        return space in {"", meta.namespace(pod)} and selector.matches(meta.labels(pod))

    return LogsScreen(session, [space or "all", words[0], "logs"], Choice(words[0], chosen))
