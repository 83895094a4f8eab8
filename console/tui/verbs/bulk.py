"""One verb on several objects: one after the other, saying how far it is, whatever becomes of one of them, and noted
so that `U` takes all of it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError
from console.tui.screens.dialogs import wrapped
from console.tui.session import Written
from console.tui.stage import Stage
from console.tui.widgets.spans import Line
from console.views.status import Tone

NARROWEST = 50  # cells of a dialog on a screen of 60 columns
LISTED = 8  # names in a dialog; more are counted
PROGRESS_SECONDS = 0.5


async def each(
    stage: Stage, targets: Sequence[Object], work: Callable[[Object], Awaitable[Object | None]], doing: str, done: str
) -> int:
    """Do it to each; how many were done. `work` may return what it made, which is then what can be taken back. `doing`
    and `done` are said with the names behind them, or with `{}` where the names belong."""
    written: list[Object] = []
    failures: list[str] = []
    clock = stage.session.clock
    said = clock.monotonic()
    for count, obj in enumerate(targets):
        if clock.monotonic() - said >= PROGRESS_SECONDS:
            said = clock.monotonic()
            stage.say(f"{filled(doing, meta.name(obj))}: {count + 1} of {len(targets)}", Tone.BUSY)
        try:
            made = await work(obj)
        except (ApiError, OSError, ValueError) as error:
            failures.append(f"{meta.name(obj)}: {getattr(error, 'message', '') or error}")
        else:
            written.append(obj if made is None else made)
    names = listed_names(written)
    if written:
        stage.session.written = Written(filled(done, names), tuple(written))
    if not failures:
        stage.say(filled(done, names))
    elif len(targets) == 1:
        stage.say(failures[0].partition(": ")[2], Tone.BAD)
    else:
        stage.say(f"{len(written)} of {len(targets)} done; {failures[0]}", Tone.BAD)
    return len(written)


def filled(phrase: str, names: str) -> str:
    return phrase.replace("{}", names) if "{}" in phrase else f"{phrase} {names}"


def listed_names(targets: Sequence[Object]) -> str:
    """The first names, and how many more there are."""
    names = [meta.name(obj) for obj in targets]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def listed(targets: Sequence[Object]) -> list[Line]:
    """The objects of a dialog, a line each, with an empty line behind them."""
    lines: list[Line] = []
    for obj in targets[:LISTED]:
        lines += wrapped(str(meta.key(obj)), NARROWEST, Tone.BRIGHT)
    if len(targets) > LISTED:
        lines.append([(f"and {len(targets) - LISTED} more", Tone.DIM)])
    return [*lines, []]
