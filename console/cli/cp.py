"""`cp`: files and folders to and from containers, through tar in the container."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from common.api.kinds import PODS
from common.api.meta import Key
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from console.streams.copy import CopyFailed, Remote, download, upload
from console.streams.execute import Place
from console.streams.progress import Progress, size_of

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .podtargets import pick_container

EVERY_SECONDS = 0.5
ERASED = "\r\x1b[K"
FORM = "[NS/]POD:PATH in the container, or a path on this machine"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck cp [-n NS] [-c CONTAINER] SOURCE TARGET"
    parser.description = "Copy a file or folder: cp ./site web-0:/srv, cp web-0:/var/log/web.log . ; needs tar there."
    arguments.namespace(parser)
    parser.add_argument("-c", "--container", default="", help="which container (default: the first one)")
    parser.add_argument("source", metavar="SOURCE", help=FORM)
    parser.add_argument("target", metavar="TARGET", help=FORM)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    source, target = split(args.source), split(args.target)
    if (source is None) == (target is None):
        raise Failure(f"exactly one of SOURCE and TARGET is in a container: {FORM}", Exit.USAGE)
    context = Context.of(args)
    try:
        asyncio.run(_copy(context, args, source, target))
    except (CopyFailed, OSError) as error:
        raise Failure(str(error)) from None
    return Exit.OK


async def _copy(
    context: Context, args: argparse.Namespace, source: tuple[str, str, str] | None, target: tuple[str, str, str] | None
) -> None:
    meter = _Meter(await asyncio.to_thread(size_of, Path(args.source)) if target is not None else 0)
    async with HttpClient(Endpoint.of_socket(context.home.api_socket)) as client:
        try:
            if target is not None:
                await upload(client, Path(args.source), _remote(context, args.container, target), meter.count)
            elif source is not None:
                remote = _remote(context, args.container, source)
                await download(client, remote, Path(args.target), _say, meter.count)
        finally:
            meter.erase()


def split(text: str) -> tuple[str, str, str] | None:
    """Namespace (may be empty), pod and path of `[NS/]POD:PATH`; None for a path of this machine, which is also what
    begins with / or . as with kubectl. Raises Failure."""
    place, colon, path = text.partition(":")
    if not colon or text.startswith(("/", ".")):
        return None
    namespace, _, pod = place.rpartition("/")
    if not pod or not path or "/" in namespace:
        raise Failure(f'"{text}": a path in a container is [NS/]POD:PATH', Exit.USAGE)
    return namespace, pod, path


def _remote(context: Context, container: str, parts: tuple[str, str, str]) -> Remote:
    namespace, name, path = parts
    space = namespace or context.namespace or "default"
    pod = context.api.get(PODS.path(space, name))
    return Remote(Place(Key(space, name), pick_container(pod, container)), path)


def _say(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


class _Meter:
    """How far the copy is, in one line of a terminal that is gone afterwards; elsewhere nothing."""

    def __init__(self, total: int) -> None:
        self._clock = SystemClock()
        self._progress = Progress(self._clock, total)
        self._shows = sys.stderr.isatty()
        self._due = self._clock.monotonic() + EVERY_SECONDS

    def count(self, size: int) -> None:
        self._progress.count(size)
        if self._shows and self._clock.monotonic() >= self._due:
            self._due = self._clock.monotonic() + EVERY_SECONDS
            print(f"{ERASED}{self._progress.text()}", end="", file=sys.stderr, flush=True)

    def erase(self) -> None:
        if self._shows:
            print(ERASED, end="", file=sys.stderr, flush=True)
