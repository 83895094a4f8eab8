"""HAProxy on a real node: keeps it doing what is planned, with its last good configuration when something is wrong.

Order of a change: files first, then the process, so that one that dies in between comes back right. What can be told at
run time is; the rest is checked, and a new worker takes over. A process that ends is started again at once. One lock
orders everything; nothing here raises to the agent, whose Service tables must not wait for a proxy that cannot run.
"""

from __future__ import annotations

import asyncio
import logging
import pwd
from collections.abc import Callable
from pathlib import Path

from common.aio import Tasks
from common.api.ingressnode import DISABLED, FAILING, IDLE, MISSING, RUNNING
from common.api.meta import Object
from common.clock import Clock

from .base import ProxyState
from .certificates import DEFAULT_FILE, Keyring, self_signed
from .changes import Resting, Retired, changes
from .files import Files
from .model import Wanted
from .plan import Inputs, plan
from .process import Missing, Process, ProxyFailure
from .render import CONFIG, render
from .runtime import RuntimeRefused, ask, delete_retired, tell
from .stats import COMMAND, SAMPLE_SECONDS, Totals, parse

log = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
_USER = "haproxy"  # whom Debian's package makes; the process drops to it once it has its ports
_NOT_INSTALLED = "haproxy is not installed: install the package haproxy on this host; Ingresses are not served here"


class HaproxyProxy:
    """`changed` is called when `state` did. `folder` should lie in memory: it holds private keys."""

    def __init__(self, folder: Path, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self.changed = changed
        self._files = Files(folder)
        self._clock = clock
        self._process = Process(folder, self._files.current / CONFIG, clock, self._ended)
        self._tasks = Tasks("proxy")
        self._lock = asyncio.Lock()
        self._keyring: Keyring | None = None
        self._inputs: Inputs | None = None
        self._wanted: Wanted | None = None  # what the process does now, None when unknown
        self._retired: Retired = {}
        self._resting = Resting()
        self._totals = Totals()
        self._worker = ""
        self._state = ProxyState("", "", known=False)

    @property
    def state(self) -> ProxyState:
        return self._state

    async def sync(self, inputs: Inputs) -> None:
        self._inputs = inputs
        await self._sync()

    async def _sync(self) -> None:
        inputs = self._inputs
        if inputs is None:
            return
        async with self._lock:
            try:
                await self._carry_out(inputs)
            except Missing:
                self._set_state(MISSING, _NOT_INSTALLED)
            except (ProxyFailure, OSError) as error:
                self._fail(str(error))
            except Exception as error:
                log.exception("the proxy cannot be made of what the control plane sent")
                self._fail(f"{type(error).__name__}: {error}")

    async def _carry_out(self, inputs: Inputs) -> None:
        if not self._process.installed():
            raise Missing
        if self._keyring is None:
            self._tasks.start("look", self._look())
            left = await asyncio.to_thread(self._files.read)
            default = left.get(DEFAULT_FILE, b"") or await asyncio.to_thread(self_signed, self._clock.now())
            self._keyring = Keyring(default, left)
            await self._process.adopt()
        keyring = self._keyring
        wanted = await asyncio.to_thread(lambda: plan(inputs, keyring, _versions()))
        if wanted is None:
            self._process.stop()
            self._wanted = None
            if inputs.settings.enabled:
                self._set_state(IDLE, "no Ingress is to be served")
            else:
                self._set_state(DISABLED, "an annotation of the node switches it off")
            return
        if wanted != self._wanted or not self._process.running:
            await self._apply(wanted)
        ports = f"{wanted.listener.http_port} and {wanted.listener.https_port}"
        self._set_state(RUNNING, f"HAProxy serves Ingresses on ports {ports}")

    async def _apply(self, wanted: Wanted) -> None:
        files = render(wanted, self._process.admin, await asyncio.to_thread(_user))
        if self._process.running and self._wanted is not None:
            told = changes(self._wanted, wanted, self._retired)
            if told is not None:
                known = await asyncio.to_thread(self._files.read)
                changed = {name for name, content in files.items() if known.get(name) != content}
                await asyncio.to_thread(self._files.overwrite, files, changed)
                try:
                    await tell(self._process.admin, told)
                except RuntimeRefused as error:
                    log.warning("HAProxy is reloaded, as it cannot be told of a change: %s", error)
                else:
                    self._taken_up(wanted, told.retired)
                    return
        await self._take_up_anew(wanted, files)

    async def _take_up_anew(self, wanted: Wanted, files: dict[str, bytes]) -> None:
        known = await asyncio.to_thread(self._files.read)
        if known != files:
            await asyncio.to_thread(self._files.write_candidate, files)
            await self._check_candidate()
            await asyncio.to_thread(self._files.promote)
        elif self._process.running and self._wanted is None and self._files.is_taken_up():
            self._taken_up(wanted, {})  # found running, as an agent before this one left it
            return
        if self._process.running:
            await self._sample()
            await self._process.reload()
        else:
            await self._process.start()
        self._taken_up(wanted, {})

    async def _check_candidate(self) -> None:
        try:
            await self._process.check(self._files.candidate / CONFIG)
        except ProxyFailure:
            # Whoever was serving goes on; a host that comes up serves what was good last.
            if not self._process.running and (self._files.current / CONFIG).exists():
                await self._process.start()
            raise

    def _taken_up(self, wanted: Wanted, retired: Retired) -> None:
        self._wanted = wanted
        self._retired = retired
        self._files.taken_up()

    # What happens by itself

    def _ended(self) -> None:
        log.warning("HAProxy has ended, starting it again")
        self._tasks.start("again", self._sync())

    def _fail(self, message: str) -> None:
        if self._state.message != message:
            log.warning("proxy: %s", message)
        self._wanted = None
        self._set_state(FAILING, message)
        self._tasks.start("retry", self._retry())

    async def _retry(self) -> None:
        await self._clock.sleep(RETRY_SECONDS)
        if self._state.reason == FAILING:
            await self._sync()

    def _set_state(self, reason: str, message: str) -> None:
        found = ProxyState(reason, message)
        if found != self._state:
            self._state = found
            self.changed()

    async def _look(self) -> None:
        """Count, and delete the servers whose last connection is gone."""
        while True:
            await self._clock.sleep(SAMPLE_SECONDS)
            if not self._process.running:
                continue
            async with self._lock:
                await self._sample()
                await self._delete_retired()

    async def _sample(self) -> None:
        try:
            info, text = await ask(self._process.admin, "show info"), await ask(self._process.admin, COMMAND)
            sample = parse(text)
        except (RuntimeRefused, ValueError) as error:
            log.debug("no statistics: %s", error)
            return
        worker = next((line for line in info.splitlines() if line.startswith("Pid: ")), "")
        self._totals.add(sample, self._clock.monotonic(), same_process=worker == self._worker)
        self._worker = worker

    async def _delete_retired(self) -> None:
        names = [f"{backend}/{server}" for backend, servers in self._retired.items() for server in servers]
        due = self._resting.due(names, self._clock.monotonic())
        try:
            gone = await delete_retired(self._process.admin, due) if due else set()
        except RuntimeRefused:
            return  # it has ended; whoever starts it again knows none of them
        left = {
            backend: frozenset(server for server in servers if f"{backend}/{server}" not in gone)
            for backend, servers in self._retired.items()
        }
        self._retired = {backend: servers for backend, servers in left.items() if servers}

    async def figures(self) -> list[Object]:
        return self._totals.figures() if self._process.running else []

    async def close(self, *, remove: bool) -> None:
        await self._tasks.close()
        async with self._lock:
            if not remove:
                self._process.forget()
                return
            if not self._process.running:
                await self._process.adopt()
            self._process.stop()
            await asyncio.to_thread(self._files.remove)


def _versions() -> tuple[int, ...]:
    table = Path("/proc/net/if_inet6")
    return (4, 6) if table.exists() and table.read_text().strip() else (4,)


def _user() -> str:
    try:
        return pwd.getpwnam(_USER).pw_name
    except KeyError:
        return ""
