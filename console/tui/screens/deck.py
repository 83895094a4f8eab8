"""What every screen is: header, body, prompt, crumbs and footer, and keys that go through the registry of actions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkType

from common.api.kinds import Resource
from common.api.meta import Key
from common.errors import ApiError
from console.tui.actions import BY_ID, NO_TRAITS, Action, Where, hints
from console.tui.catalogue import Unknown
from console.tui.session import Session
from console.tui.stage import Bridge
from console.tui.widgets import bars
from console.tui.widgets.banner import Banner
from console.tui.widgets.prompt import Outcome, Prompt
from console.tui.widgets.spans import Line, SpanLines
from console.views.columns import Column
from console.views.status import Tone

log = logging.getLogger(__name__)

Handler = Callable[[], "Coroutine[Any, Any, None] | None"]
NOTE_SECONDS = 6.0
LOOK_SECONDS = 0.005
VERB_LOOKS = 50  # for that long keys wait for a verb that may have a question for them
FRAME_SECONDS = 0.1  # updates are shown ten times a second: quick to the eye, easy on a slow line


@runtime_checkable
class KeyTaker(Protocol):
    """A screen that takes keys by a call."""

    def take_key(self, key: str, character: str | None) -> None: ...


class Deck(Screen[None], inherit_bindings=False):
    """Subclasses give `where`, a body, handlers by action id and what the crumbs say."""

    where: Where

    def __init__(self, session: Session) -> None:
        super().__init__(classes="plain" if session.look.ascii else None)
        self.session = session
        self._note: tuple[str, Tone] | None = None
        self._notes = 0
        self._verb: Worker[None] | None = None
        self._verb_looks = 0
        self._digests = False  # what is left of many changes, slice by slice
        self._holds = False  # a key, until it can mean what it is to mean
        self._footer: tuple[object, ...] | None = None  # what the footer was made for

    @property
    def deck_app(self) -> Bridge:
        return cast("Bridge", self.app)

    # What a screen is made of

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def handlers(self) -> Mapping[str, Handler]:
        raise NotImplementedError

    def trail(self) -> Sequence[str]:
        """The crumbs below the cluster's name."""
        raise NotImplementedError

    def standing(self) -> Line:
        """What the right end of the crumbs says."""
        return ()

    def kind(self) -> str:
        """The plural of the resource under the cursor, for actions that depend on it."""
        return ""

    def traits(self) -> frozenset[str]:
        """What that kind can do, for actions that depend on it."""
        return NO_TRAITS

    def subject(self) -> tuple[Resource, Key] | None:
        """The kind that actions are about, and the object or (without a name) the namespace; None where the user's
        rights decide nothing."""
        return None

    def denied(self) -> Mapping[str, str]:
        """By action: why the user may not do it here."""
        subject = self.subject()
        return self.session.access.denials(*subject) if subject else self.session.access.absent

    def columns(self) -> Sequence[Column]:
        """The columns whose letters sort here."""
        return ()

    def frame(self) -> None:
        """Show what changed; called ten times a second."""

    def second(self) -> None:
        """Show what changes with time."""

    def rest_focus(self) -> None:
        """Give the focus back to the body."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        look = self.session.look
        yield Banner(self.session)
        yield from self.body()
        yield Prompt(look, id="prompt")
        yield SpanLines(look, id="crumbs")
        yield SpanLines(look, id="footer", panel=True)

    def on_mount(self) -> None:
        self.rest_focus()
        self.set_interval(FRAME_SECONDS, self._frame)
        self.set_interval(1.0, self._second)
        self.call_after_refresh(self.redraw)

    @property
    def _in_sight(self) -> bool:
        """Whether it is on top, or below a dialog. Textual calls the screen below an opaque one current too."""
        return self.is_current and (self.app.screen is self or self.app.screen.is_modal)

    def _frame(self) -> None:
        if self._in_sight:
            self._digest()
            self._ask_for_access()
            self.frame()
            self.redraw()

    def _digest(self) -> None:
        """Take what changed into the figures, slice by slice as keys leave time."""
        if self.session.digest() and not self._digests:
            self._digests = self.call_later(self._digest_more)

    def _digest_more(self) -> None:
        self._digests = False
        self._digest()
        if not self._digests:
            self.redraw()

    def _ask_for_access(self) -> None:
        subject = self.subject()
        if subject is not None and self.session.access.due(subject[1].namespace):
            self.begin(partial(self.session.access.ask, subject[1].namespace), "access")

    def _second(self) -> None:
        if self._in_sight:
            self.second()

    def on_screen_resume(self) -> None:
        self.redraw()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= 30 and event.size.width >= 100, "roomy")
        self.call_after_refresh(self.redraw)

    # Header, crumbs, footer

    def redraw(self) -> None:
        """Bring header, crumbs and footer up to date; cheap when nothing changed."""
        if not self.is_mounted:
            return
        session, width = self.session, self.size.width
        self.query_one("#header", SpanLines).set_class(session.tall_header, "tall")
        self.query_one("#header", SpanLines).set_lines(self._header(width))
        told = bars.note(*self._note, width, session.look) if self._note is not None else []
        self.query_one("#crumbs", SpanLines).set_lines([told[0] if told else self._crumbs(width)])
        footer = (self._hints(), width, tuple(map(tuple, told[1:])))
        if footer != self._footer:  # it changes seldom, and measuring what fits is dear
            self._footer = footer
            lines = told[1:] or [bars.footer(footer[0], session.keys, width)]
            self.query_one("#footer", SpanLines).set_lines(lines)

    def _header(self, width: int) -> list[Line]:
        session = self.session
        now = session.clock.now()
        lost = session.lost_for()
        if session.tall_header:
            shown = [action for action in self._hints() if action.hint < bars.ALWAYS]
            return bars.tall_header(
                session.cluster, session.facts, shown, session.keys, lost=lost, now=now, width=width,
                look=session.look, read_only=session.read_only,
            )  # fmt: skip
        line = bars.header(
            session.cluster,
            session.facts,
            known=session.synced,
            lost=lost,
            now=now,
            width=width,
            look=session.look,
            read_only=session.read_only,
        )
        return [line]

    def _hints(self) -> list[Action]:
        return hints(
            self.where, self.kind(), traits=self.traits(), read_only=self.session.read_only, denied=self.denied()
        )

    def _crumbs(self, width: int) -> Line:
        return bars.crumbs([self.session.cluster, *self.trail()], self.standing(), width, self.session.look)

    def say(self, text: str, tone: Tone = Tone.OK) -> None:
        """Show a message in place of the crumbs for a few seconds."""
        self._note = (" ".join(text.split()), tone)
        self._notes += 1
        number = self._notes

        def forget() -> None:
            if self._notes == number:
                self._note = None
                self.redraw()

        self.set_timer(NOTE_SECONDS, forget)
        self.redraw()

    def hush(self) -> None:
        """What was said belongs to what was shown then."""
        self._note = None

    # Keys

    async def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._holds = True
        await self.catch_up(event.key)
        self._holds = False
        # A key may have been on its way here when a screen or dialog came on top: it was meant for that.
        top = self.app.screen
        receiver = top if isinstance(top, KeyTaker) else self
        receiver.take_key(event.key, event.character)

    async def catch_up(self, _key: str) -> None:
        """Wait a little for what the keys before this one began: who types ahead answers a dialog that is not there
        yet, and must not be taken to mean what is below it."""
        while self._verb and not self._verb.is_finished and self._verb_looks and self.app.screen is self:
            self._verb_looks -= 1
            await asyncio.sleep(LOOK_SECONDS)

    def take_key(self, key: str, character: str | None) -> None:
        """Do what a key means here."""
        prompt = self.query_one(Prompt)
        if prompt.display:
            self._prompt_took(prompt, prompt.take_key(key, character))
            return
        action = self.session.keys.lookup(key, self.where, self.kind(), self.traits())
        if action is not None:
            self.run_action_of(action)
        else:
            self.other_key(key)

    def on_paste(self, event: events.Paste) -> None:
        prompt = self.query_one(Prompt)
        if prompt.display:
            event.stop()
            prompt.paste(event.text)
            self._prompt_took(prompt, Outcome.CHANGED)

    def other_key(self, _key: str) -> bool:
        """A key that no action has; whether it was used."""
        return False

    def run_action_of(self, action: Action) -> None:
        """Do what an action says; the palette comes here too."""
        if action.writes and self.session.read_only:
            again = self.session.keys.label(BY_ID["read-only"])
            self.say(f"{action.title}: this console is read-only; {again} ends that", Tone.WARN)
            return
        denial = self.denied().get(action.id)
        if denial:
            self.say(f"{action.title}: {denial}", Tone.WARN)
            return
        handler = {**self._own_handlers(), **self.handlers()}.get(action.id)
        if handler is None:
            return
        log.debug("action %s", action.id)
        work = handler()
        if work is not None:
            self.perform(work)

    def perform(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a verb beside the screen; keys wait a little for it."""
        self._verb_looks = VERB_LOOKS
        self._verb = self.run_worker(self.guarded(work), group="verbs", exit_on_error=False)

    def begin(self, work: WorkType[None], group: str, *, exclusive: bool = False) -> None:
        """Run it beside the screen; an exclusive one stands in place of the earlier one of its group.

        It takes a function, called in its turn: a coroutine would be left unstarted when the screen closes before.
        """
        self.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)

    async def guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a verb; what the API refuses is shown, with its reason."""
        try:
            await work
        except (ApiError, OSError, ValueError) as error:
            self.say(getattr(error, "message", "") or str(error), Tone.BAD)

    def _own_handlers(self) -> dict[str, Handler]:
        return {
            "command": lambda: self.prompt(":"),
            "help": self._help,
            "header": self._toggle_header,
            "palette": self.app.action_command_palette,
            "quit": self.app.exit,
            "back": self._back,
            "read-only": self._toggle_read_only,
        }

    def _toggle_header(self) -> None:
        self.session.tall_header = not self.session.tall_header
        self.redraw()

    def _toggle_read_only(self) -> None:
        read_only = not self.session.read_only
        self.session.bind(read_only=read_only)
        self.say(
            "read-only: the API refuses what would change the cluster" if read_only else "changes are possible again"
        )

    def _help(self) -> None:
        from .help import Help

        found = (self.where, self.kind(), self.traits(), self.denied(), self.columns())
        self.app.push_screen(Help(self.session, *found))

    def _back(self) -> None:
        self.app.pop_screen()

    # Prompt

    def prompt(self, sign: str, text: str = "") -> None:
        """Open the prompt; `:` completes over everything the API serves."""
        session = self.session

        def complete(typed: str) -> list[str]:
            return session.catalogue.complete(typed, session.namespaces())

        self.query_one(Prompt).open(sign, text, complete if sign == ":" else None)
        self.query_one("#crumbs").display = False

    def _prompt_took(self, prompt: Prompt, outcome: Outcome) -> None:
        """Act on what was typed, before the next key is looked at."""
        text = prompt.line.text
        if outcome in {Outcome.CANCELLED, Outcome.SUBMITTED}:
            self.query_one("#crumbs").display = True
        if outcome is Outcome.NOTHING:
            return
        if prompt.sign != ":":
            cancelled = outcome is Outcome.CANCELLED
            typed = self.search if prompt.sign == "/" else self.narrow
            typed("" if cancelled else text, final=outcome is not Outcome.CHANGED)
        elif outcome is Outcome.SUBMITTED:
            try:
                self.deck_app.execute(text)
            except (Unknown, ValueError) as error:
                self.say(str(error), Tone.BAD)

    def search(self, text: str, *, final: bool) -> None:
        """`/` was typed into; screens that filter or search override this."""

    def narrow(self, text: str, *, final: bool) -> None:
        """`&` was typed into; screens that show less of a text override this."""
