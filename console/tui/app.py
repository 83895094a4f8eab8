"""The console as an application: made of a client, it opens on the pods of all namespaces."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import textual.screen
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.worker import WorkType

from common.api import kinds
from common.api.kinds import Resource
from common.clock import Clock, SystemClock
from common.errors import ApiError
from common.limits import collect_when_told
from common.settings import Home
from console import editor, plugins

from . import acts, ours, shell
from . import view as views
from .access import Access
from .actions import BY_ID
from .acts import Act
from .aside import Aside, Forwards
from .catalogue import Catalogue
from .clusters import Cluster
from .colours import Palette
from .favourites import FILE as FAVOURITES_FILE
from .favourites import Favourites
from .feeds import Feeds
from .gateway import Connect
from .keymap import Keymap
from .keymap import load as load_keymap
from .looks import Settings, choose
from .looks import load as load_settings
from .machines import Machines
from .pages import PAGES, PLUGINS, Page, with_plugins, words_of
from .palette import Look
from .palette_commands import ActionCommands
from .plain import Plain
from .screens.browse import Browse
from .session import Session
from .thrift import Terminal
from .tidying import Tidying
from .view import View

DISCOVER_AGAIN_SECONDS = 30.0  # unless a definition says before that there are other kinds now
LOOK_SECONDS = 0.5
# The compositor's own 60 Hz timer would delay the repaint after a key by a frame or two.
UPDATE_PERIOD = 1 / 240


class QuarterdeckApp(App[Cluster], inherit_bindings=False):
    """`connect` makes clients; the app makes one for itself and the shell one for its thread. It returns the cluster
    that the user wants to see next."""

    TITLE = "quarterdeck"
    CSS_PATH = "quarterdeck.tcss"
    ENABLE_COMMAND_PALETTE = False  # would bind ctrl+p for good: our own action opens it, by whatever key it has
    COMMANDS = {ActionCommands}  # noqa: RUF012 - Textual's own way

    def __init__(
        self,
        connect: Connect,
        *,
        cluster: str,
        clock: Clock | None = None,
        look: Look | None = None,
        keys: Keymap | None = None,
        first: Resource = kinds.PODS,
        pages: Mapping[str, Page | Act] = PAGES,
        machines: Machines | None = None,
        read_only: bool = False,
        clusters: Sequence[Cluster] = (),
        favourites: Favourites | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__()
        clock = clock or SystemClock()
        gateway = connect()
        aside = Aside(connect)
        self.session = Session(
            gateway=gateway,
            connect=connect,
            clock=clock,
            look=look or Look(),
            keys=keys or Keymap(),
            cluster=cluster,
            feeds=Feeds(gateway, clock),
            catalogue=Catalogue(words_of(pages)),
            access=Access(gateway, clock),
            aside=aside,
            forwards=Forwards(aside),
            machines=machines,
            clusters=tuple(clusters),
            favourites=favourites or Favourites(None, cluster),
            settings=settings or Settings(),
        )
        self.session.bind(read_only=read_only)
        self.use_command_palette = True
        self._first = first
        self._pages = pages
        self.animation_level = "none"
        self._plain, self._colourless = Plain(), NoColor()
        self._terminal = Terminal()
        self._tidying = Tidying(clock)
        # Before the stylesheet is read: it uses the theme's variables.
        self.wear(self.session.look.palette)

    def wear(self, palette: Palette) -> None:
        """Put a theme on: what is on the screen is drawn anew in its colours."""
        self.session.look.palette = palette
        theme = palette.theme()
        self.register_theme(theme)
        self.theme = theme.name
        for screen in self.screen_stack if self.is_running else ():
            for widget in (screen, *screen.walk_children()):
                widget.refresh()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            renderable = self._terminal.thrifty(renderable, self.size)
        super()._display(screen, renderable)

    def repaint(self) -> None:
        """Draw everything anew, for a terminal on which something else has written."""
        self._terminal.forget()
        self.refresh(layout=True)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual turns colours into greys with NO_COLOR, which are colours too: our own theme for it has none."""
        found = [item for item in super().get_line_filters() if not isinstance(item, Monochrome)]
        look = self.session.look
        return [*found, *[self._colourless] * look.palette.reverse, *[self._plain] * look.ascii]

    async def on_event(self, event: events.Event) -> None:
        """What was typed before the terminal was ours has a line feed where enter was pressed."""
        if isinstance(event, events.InputEvent):
            self._tidying.touched()
        if isinstance(event, events.Key) and event.key == "ctrl+j":
            event = events.Key("enter", "\r")
        await super().on_event(event)

    def on_mount(self) -> None:
        self.session.start()
        self.app_resume_signal.subscribe(self, lambda _app: self._terminal.forget())
        self.push_screen(Browse(self.session, views.opening(self._first)))
        beside: tuple[WorkType[None], ...] = (self._learn_kinds, self._tidying.run)
        for work in beside:
            self.run_worker(work, exit_on_error=False)

    async def _learn_kinds(self) -> None:
        session = self.session
        while True:
            with contextlib.suppress(ApiError, OSError):
                session.catalogue = Catalogue(words_of(self._pages), await session.gateway.discover())
                session.access.elsewhere = not session.catalogue.ours
            end = session.clock.monotonic() + DISCOVER_AGAIN_SECONDS
            while not session.kinds_changed() and session.clock.monotonic() < end:
                await session.clock.sleep(LOOK_SECONDS)

    async def on_unmount(self) -> None:
        await self.session.forwards.close()
        await self.session.aside.close()
        await self.session.feeds.close()
        await self.session.gateway.close()

    def browse(self) -> Browse:
        """The table below whatever is on top of it."""
        return next(screen for screen in self.screen_stack if isinstance(screen, Browse))

    def go_to_cluster(self, name: str) -> None:
        """Leave this cluster for another one; ValueError says why there is no way to it."""
        wanted = next(item for item in self.session.clusters if item.name == name)
        wanted.reach()
        self.exit(wanted)

    def execute(self, text: str) -> None:
        """Do what was typed after `:`; raises `catalogue.Unknown` or ValueError when it means nothing."""
        command = self.session.catalogue.resolve(text)
        missing = "" if self.session.catalogue.ours else ours.missing(command.resource, command.word)
        if missing:
            raise ValueError(f":{text.split()[0]}: {missing}")
        if command.word == "quit":
            self.exit()
        elif command.word == "help":
            self.browse().run_action_of(BY_ID["help"])
        elif command.resource is not None:
            discover = text.split()[0].lower() == "discover"
            table = self.session.table_of(command.resource)
            view = views.discovered() if discover else views.opening(command.resource, command.namespaces, table)
            view.query = command.query
            self._go(view)
        elif isinstance(page := self._pages.get(command.word), Act):
            self._act(page, command.arguments)
        elif page is not None:
            screen = page.open(self.session, command.arguments)
            self._back_to_table()
            self.push_screen(screen)

    def _act(self, act: Act, words: Sequence[str]) -> None:
        browse = self.browse()
        acts.check(act, browse)
        self._back_to_table()
        self.run_worker(browse.guarded(acts.perform(act, browse, words)), group="verbs", exit_on_error=False)

    def _go(self, view: View) -> None:
        self._back_to_table()
        self.browse().go(view)

    def _back_to_table(self) -> None:
        while not isinstance(self.screen, Browse):
            self.pop_screen()

    def _must_have_terminal(self) -> None:
        if self._driver is not None and not self._driver.can_suspend and not self.is_headless:
            raise ValueError("a browser has no terminal for this: do it in the console in a terminal")

    async def leave_for(self, wish: shell.Wish) -> shell.Ended:
        """Lend the terminal to a container or host and come back; ValueError when there is none to lend."""
        self._must_have_terminal()
        with self.suspend(), self.batch_update():
            print(f"\x1b[2J\x1b[H{wish.label}\r")  # noqa: T201
            return await asyncio.to_thread(shell.run, self.session.connect, wish)

    async def leave_for_editor(self, content: bytes, name: str) -> bytes:
        """Lend the terminal to the user's editor; the text as it left it. Raises `editor.EditFailed`, and ValueError
        when there is no terminal to lend."""
        self._must_have_terminal()
        with self.suspend(), self.batch_update():
            return await asyncio.to_thread(editor.edit, content, name)


def run_tui(
    clusters: Sequence[Cluster],
    home: Home,
    *,
    environment: Mapping[str, str] = os.environ,
    ascii_only: bool = False,
    theme: str = "",
    mouse: bool = True,
    first: Resource = kinds.PODS,
    read_only: bool = False,
) -> int:
    """Run the console on the first cluster, then on those that the user goes to, until the user leaves.

    Raises `keymap.KeymapError` and `looks.LookError` for bad files of keys and colours, ValueError when there is no
    way to the first cluster.
    """
    settings = load_settings(home.path)
    look = choose(environment, settings, theme=theme, ascii_only=ascii_only)
    keys = load_keymap(home.path)
    textual.screen.UPDATE_PERIOD = UPDATE_PERIOD  # type: ignore[misc]  # there is no other way to set it
    collect_when_told()
    pages = with_plugins(plugins.load(PLUGINS))
    shown: Cluster | None = clusters[0]
    while shown is not None:
        app = QuarterdeckApp(
            shown.reach(),
            cluster=shown.name,
            look=look,
            keys=keys,
            first=first,
            pages=pages,
            machines=shown.machines,
            read_only=read_only,
            clusters=clusters,
            favourites=Favourites(home.path / FAVOURITES_FILE, shown.name),
            settings=settings,
        )
        shown = app.run(mouse=mouse)
        read_only = app.session.read_only
        if app.return_code:
            return app.return_code
    return 0
