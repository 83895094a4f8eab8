"""Tokens of ServiceAccounts for the volumes of this node's pods: asked of the control plane, and renewed in time.

The session attaches a way to ask; answers come in through `given`. Tokens outlive a restart of the agent, sealed on
disk like the Secrets of the assignment, so that pods start on a host that boots while the console is away. The failures
this prevents: a pod that starts without its token, and one whose token runs out while nobody looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag

from common.api import meta
from common.api.meta import Object, format_time, parse_time
from common.api.pods import service_account
from common.clock import Clock
from common.session import TokenGiven, TokenNeeded

from .seal import Seal

log = logging.getLogger(__name__)

DEFAULT_SECONDS = 3600
RENEW_AT = 0.8  # of its life, as kubelet
MAX_AGE = timedelta(hours=24)  # as kubelet: a long-lived token is renewed daily all the same
LOOK_SECONDS = 10.0
ANSWER_SECONDS = 5.0
_FILE = "tokens.sealed"

Send = Callable[[TokenNeeded], Awaitable[None]]


class TokenUnavailable(Exception):
    """A token cannot be had now; the message is for the pod's events."""


@dataclass(frozen=True, slots=True)
class Held:
    """A token, when its holder asked for it, and until when it was promised to be good (RFC 3339)."""

    token: str
    since: str
    expires: str

    def __repr__(self) -> str:
        return f"Held(since={self.since!r}, expires={self.expires!r})"

    def is_due(self, now: datetime) -> bool:
        """Whether a new one should take its place."""
        since, expires = parse_time(self.since), parse_time(self.expires)
        return now >= since + min((expires - since) * RENEW_AT, MAX_AGE) or now < since


def needed_by(pod: Object) -> set[TokenNeeded]:
    """What the pod's projected volumes ask for."""
    return {
        TokenNeeded(
            meta.uid(pod), str(spec.get("audience") or ""), int(spec.get("expirationSeconds") or DEFAULT_SECONDS)
        )
        for volume in (pod.get("spec") or {}).get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
        if (spec := source.get("serviceAccountToken")) is not None
    }


class Tokens:
    """`changed` is called when a token was replaced: files have to follow. `folder` None keeps all in memory."""

    def __init__(self, clock: Clock, folder: Path | None, changed: Callable[[], None]) -> None:
        """Blocks for reading the file."""
        self._clock = clock
        self._changed = changed
        self._path = None if folder is None else folder / _FILE
        self._seal = None if folder is None else Seal(folder)
        self._held: dict[TokenNeeded, Held] = self._load()
        self._waiting: dict[TokenNeeded, asyncio.Future[TokenGiven]] = {}
        self._send: Send | None = None
        self._unsaved = asyncio.Event()

    # The session

    def attach(self, send: Send) -> None:
        self._send = send

    def detach(self, send: Send) -> None:
        """Forget that session, unless a newer one has taken its place."""
        if self._send != send:
            return
        self._send = None
        lost, self._waiting = self._waiting, {}
        for needed, waiting in lost.items():
            if not waiting.done():
                error = "the connection to the control plane was lost"
                waiting.set_result(TokenGiven(needed.pod, needed.audience, needed.seconds, error=error))

    def given(self, answer: TokenGiven) -> None:
        """The control plane's answer, also one that nobody waits for any more."""
        needed = TokenNeeded(answer.pod, answer.audience, answer.seconds)
        if answer.token:
            replaced = needed in self._held
            self._held[needed] = Held(answer.token, format_time(self._clock.now()), answer.expires)
            self._unsaved.set()
            if replaced:
                self._changed()
        waiting = self._waiting.pop(needed, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    # Pods

    def of(self, pod_uid: str) -> dict[tuple[str, int], str]:
        """The pod's tokens by audience and lifetime."""
        return {(key.audience, key.seconds): held.token for key, held in self._held.items() if key.pod == pod_uid}

    async def ensure(self, pod: Object) -> None:
        """Have all tokens that the pod needs. One that is due is asked for anew, and used as it is when there is no
        answer: then nobody is there who would refuse it either. Raises TokenUnavailable."""
        now = self._clock.now()
        for needed in sorted(needed_by(pod), key=repr):
            held = self._held.get(needed)
            if held is not None and not held.is_due(now):
                continue
            try:
                await self._ask(needed)
            except TokenUnavailable as failure:
                if held is None:
                    raise TokenUnavailable(
                        f'failed to fetch token: serviceaccounts "{service_account(pod)}": {failure}'
                    ) from None

    async def _ask(self, needed: TokenNeeded) -> None:
        waiting = self._waiting.get(needed)
        if waiting is None:
            waiting = self._waiting[needed] = asyncio.get_running_loop().create_future()
            if not await self._told(needed):
                self._waiting.pop(needed, None)
                waiting.cancel()
                raise TokenUnavailable("the control plane is away")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await asyncio.shield(waiting)
        except TimeoutError:
            self._waiting.pop(needed, None)
            raise TokenUnavailable("the control plane does not answer") from None
        except asyncio.CancelledError:
            if waiting.cancelled():
                raise TokenUnavailable("the control plane is away") from None
            raise
        if answer.error:
            raise TokenUnavailable(answer.error)

    async def _told(self, needed: TokenNeeded) -> bool:
        if self._send is None:
            return False
        try:
            await self._send(needed)
        except ConnectionError:
            return False
        return True

    # By time

    async def keep_fresh(self, pods: Callable[[], Iterable[Object]]) -> None:
        """Renew the tokens of `pods` before they end and forget those of others; runs until cancelled."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            present = [pod for pod in pods() if not meta.is_deleting(pod)]
            for pod in present:
                try:
                    await self.ensure(pod)
                except TokenUnavailable as failure:
                    log.debug("pod %s: %s", meta.key(pod), failure)
            self.keep_only({needed for pod in pods() for needed in needed_by(pod)})

    def keep_only(self, needed: set[TokenNeeded]) -> None:
        """Forget all others."""
        gone = self._held.keys() - needed
        for key in gone:
            del self._held[key]
        if gone:
            self._unsaved.set()

    # On disk

    def _load(self) -> dict[TokenNeeded, Held]:
        if self._path is None or self._seal is None or not self._path.exists():
            return {}
        try:
            rows = orjson.loads(self._seal.read(self._path, _FILE))
            return {TokenNeeded(**row["needed"]): Held(**row["held"]) for row in rows}
        except (OSError, InvalidTag, ValueError, TypeError, KeyError) as error:
            why = str(error) or "it was not sealed with this agent's key"
            log.warning("%s cannot be used, its tokens are asked for anew: %s", self._path, why)
            return {}

    async def keep_saved(self) -> None:
        """Write each change to disk; runs until cancelled. What a full disk keeps out is only asked for again."""
        failing = False
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            try:
                await self.save()
                failing = False
            except OSError as error:
                if not failing:
                    log.warning("tokens cannot be kept on disk, a restart would ask for them anew: %s", error)
                failing = True
            await self._clock.sleep(1.0)

    async def save(self) -> None:
        if self._path is None or self._seal is None:
            return
        rows = [{"needed": asdict(key), "held": asdict(held)} for key, held in self._held.items()]
        await asyncio.to_thread(self._seal.write, self._path, _FILE, orjson.dumps(rows))
