"""Follows requests and puts what became of them into the audit log.

Requests never wait for the log. It is no second record of writes either: an event names the Change that the journal
commits with its write, and has of it what the history has. Whatever the log lacks of that after a crash is added when
the API server starts again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import orjson
from aiohttp import web

from common.aio import Tasks
from common.api import meta
from common.api.names import new_uid
from common.auditlog import AuditFile, newest_lines
from common.clock import Clock
from common.errors import BadRequest
from console.apiserver.authorization import attributes, path_attributes
from console.apiserver.caller import Caller
from console.apiserver.history.journal import Journal
from console.apiserver.requestinfo import RequestInfo
from console.registry.catalog import Registry

from .events import CHANGES, COMPLETE, GONE, STARTED, Ended, is_logged, render
from .trail import Recorded, Trail

log = logging.getLogger(__name__)

AUDIT_ID = "Audit-Id"
MAX_WAITING = 20_000  # events in memory while the disk does not take them
BATCH = 500  # events that are written at once, so that no file of the log grows far beyond its bound
RETRY_SECONDS = 5.0
TAIL = 4 * 1024 * 1024  # bytes of the log that are looked through for writes after a start
_MAX_ID = 128


class Introduction(NamedTuple):
    """What a request says of where it comes from. `audit_id` is empty where the client leaves that to us."""

    audit_id: str
    addresses: Sequence[str]
    agent: str


def introduction(http: web.BaseRequest) -> Introduction:
    given = http.headers.get(AUDIT_ID, "")
    return Introduction(given if _is_id(given) else "", _addresses(http), http.headers.get("User-Agent", ""))


class Auditor:
    """`folder` is where the log is kept, None for nowhere."""

    def __init__(self, clock: Clock, registry: Registry, folder: Path | None) -> None:
        self._clock = clock
        self._registry = registry
        self._folder = folder
        self._file = None if folder is None else AuditFile(folder)
        self._waiting: list[Ended] = []
        self._lost = 0
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._tasks = Tasks("apiserver/audit")

    async def start(self, journal: Journal) -> None:
        """Add what a crash kept out of the log, then write whatever comes."""
        if self._folder is None or self._file is None:
            return
        try:
            known = await asyncio.to_thread(_known_changes, self._folder)
        except OSError as error:
            log.error("the audit log cannot be read: %s", error)
            known = set()
        for recorded in journal.since(min(known, default="")):
            if meta.name(recorded.change) not in known:
                self._add(self._recovered(recorded), COMPLETE, _code_of(recorded))
        self._writer = self._tasks.start("writer", self._write(self._file))

    async def close(self) -> None:
        """Write what waits; never cut off what is being written, or it would be written twice."""
        self._stop.set()
        self._wake.set()
        if self._writer is not None:
            await asyncio.wait({self._writer})
        if self._file is not None:
            self._file.close()

    # The way of a request.

    def begin(self, http: web.BaseRequest, info: RequestInfo | None) -> Trail:
        return self.resume(introduction(http), http.raw_path, _verb(http, info), info)

    def resume(self, told: Introduction, uri: str, verb: str, info: RequestInfo | None) -> Trail:
        """The same for another request of whoever introduced themselves so."""
        return Trail(told.audit_id or new_uid(), self._clock.now(), uri, verb, info, told.addresses, told.agent)

    def started(self, trail: Trail, code: int) -> None:
        """The answer of a request that goes on for long has begun."""
        if trail.long_running and not trail.ended:
            trail.code = code
            self._add(trail, STARTED, code)

    def ended(self, trail: Trail, code: int) -> None:
        """`code` is 0 when whoever asked went before there was an answer."""
        trail.ended = True
        self._add(trail, COMPLETE, code or trail.code or GONE)

    def wrote(self, caller: Caller, recorded: Recorded) -> None:
        """A part of the control plane wrote what the history has."""
        trail = self._recovered(recorded)
        trail.user = caller.info
        self._add(trail, COMPLETE, _code_of(recorded))

    def _recovered(self, recorded: Recorded) -> Trail:
        """The trail of a write of which no more is known than the history has."""
        change = recorded.change
        about = change["object"]
        group, _, version = str(about["apiVersion"]).rpartition("/")
        row = self._registry.by_kind(group, version, about["kind"])
        plural = about["kind"].lower() if row is None else row.resource.plural
        asked = RequestInfo(change["verb"], group, version, plural, about.get("namespace", ""), about["name"])
        trail = Trail(
            change.get("auditID") or new_uid(), meta.parse_time(change["time"]), "", change["verb"], asked,
            agent=str(change["source"]).partition(" ")[2], writes=[recorded],
        )  # fmt: skip
        trail.user = {"username": change.get("impersonator") or change["user"]}
        if change.get("impersonator"):
            trail.acting = {"username": change["user"]}
        return trail

    # The log.

    def _add(self, trail: Trail, stage: str, code: int) -> None:
        if self._file is None or not is_logged(trail, code):
            return
        if len(self._waiting) >= MAX_WAITING:
            self._lost += 1
            return
        self._waiting.append(Ended(trail, stage, code, self._clock.now()))
        self._wake.set()

    async def _write(self, file: AuditFile) -> None:
        failing = False
        while not self._stop.is_set() or self._waiting:
            await self._wake.wait()
            self._wake.clear()
            batch = self._waiting[:BATCH]
            try:
                await asyncio.to_thread(self._append, file, batch)
            except OSError as error:
                if self._stop.is_set():
                    log.error("the audit log cannot be written, %d events are lost: %s", len(self._waiting), error)
                    return
                if not failing:
                    log.error("the audit log cannot be written, will try again: %s", error)
                failing = True
                await self._pause()
                continue
            failing = False
            del self._waiting[: len(batch)]
            if self._waiting:
                self._wake.set()
            if self._lost:
                log.error("%d events of the audit log were lost while it could not be written", self._lost)
                self._lost = 0

    async def _pause(self) -> None:
        """Until it is worth another try, or there will be none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                await self._stop.wait()
        self._wake.set()

    def _append(self, file: AuditFile, batch: list[Ended]) -> None:
        if batch:
            file.append(b"".join(map(_line, batch)), self._clock.now())


def _line(ended: Ended) -> bytes:
    try:
        return render(ended)
    except Exception:  # one event that cannot be written must cost nobody the others
        log.exception("the event %s is missing in the audit log", ended.trail.audit_id)
        return b""


def _is_id(text: str) -> bool:
    """Whether a client may name its request so: it goes into a header of the answer."""
    return 0 < len(text) <= _MAX_ID and text.isascii() and text.isprintable()


def _verb(http: web.BaseRequest, info: RequestInfo | None) -> str:
    if info is None:
        return path_attributes(http.method, http.path).verb
    try:
        return attributes(info, http.query).verb or http.method.lower()
    except BadRequest:
        return info.verb


def _addresses(http: web.BaseRequest) -> list[str]:
    """Where a request says that it comes from, then where it came from."""
    said = http.headers.get("X-Forwarded-For")
    known = [] if said is None else said.split(",")[:8]
    return [found for text in (*known, http.remote or "") if (found := _address(text))]


@lru_cache(maxsize=1024)
def _address(text: str) -> str:
    """An address as it is shown; empty for what is none."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""


def _known_changes(folder: Path) -> set[str]:
    """The names of changes in the newest part of the log."""
    found: set[str] = set()
    for line in newest_lines(folder, TAIL):
        if CHANGES.encode() not in line:
            continue
        try:
            told = orjson.loads(orjson.loads(line)["annotations"][CHANGES])
            found |= {str(item["change"]) for item in told}
        except (ValueError, KeyError, TypeError):
            continue  # a line that a power failure cut, or that has the annotation of somebody else
    return found


def _code_of(recorded: Recorded) -> int:
    return 201 if recorded.change["verb"] == "create" else 200
