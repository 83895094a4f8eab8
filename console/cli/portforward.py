"""`port-forward`: ports of this machine that lead to a pod, a workload or a Service until this command ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from common.api.meta import Key
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from console.streams.forward import LOOPBACK, Forward
from console.streams.ports import NoTarget, Pair, parse

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck port-forward [-n NS] [--address ADDRESS,…] OBJECT [LOCAL:]REMOTE…"
    parser.description = (
        "Listen on this machine and lead each connection to a ready pod: port-forward svc/web 8080:http, "
        "port-forward web-0 :5432. A pod that goes is followed by another of the same Service or workload."
    )
    arguments.namespace(parser)
    parser.add_argument(
        "--address", default="localhost", metavar="ADDRESS,…",
        help="where to listen: addresses of this machine, or localhost for 127.0.0.1 and ::1 (default: localhost)",
    )  # fmt: skip
    parser.add_argument("object", metavar="OBJECT", help="POD or KIND/NAME")
    parser.add_argument("ports", nargs="+", metavar="[LOCAL:]REMOTE", help="numbers, or the name of a remote port")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    try:
        pairs = [parse(text) for text in args.ports]
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None
    target = context.single([args.object], default_kind="pods")
    try:
        asyncio.run(_forward(context, target, pairs, addresses(args.address)))
    except (NoTarget, OSError) as error:
        raise Failure(getattr(error, "strerror", None) or str(error)) from None
    return Exit.OK


def addresses(text: str) -> list[str]:
    found: list[str] = []
    for word in text.split(","):
        found += LOOPBACK if word == "localhost" else [word]
    return found


async def _forward(context: Context, target: Target, pairs: list[Pair], where: list[str]) -> None:
    async with HttpClient(Endpoint.of_socket(context.home.api_socket)) as client, contextlib.AsyncExitStack() as open_:
        for pair in pairs:
            key = Key(context.namespace or "default", target.name)
            forward = Forward(client, target.kind.resource, key, pair, where, _say)
            open_.push_async_callback(forward.close)
            await forward.start()
            for listening in forward.listening:
                print(f"Forwarding from {listening} -> {pair.remote}", flush=True)
        await asyncio.Event().wait()  # until the command is ended


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
