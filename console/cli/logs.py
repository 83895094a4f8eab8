"""`logs`: what containers wrote, byte for byte; of several, line by line; as JSON, or only what matters."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from functools import partial
from urllib.parse import quote

from common.api.kinds import PODS
from common.api.meta import Object, name
from console.views.loglines import Level

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .logprinter import Source, Style
from .logquery import AT_ONCE, query, sources
from .podtargets import find_pod, pods_of

SELECTED_TAIL = 10  # lines of each container with a selector, as kubectl has it


_LEVELS = tuple(level.name.lower() for level in Level if level)


def _pattern(text: str) -> str:
    try:
        re.compile(text.removeprefix("!"))
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error
    return text


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print what containers wrote: logs POD, logs deploy/hello, logs -f POD -c CONTAINER, logs -l app=web --prefix."
    )
    parser.add_argument("objects", nargs="*", metavar="OBJECT", help="POD, KIND/NAME or KIND NAME")
    arguments.namespace(parser)
    arguments.selector(parser)
    parser.add_argument("-c", "--container", default="", help="which container (default: the first one)")
    parser.add_argument("--all-containers", action="store_true", help="all containers of each pod")
    parser.add_argument("--all-pods", action="store_true", help="all pods of a workload or Service, not one; prefixed")
    parser.add_argument("--prefix", action="store_true", help="begin each line with its pod and container")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as it writes")
    parser.add_argument("-p", "--previous", action="store_true", help="the container's previous run")
    parser.add_argument("--tail", type=arguments.count, metavar="LINES", help="only the last lines (default: all; "
                        f"{SELECTED_TAIL} with -l)")  # fmt: skip
    parser.add_argument("--since", type=arguments.seconds, metavar="TIME", help="only newer than this: 90s, 5m, 1h")
    parser.add_argument("--timestamps", action="store_true", help="begin each line with its time")
    parser.add_argument(
        "--level", choices=_LEVELS, help="only lines that are at least so serious, as they say themselves"
    )
    parser.add_argument("--grep", type=_pattern, default="", metavar="REGEX", help="only lines that have this; !REGEX: "
                        "only those that have it not")  # fmt: skip
    parser.add_argument("-o", "--output", choices=("json",), help="an object a line: time, namespace, pod, container, "
                        "level, message, and the fields of lines in JSON")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if bool(args.objects) == bool(args.selector):
        raise Failure("give an object, or labels with -l", Exit.USAGE)
    context = Context.of(args)
    if args.selector and args.tail is None:
        args.tail = SELECTED_TAIL
    style = Style(
        prefix=args.prefix or args.all_pods, times=args.timestamps, as_json=args.output == "json",
        level=Level[args.level.upper()] if args.level else Level.UNKNOWN, pattern=args.grep,
    )  # fmt: skip
    pods = _pods(context, args)
    found = sources(pods, args)
    if not found:
        raise Failure(f"no pod has the labels {args.selector}")
    if len(found) == 1 and style == Style(times=args.timestamps) and not args.follow:
        _copy(context, args, found[0])
        return Exit.OK
    if args.follow and len(found) > AT_ONCE:
        raise Failure(f"{len(found)} containers are more than the {AT_ONCE} that can be followed at once: narrow it")
    several = args.selector or args.all_pods
    more = partial(_pods, context, args) if several and args.follow else None
    from .logreading import Reading  # takes what a command without it need not wait for

    return asyncio.run(Reading(context, args, style).run(pods, more))


def _copy(context: Context, args: argparse.Namespace, source: Source) -> None:
    """Byte for byte, without a look at what it is."""
    path = PODS.path(source.pod.namespace, quote(source.pod.name), "log")
    for chunk in context.api.stream(path, query(args, source.container), follow=False):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _pods(context: Context, args: argparse.Namespace) -> list[Object]:
    if args.selector:
        found = context.api.get(context.path(PODS), {"labelSelector": args.selector})["items"]
        return sorted(found, key=name)
    target = context.single(args.objects, default_kind="pods")
    return pods_of(context, target) if args.all_pods else [find_pod(context, target)]
