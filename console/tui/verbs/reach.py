"""Verbs that reach into pods: port-forwards, and files and folders to and from containers."""

from __future__ import annotations

import asyncio
import posixpath
from dataclasses import replace
from pathlib import Path

from common.aio import Tasks
from common.api import debugging, kinds, meta
from common.api.meta import Key, Object
from common.errors import ApiError
from console.streams import ports
from console.streams.copy import CopyFailed, Remote, download, upload
from console.streams.execute import Place
from console.streams.ports import NoTarget
from console.streams.progress import Progress, size_of
from console.tui import operations
from console.tui import shell as shells
from console.tui.gateway import Gateway, reread
from console.tui.screens.dialogs import Ask, Choose, wrapped
from console.tui.screens.forwards import ForwardsScreen
from console.tui.stage import TableStage
from console.tui.widgets.spans import Line
from console.views.amounts import size
from console.views.status import Tone

from .inside import container_under

_WIDTH = 50  # cells of a dialog on a screen of 60 columns
PROGRESS_SECONDS = 0.5
LOOK_SECONDS = 0.5  # between two looks whether a debugger runs
START_SECONDS = 300.0  # an image may be large
_DIRECTIONS: list[Line] = [
    [("from the container to this machine", Tone.TEXT)],
    [("from this machine to the container", Tone.TEXT)],
]


async def forwards(browse: TableStage) -> None:
    browse.app.push_screen(ForwardsScreen(browse.session))


async def forward(browse: TableStage) -> None:
    """Ask for the ports, then listen until the console ends."""
    obj = browse.current()
    if obj is None:
        return
    resource = browse.view.resource
    known = ports.offered({**obj, "kind": resource.kind})
    body = [
        *wrapped(f"{resource.kind.lower()}/{meta.name(obj)}", _WIDTH, Tone.BRIGHT),
        *wrapped(f"It offers {', '.join(known)}." if known else "It names no ports.", _WIDTH, Tone.DIM),
        [],
        *wrapped("LOCAL:REMOTE, or :REMOTE for any free port of this machine. REMOTE is a number or a name.", _WIDTH),
    ]
    answer = await browse.app.push_screen_wait(
        Ask(browse.session.look, "Port-forward", body, f":{known[0]}" if known else ":", check=_wrong_pair)
    )
    if answer is None:
        return
    try:
        made = await browse.session.forwards.add(resource, meta.key(obj), ports.parse(answer))
    except NoTarget as error:
        browse.say(str(error), Tone.BAD)
        return
    except OSError as error:
        browse.say(error.strerror or str(error), Tone.BAD)
        return
    browse.say(f"{made.listening[0]} leads to {made.label} port {made.pair.remote}; f lists what runs")


def _wrong_pair(text: str) -> str:
    try:
        ports.parse(text)
    except ValueError as error:
        return str(error).partition(": ")[2]
    return ""


async def copy(browse: TableStage) -> None:
    """Ask which way and what, then copy while the console goes on."""
    found = container_under(browse)
    if found is None:
        return
    pod, container = found
    look = browse.session.look
    about = [*wrapped(meta.name(pod), _WIDTH, Tone.BRIGHT), *wrapped(f"container {container}", _WIDTH, Tone.DIM), []]
    way = await browse.app.push_screen_wait(Choose(look, "Copy", [*about, *wrapped("Which way?", _WIDTH)], _DIRECTIONS))
    if way is None:
        return
    inside = [*about, *wrapped("File or folder in the container:", _WIDTH)]
    here = [*about, *wrapped("File or folder on this machine:", _WIDTH)]
    first, second = (inside, here) if way == 0 else (here, inside)
    source = await browse.app.push_screen_wait(Ask(look, "Copy what", first, check=_needed))
    if source is None:
        return
    proposed = f"./{posixpath.basename(source.rstrip('/'))}"
    target = await browse.app.push_screen_wait(Ask(look, "Copy to", second, proposed, check=_needed))
    if target is not None:
        await _Copying(browse, pod, container).carry_out(source, target, out=way == 0)


async def debug(browse: TableStage) -> None:
    """Ask for an image, add a container of it to the pod, and lend it the terminal once it runs."""
    found = container_under(browse)
    if found is None:
        return
    pod, target = found
    body = [
        *wrapped(meta.name(pod), _WIDTH, Tone.BRIGHT),
        *wrapped(f"A container of this image joins the pod and sees the processes of {target}. Its shell ends it; it "
                 "stays in the pod's list until the pod goes.", _WIDTH),
    ]  # fmt: skip
    asked = Ask(browse.session.look, "Debug with which image?", body, debugging.IMAGE, check=_wrong_image)
    image = await browse.app.push_screen_wait(asked)
    if image is None:
        return
    container = await operations.add_debugger(browse.session.gateway, pod, image, target, shells.SHELL)
    await _until_running(browse, pod, container)
    wish = shells.in_container(meta.key(pod), container, ())
    label = f"{wish.label}: enter brings its prompt, leaving its shell ends it"
    ended = await browse.deck_app.leave_for(replace(wish, label=label))
    browse.say(ended.text, Tone.OK if ended.orderly else Tone.BAD)


async def _until_running(browse: TableStage, pod: Object, container: str) -> None:
    """Return when it runs. ValueError when it will not; NotFound when the pod goes meanwhile."""
    clock = browse.session.clock
    end = clock.monotonic() + START_SECONDS
    while True:
        fresh = await reread(browse.session.gateway, kinds.PODS, pod)
        seen = debugging.standing(fresh, container)
        if seen.running:
            return
        if seen.problem:
            raise ValueError(seen.problem)
        if clock.monotonic() >= end:
            raise ValueError(f"{container} does not run yet: {seen.waits}; a attaches to it among the pod's containers")
        browse.say(f"{container}: {seen.waits}", Tone.BUSY)
        await clock.sleep(LOOK_SECONDS)


def _wrong_image(text: str) -> str:
    return "" if text and " " not in text else "an image is a name such as busybox or registry.example/tools:1.2"


def _needed(text: str) -> str:
    return "" if text else "a path is needed here"


class _Copying:
    """One copy: says how far it is, then how it ended."""

    def __init__(self, browse: TableStage, pod: Object, container: str) -> None:
        self._browse = browse
        self._place = Place(Key(meta.namespace(pod), meta.name(pod)), container)
        self._progress = Progress(browse.session.clock)
        self._skipped: list[str] = []

    async def carry_out(self, source: str, target: str, *, out: bool) -> None:
        tasks = Tasks("copy")
        here = Path(target if out else source).expanduser()  # noqa: ASYNC240 - looks at the environment alone

        async def work(client: Gateway) -> str | Exception:
            try:
                if out:
                    remote = Remote(self._place, source)
                    return str(await download(client, remote, here, self._skipped.append, self._progress.count))
                return await upload(client, here, Remote(self._place, target), self._progress.count)
            except (CopyFailed, ApiError) as error:
                return error

        if not out:
            self._progress.total = await asyncio.to_thread(size_of, here)
        copying = tasks.start(source, self._browse.session.aside.run(work))
        try:
            while not copying.done():
                self._browse.say(f"copying {source}: {self._progress.text()}", Tone.BUSY)
                await asyncio.wait({copying}, timeout=PROGRESS_SECONDS)
        finally:
            await tasks.close()
        self._tell(copying.result())

    def _tell(self, outcome: str | Exception) -> None:
        told = f"copied to {outcome}, {size(self._progress.moved)}"
        if isinstance(outcome, Exception):
            self._browse.say(str(outcome), Tone.BAD)
        elif self._skipped:
            self._browse.say(f"{told}; {len(self._skipped)} not: {self._skipped[0]}", Tone.WARN)
        else:
            self._browse.say(told)
