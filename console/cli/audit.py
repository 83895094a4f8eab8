"""`audit`: the audit log, read from its files, so that it answers also when the control plane does not run."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from threading import Event

import orjson

from common.api.meta import Object
from common.auditlog import every_line, files, follow
from common.settings import Home
from console.views import audit as view

from . import arguments
from .exits import Exit, Failure
from .output import clean, columns

SHOWN = 50  # the newest events, unless asked for more
_PAUSE = 0.3  # seconds between two looks at the file; nobody reads faster
_HEADER = ("TIME", "CODE", "USER", "VERB", "NAMESPACE", "OBJECT", "WHAT")
_WIDTHS = (19, 4, 24, 8, 12, 28, 0)  # cells of lines that come one by one


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What was asked of the API, newest last: who (and as whom), what, and the answer; of writes what changed. "
        "Values of secrets are never in it. -o json gives the events as they are, one a line."
    )
    parser.add_argument(
        "object", nargs="?", default="", metavar="RESOURCE[/NAME]",
        help="a plural as the API has it, perhaps with a subresource and a name: pods, pods/web, pods/exec/web",
    )  # fmt: skip
    parser.add_argument("-n", "--namespace", metavar="NS", help="only what was asked about this namespace")
    parser.add_argument("--user", default="", help="only what this user asked, or somebody as this user")
    parser.add_argument(
        "--verb", default="", help="get, list, watch, create, update, patch, delete, deletecollection …"
    )
    parser.add_argument("--refused", action="store_true", help="only what was refused (401 and 403)")
    parser.add_argument("--limit", type=arguments.count, default=SHOWN, metavar="N", help=f"default: {SHOWN}")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is asked from now on")
    arguments.output(parser, ("json",))
    parser.set_defaults(run=audit)


def audit(args: argparse.Namespace) -> int:
    folder = Home.from_environment().audit
    path = tuple(part for part in args.object.split("/") if part)
    wanted = view.Wanted(path, args.namespace or "", args.user, args.verb, args.refused)
    try:
        if not args.follow and not files(folder):
            raise Failure(f"there is no audit log in {folder}: the control plane keeps it on the machine it runs on")
        _print(deque(_events(every_line(folder), wanted), maxlen=args.limit), args.output)
        if args.follow:
            pause = Event()
            for event in _events(follow(folder, lambda: _pause(pause)), wanted):
                _print_next(event, args.output)
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror or error}") from None
    return Exit.OK


def _pause(event: Event) -> None:
    event.wait(_PAUSE)


def _events(lines: Iterable[bytes], wanted: view.Wanted) -> Iterator[Object]:
    for line in lines:
        try:
            event: Object = orjson.loads(line)
        except ValueError:
            continue  # a line that a power failure cut
        if wanted.accepts(event):
            yield event


def _print(found: Iterable[Object], output: str | None) -> None:
    if output:
        for event in found:
            _print_next(event, output)
    else:
        print(columns(_HEADER, map(_cells, found)))


def _print_next(event: Object, output: str | None) -> None:
    if output:
        print(orjson.dumps(event).decode(), flush=True)
    else:
        print(
            "   ".join(cell.ljust(width) for cell, width in zip(_cells(event), _WIDTHS, strict=True)).rstrip(),
            flush=True,
        )


def _cells(event: Object) -> tuple[str, ...]:
    namespace = (event.get("objectRef") or {}).get("namespace", "-")
    cells = (
        f"{str(event.get('stageTimestamp', ''))[:19]}Z", view.code(event), view.who(event), event.get("verb", ""),
        namespace, view.about(event), view.summary(event),
    )  # fmt: skip
    return tuple(clean(cell) for cell in cells)
