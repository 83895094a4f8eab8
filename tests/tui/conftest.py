"""Running the console in tests: a seeded cluster, a clock that stands still, and pictures as text."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import textual.screen
from textual import events
from textual._context import visible_screen_stack
from textual.geometry import Size
from textual.pilot import Pilot
from textual.strip import Strip

from console.tui.app import UPDATE_PERIOD, QuarterdeckApp
from console.tui.keymap import Keymap
from console.tui.palette import Look
from console.tui.screens import deck
from console.tui.screens.browse import Browse
from console.tui.screens.deck import Deck
from tests.tui.fleet import Fleet

textual.screen.UPDATE_PERIOD = UPDATE_PERIOD  # as `run_tui` sets it
deck.NOTE_SECONDS = 3600.0  # what is said stays, however slow the machine is
gc.freeze()  # what is loaded stays: a console makes enough for the collector to look through as it is
SIZES = {"60x20": (60, 20), "80x24": (80, 24), "120x36": (120, 36), "200x50": (200, 50)}


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:
    """The header shows local time: here that is UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


class _Ran(logging.Handler):
    """The ids of the actions that the console ran."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.ids: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "action %s" and record.args:
            self.ids.add(str(record.args[0]))


@pytest.fixture(autouse=True)
def _runs_the_actions_that_it_names(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test with the mark `actions` must have run each of them: otherwise it holds nothing of what it says."""
    logger = logging.getLogger("console.tui.screens.deck")
    level, ran = logger.level, _Ran()
    logger.addHandler(ran)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(ran)
        logger.setLevel(level)
    mark = request.node.get_closest_marker("actions")
    assert mark is None or set(mark.args) <= ran.ids, f"{set(mark.args) - ran.ids} was not run"


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().fill()


_CHARACTERS = {
    "space": " ", "minus": "-", "plus": "+", "slash": "/", "colon": ":", "full_stop": ".", "exclamation_mark": "!",
    "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]", "equals_sign": "=",
}  # fmt: skip
_KEYS = {character: key for key, character in _CHARACTERS.items()}


class Console:
    """A running console: keys in, text out."""

    def __init__(self, app: QuarterdeckApp, pilot: Pilot[None], fleet: Fleet) -> None:
        self.app = app
        self.pilot = pilot
        self.fleet = fleet

    @property
    def screen(self) -> Deck:
        screen = self.app.screen
        assert isinstance(screen, Deck)
        return screen

    @property
    def browse(self) -> Browse:
        return self.app.browse()

    async def idle(self) -> None:
        """Wait until no widget has a message left and no screen a layout to do: what was under way has arrived."""
        quiet = 0
        for _ in range(5000):
            await asyncio.sleep(0)
            quiet = 0 if await self._busy() else quiet + 1
            if quiet >= 12:
                return
        raise AssertionError("the console does not come to rest")

    async def _busy(self) -> bool:
        screens = self.app.screen_stack
        nodes = [self.app, *screens, *(node for screen in screens for node in screen.walk_children())]
        if any(screen._holds for screen in screens if isinstance(screen, Deck)):
            await asyncio.sleep(0.002)  # a key waits for rows or for a dialog
            return True
        if any(not node._message_queue.empty() for node in nodes):
            return True
        # Questions under way; verbs are left out, as they wait for the answer to a dialog.
        if any(not worker.is_finished for worker in self.app.workers if worker.group not in {"verbs", "default"}):
            await asyncio.sleep(0.002)
            return True
        screen = self.app.screen
        if not screen.children or not all(node.is_mounted for node in (screen, *screen.walk_children())):
            await asyncio.sleep(0.002)  # it was put on top just now and is not made yet
            return True
        if screen._layout_required or screen._scroll_required or screen._dirty_widgets or screen._callbacks:
            await asyncio.sleep(0.002)  # the screen's own timer does these
            return True
        return False

    async def resize(self, size: str) -> None:
        """Another size of the terminal."""
        new = Size(*SIZES[size])
        driver = self.app._driver
        assert driver is not None
        driver._size = (new.width, new.height)
        self.app.post_message(events.Resize(new, new))
        shown = (self.app.screen, *self.app._background_screens)
        for turn in range(60_000):
            late = [screen for screen in shown if not screen.size == new == screen._compositor.size]
            if not late:
                return await self.settle()
            if turn % 1000 == 999:  # a screen may have been told while it was busy becoming another size
                for screen in late:
                    screen.post_message(events.Resize(new, new))
            await asyncio.sleep(0.001)
        found = [(type(screen).__name__, screen.size, screen._compositor.size) for screen in shown]
        raise AssertionError(f"the console does not become {size}: {found}")

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what runs beside the console's loop, in threads."""
        async with asyncio.timeout(60):
            while not holds():
                await self.settle()
                await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Let what is in flight arrive and be shown; a second time for what that sets off."""
        for _ in range(2):
            await self.idle()
            if isinstance(self.app.screen, Deck):
                self.app.screen._frame()
                self.app.screen._second()
                self.app.screen.redraw()
        await self.idle()

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.burst(key)

    async def burst(self, *keys: str) -> None:
        """Keys that arrive together, as from a paste or over a slow line."""
        self.send(*keys)
        await self.settle()

    def send(self, *keys: str) -> None:
        """Keys, whatever becomes of them."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            event = events.Key(key, _CHARACTERS.get(key, key if len(key) == 1 else None))
            event.set_sender(self.app)
            driver.send_message(event)

    async def type(self, text: str) -> None:
        await self.press(*(_KEYS.get(letter, letter) for letter in text))

    async def goto(self, command: str) -> None:
        """Type it after a colon."""
        await self.press("colon")
        await self.type(command)
        await self.press("enter")

    def strips(self) -> list[Strip]:
        """The screen line by line; what stands behind a dialog shows through it."""
        token = visible_screen_stack.set(self.app._background_screens)
        try:
            return self.app.screen._compositor.render_strips()
        finally:
            visible_screen_stack.reset(token)

    def text(self) -> str:
        """The screen as characters."""
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in self.strips())

    def names(self) -> list[str]:
        """The names in the table, in order."""
        return [row.key.name for row in self.browse.table.model.rows]

    def note(self) -> str:
        """What the console says in place of the crumbs."""
        found = self.screen._note
        return found[0] if found else ""


@asynccontextmanager
async def running(
    fleet: Fleet, size: str = "120x36", *, look: Look | None = None, keys: Keymap | None = None
) -> AsyncIterator[Console]:
    app = QuarterdeckApp(lambda: fleet.gateway, cluster="homelab", clock=fleet.clock, look=look, keys=keys)
    async with app.run_test(size=SIZES[size]) as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        yield console
