"""Starts the controllers of other packages, starts them again when they end, and says in the API how they are.

Each is a process (see `program.py`) with a certificate of its own: it may do what Roles allow its user, and nothing
before somebody has bound one. They run where the control plane does, and only there: whoever has the state folder has
the controllers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from common.aio import Tasks
from common.api.kinds import PLUGINS
from common.client import Client
from common.clock import Clock
from common.errors import ApiError, NotFound
from common.files import write_atomic
from common.pki import PkiError
from common.processes import exited

from .output import Output
from .states import GROUP, HEALTHY_SECONDS, READY, State, user_of

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0  # that a controller has to end by itself, after which it is killed
LAST_WORDS_SECONDS = 1.0
_PROGRAM = ("-m", "console.extensions.program")


@dataclass(frozen=True, slots=True)
class Found:
    """A controller that is installed: the name of its entry point and the package that brings it."""

    name: str
    package: str


class Supervisor:
    """`kubeconfig` makes the content of one for a user, with a certificate of its own; it is good for longer than
    `renewal` seconds, after which the controller is started anew with another. `folder` is for these files alone."""

    def __init__(
        self, client: Client, clock: Clock, folder: Path, kubeconfig: Callable[[str], bytes], renewal: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._renewal = renewal
        self._tasks = Tasks(GROUP)

    def start(self, found: Iterable[Found]) -> None:
        for item in found:
            self._tasks.start(item.name, self._keep(State(item.name, item.package, self._clock.now())))

    async def close(self) -> None:
        await self._tasks.close()

    async def _keep(self, state: State) -> None:
        """One controller, for as long as the control plane runs."""
        while True:
            await self._tell(state)
            state = await self._run(state)
            await self._tell(state)
            await self._clock.sleep(state.delay)

    async def _run(self, state: State) -> State:
        """Run it once; the state after its end. What goes wrong in starting it is its end too."""
        output = Output(state.name, self._clock)
        try:
            kubeconfig = self._folder / f"{state.name}.kubeconfig"
            content = await asyncio.to_thread(self._kubeconfig, user_of(state.name))
            await asyncio.to_thread(write_atomic, kubeconfig, content)
            process = await asyncio.create_subprocess_exec(
                sys.executable, *_PROGRAM, state.name, env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError, PkiError) as error:
            return self._failed(state, f"cannot be started: {error}")
        current = _Current(state)
        follower = Tasks(f"{GROUP}/{state.name}")
        # Both are there, as they are asked for.
        answers, errors = cast(asyncio.StreamReader, process.stdout), cast(asyncio.StreamReader, process.stderr)
        reading = follower.start("log", output.follow(errors))
        follower.start("state", self._follow(answers, current))
        try:
            async with asyncio.timeout(self._renewal):
                code = await exited(process, self._clock)
            # Its last words. What it started itself may hold its standard error open for as long as it likes.
            await asyncio.wait({reading}, timeout=LAST_WORDS_SECONDS)
        except TimeoutError:
            return current.state  # its certificate is to be renewed: nothing is wrong with it
        finally:
            await self._stop(process)
            await follower.close()
        # Of what ended by itself the last words say why; what was killed did not come to say anything.
        return self._failed(current.state, output.last if code > 0 and output.last else _words(code))

    async def _follow(self, answers: asyncio.StreamReader, current: _Current) -> None:
        if await answers.readline() != READY:
            return
        name, package = current.state.name, current.state.package
        log.info("controller %s of %s runs as %s", name, package, user_of(name))
        current.state = current.state.began(self._clock.now())
        await self._tell(current.state)
        await self._clock.sleep(HEALTHY_SECONDS)
        current.state = current.state.ran_well(self._clock.now())
        await self._tell(current.state)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """End it and all that it started (they have a session of their own)."""
        if process.returncode is None:
            _signal(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await exited(process, self._clock)
        _signal(process.pid, signal.SIGKILL)
        await exited(process, self._clock)

    def _failed(self, state: State, why: str) -> State:
        ended = state.ended(why, self._clock.now())
        log.error("controller %s of %s failed, again in %.0f s: %s", state.name, state.package, ended.delay, why)
        return ended

    async def _tell(self, state: State) -> None:
        """Keep the object of the controller. That it cannot be written is nothing that may stop a controller."""
        wanted = state.to_object()
        try:
            with suppress(NotFound):
                present = await self._client.get(PLUGINS, state.name)
                if present.get("status") != wanted["status"]:
                    await self._client.update(PLUGINS, {**present, "status": wanted["status"]})
                return
            await self._client.create(PLUGINS, wanted)
        except (ApiError, OSError) as error:
            log.warning("the state of controller %s cannot be written: %s", state.name, error)


@dataclass(slots=True)
class _Current:
    """The state of a controller while it runs."""

    state: State


def _words(code: int) -> str:
    if code == 0:
        return "it returned: a controller runs until it is stopped"
    return f"it ended with code {code}" if code > 0 else f"it was ended by signal {-code}"


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
