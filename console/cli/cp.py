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
from console.streams.copy import CopyFailed, Remote, download, upload
from console.streams.execute import Place

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .logs import pick_container

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
    async with HttpClient(Endpoint.of_socket(context.home.api_socket)) as client:
        if target is not None:
            await upload(client, Path(args.source), _remote(context, args.container, target), _unseen)
        elif source is not None:
            await download(client, _remote(context, args.container, source), Path(args.target), _say, _unseen)


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


def _unseen(_count: int) -> None:
    """Progress is shown by the console alone."""
