"""`debug`: another container in a running pod, with tools of its own, to look into it; `D` in the console."""

from __future__ import annotations

import argparse
import asyncio
import sys

from common.api import debugging
from common.api.debugging import Standing
from common.api.kinds import PODS
from common.api.meta import name
from common.client.base import PatchType
from common.clock import SystemClock
from common.waiting import wait_until

from . import arguments
from .context import Context
from .exec import join
from .exits import Exit, Failure
from .podtargets import find_pod, pick_container


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck debug [-n NS] [--image IMAGE] [--target CONTAINER] [-i] [-t] OBJECT [-- COMMAND [ARG…]]"
    parser.description = (
        "Add an ephemeral container to a running pod, with an image of its own, and join it: debug -it web-0. It sees "
        "the processes of the target container, and stays in the pod's list after it has ended."
    )
    arguments.namespace(parser)
    parser.add_argument("--image", default=debugging.IMAGE, help="what it runs (default: %(default)s)")
    parser.add_argument(
        "--target", default="", metavar="CONTAINER", help="whose processes it sees (default: the first)"
    )
    parser.add_argument("-c", "--container", default="", metavar="NAME", help="its name (default: debugger-…)")
    parser.add_argument("-i", "--stdin", action="store_true", help="pass standard input on")
    parser.add_argument("-t", "--tty", action="store_true", help="this terminal becomes the container's")
    parser.add_argument(
        "--timeout", type=arguments.seconds, default=300.0, metavar="TIME", help="for it to run (default: 5m)"
    )
    parser.add_argument("object", metavar="OBJECT", help="POD or KIND/NAME")
    arguments.optional_command(parser, ", in place of the image's own")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    if args.tty and not (args.stdin and sys.stdin.isatty()):
        raise Failure("-t needs -i and a terminal as standard input", Exit.USAGE)
    pod = find_pod(context, context.single([args.object], default_kind="pods"))
    target = pick_container(pod, args.target)
    added = debugging.container(
        args.image, target, name=args.container, command=args.command, stdin=args.stdin, tty=args.tty
    )
    path = context.path(PODS, name(pod), debugging.SUBRESOURCE)
    context.api.send("PATCH", path, debugging.patch(added), content_type=PatchType.STRATEGIC)
    print(f"pod/{name(pod)}: container {added['name']} of image {args.image} is added", file=sys.stderr)
    _wait(context, name(pod), added["name"], args.timeout)
    if not args.stdin:
        print(f"pod/{name(pod)}: container {added['name']} runs")
        return Exit.OK
    if args.tty:
        print("If there is no prompt, press enter.", file=sys.stderr)
    streams = ("stdin", "stdout", "tty" if args.tty else "stderr")
    query = [("container", added["name"]), *((stream, "true") for stream in streams)]
    return asyncio.run(join(context, context.path(PODS, name(pod), "attach"), query, stdin=True, terminal=args.tty))


def _wait(context: Context, pod: str, container: str, seconds: float) -> None:
    """Return when it runs; Failure when it will not, or not in time."""
    seen = Standing()

    def settled() -> bool:
        nonlocal seen
        seen = debugging.standing(context.api.get(context.path(PODS, pod)), container)
        return seen.running or bool(seen.problem)

    if not wait_until(settled, seconds, SystemClock()):
        raise Failure(f"{container} does not run yet: {seen.waits}", Exit.TIMEOUT)
    if seen.problem:
        raise Failure(seen.problem)
