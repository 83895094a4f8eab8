"""Reads containers for `logs`: side by side while they are followed, on after cuts, with pods that come meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from functools import partial

from common.aio import Tasks
from common.api.kinds import PODS
from common.api.meta import Object, uid
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import ApiError, NotFound
from console.streams.logs import Overlap, follow

from .context import Context
from .exits import Exit
from .logprinter import Printer, Source, Style
from .logquery import AT_ONCE, query, sources

LOOK_SECONDS = 2.0  # between two looks for pods that came


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)


class Reading:
    """Containers side by side while they are followed, else one after the other. Lines of different ones never mix."""

    def __init__(self, context: Context, args: argparse.Namespace, style: Style) -> None:
        self._context = context
        self._args = args
        self._style = style
        self._clock = SystemClock()
        self._begun: set[tuple[str, str]] = set()
        self._failed = False
        self._tasks = Tasks("logs")

    async def run(self, pods: list[Object], more: Callable[[], list[Object]] | None) -> int:
        async with HttpClient(Endpoint.of_socket(self._context.home.api_socket)) as client:
            try:
                if not self._args.follow:
                    for source in sources(pods, self._args):
                        await self._read(client, source, "")
                else:
                    await self._follow(client, pods, more)
            finally:
                await self._tasks.close()
        return Exit.FAILED if self._failed else Exit.OK

    async def _follow(self, client: HttpClient, pods: list[Object], more: Callable[[], list[Object]] | None) -> None:
        """Until all have ended; pods that come meanwhile join when they have started."""
        running = self._begin(client, pods)
        while running:
            _, running = await asyncio.wait(running, timeout=None if more is None else LOOK_SECONDS)
            if more is not None:
                running |= self._begin(client, [pod for pod in await asyncio.to_thread(more) if _has_started(pod)])

    def _begin(self, client: HttpClient, pods: list[Object]) -> set[asyncio.Task[None]]:
        """Read the containers that are not read yet, as far as there is room."""
        begun = set()
        for pod in pods:
            for source in sources([pod], self._args):
                key = (uid(pod), source.container)
                if key not in self._begun and len(self._tasks) < AT_ONCE:
                    self._begun.add(key)
                    begun.add(self._tasks.start(str(source), self._read(client, source, uid(pod))))
        return begun

    async def _read(self, client: HttpClient, source: Source, pod_uid: str) -> None:
        printer = Printer(source, self._style, _write)
        asked = query(self._args, source.container)
        told = partial(self._tell, source)
        lines = follow(
            client, source.pod, asked, Overlap(), self._clock, runs=partial(_runs, client, source, pod_uid), told=told
        )
        try:
            async for batch in lines:
                for line in batch:
                    printer.line(line)
                sys.stdout.buffer.flush()
        except ApiError as error:
            self._failed = True
            self._tell(source, f"{error}", "error")

    @staticmethod
    def _tell(source: Source, text: str, word: str = "warning") -> None:
        print(f"{word}: {source.pod.name}/{source.container}: {text}", file=sys.stderr, flush=True)


def _has_started(pod: Object) -> bool:
    """Whether its containers have logs."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(statuses) and all("waiting" not in (each.get("state") or {}) for each in statuses)


async def _runs(client: HttpClient, source: Source, pod_uid: str) -> bool:
    """Whether the container runs on although its log has ended; nobody knows while the API is away."""
    try:
        pod = await client.get(PODS, source.pod.name, source.pod.namespace)
    except NotFound:
        return False
    except ApiError:
        return True
    status = pod.get("status") or {}
    lists = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    known = [each for key in lists for each in status.get(key) or () if each.get("name") == source.container]
    return uid(pod) == pod_uid and any("running" in (each.get("state") or {}) for each in known)
