"""Actions that other packages bring: typed in the command bar, done to the marked rows of a table.

They have words rather than keys, so that no package takes a key from another, or from its user.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError
from console.views.status import Tone

from .screens.dialogs import Confirm, wrapped
from .session import Session
from .stage import TableStage

log = logging.getLogger(__name__)
_WIDTH = 50  # cells of a dialog on a screen of 60 columns


@dataclass(frozen=True, slots=True)
class Act:
    """`word` is what is typed after `:`, `aliases` other words for it; `kinds` are the plural names of what it is for,
    empty for all. `act` gets the session, the marked objects (or the one under the cursor) and the words typed behind
    the word; what it returns is said below the table. `asks` is a question that is asked first; `writes`: it is not
    done while the console is read-only."""

    word: str
    help: str
    act: Callable[[Session, Sequence[Object], Sequence[str]], Awaitable[str]]
    kinds: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    asks: str = ""
    writes: bool = True


def check(act: Act, table: TableStage) -> None:
    """Raises ValueError, whose message is shown, when the act cannot be done here."""
    shown = table.view.resource.plural
    if act.kinds and shown not in act.kinds:
        raise ValueError(f":{act.word} is for {', '.join(sorted(act.kinds))}, and these are {shown}")
    if act.writes and table.session.read_only:
        raise ValueError(f":{act.word}: this console is read-only")
    if not table.targets():
        raise ValueError(f":{act.word}: there is nothing here to do it to")


async def perform(act: Act, table: TableStage, words: Sequence[str]) -> None:
    """Ask where it must be asked, do it, and say what was done."""
    objects = table.targets()
    if act.asks:
        names = ", ".join(meta.name(obj) for obj in objects)
        body = [*wrapped(act.asks, _WIDTH, Tone.BRIGHT), *wrapped(names, _WIDTH)]
        if not await table.app.push_screen_wait(Confirm(table.session.look, act.word, body, "Do it")):
            return
    said = await act.act(table.session, objects, words)
    table.say(said or f":{act.word} is done")


def guarded(act: Act, origin: str) -> Act:
    """What foreign code raises is said below the table and ends nothing."""

    async def attempt(session: Session, objects: Sequence[Object], words: Sequence[str]) -> str:
        try:
            return await act.act(session, objects, words)
        except (ApiError, OSError, ValueError):
            raise
        except Exception as error:
            log.exception("action %s of %s failed", act.word, origin)
            raise ValueError(f":{act.word} of {origin} failed: {type(error).__name__}: {error}") from error

    return replace(act, act=attempt)
