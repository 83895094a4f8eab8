"""`history`, `timeline` and `undo`: every recorded write, what happened around it, and taking one back."""

from __future__ import annotations

import argparse
from datetime import datetime

from common.api import ages, changes
from common.api.kinds import CHANGES, EVENTS
from common.api.meta import Object, name
from common.clock import SystemClock
from common.errors import NotFound
from console.views.timeline import About, moments

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure
from .output import as_list, clean, columns, dump

SHOWN = 50  # the newest changes, unless asked for more


def configure_history(parser: argparse.ArgumentParser) -> None:
    parser.description = "Who wrote what, when and from where, newest last. Secret values show as lengths."
    arguments.objects(parser, required=False)
    arguments.namespace(parser, everywhere=True)
    parser.add_argument("--user", default="", help="only writes of this user")
    parser.add_argument(
        "--limit", type=arguments.count, default=SHOWN, metavar="N", help=f"how many (default: {SHOWN})"
    )
    arguments.output(parser, ("json", "yaml", "wide", "name"))
    parser.set_defaults(run=history)


def history(args: argparse.Namespace) -> int:
    context = Context.of(args)
    target = context.single(args.objects) if args.objects else None
    selector = _about(context, target) if target else {}
    if args.namespace and not target:
        selector["object.namespace"] = args.namespace
    if args.user:
        selector["user"] = args.user
    found = _changes(context, selector)[-args.limit :]
    if args.output in {"json", "yaml"}:
        print(dump(as_list(found), args.output))
    elif args.output == "name":
        for change in found:
            print(f"changes.quarterdeck.io/{name(change)}")
    else:
        print(render(found, SystemClock().now(), wide=args.output == "wide"))
    return Exit.OK


def _about(context: Context, target: Target) -> dict[str, str]:
    resource = target.kind.resource
    selector = {"object.kind": resource.kind, "object.name": target.name}
    if resource.namespaced:
        selector["object.namespace"] = context.namespace or "default"
    return selector


def _changes(context: Context, selector: dict[str, str]) -> list[Object]:
    query = {"fieldSelector": ",".join(f"{path}={value}" for path, value in selector.items())} if selector else {}
    return list(context.api.get(CHANGES.path(), query)["items"])


def render(found: list[Object], now: datetime, *, wide: bool) -> str:
    """A line a change; what it did at the end, because it is the longest."""
    if not found:
        return "nothing was recorded"
    rows = [
        (
            name(change),
            ages.since(change.get("time"), now),
            clean(changes.who(change)),
            *((clean(change.get("source", "")),) if wide else ()),
            (change.get("object") or {}).get("namespace", "-"),
            changes.about(change),
            clean(changes.summary(change)),
        )
        for change in found
    ]
    source = ("FROM",) if wide else ()
    return columns(("CHANGE", "AGE", "USER", *source, "NAMESPACE", "OBJECT", "WHAT"), rows)


def configure_timeline(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What happened, oldest first: events and writes in one order, of the cluster, of a namespace (-n), or of one "
        "object and what was made of it (KIND/NAME)."
    )
    arguments.objects(parser, required=False)
    arguments.namespace(parser, everywhere=True)
    parser.add_argument("--limit", type=arguments.count, default=SHOWN, metavar="N", help=f"default: {SHOWN}")
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=timeline)


def timeline(args: argparse.Namespace) -> int:
    context = Context.of(args)
    about = About(namespace=args.namespace or "")
    if args.objects:
        target = context.single(args.objects)
        resource = target.kind.resource
        about = About(resource.kind, target.name, (context.namespace or "") if resource.namespaced else "")
    events = context.api.get(EVENTS.path())["items"]
    rows = sorted(moments(events, _changes(context, {}), about), key=lambda row: str(row["time"]))[-args.limit :]
    found = [_moment(row) for row in rows]
    if args.output:
        print(dump(found, args.output))
    elif not found:
        print("nothing is remembered")
    else:
        print(columns([title.upper() for title in found[0]], [tuple(row.values()) for row in found]))
    return Exit.OK


def _moment(row: Object) -> dict[str, str]:
    return {
        "time": str(row["time"])[:19] + "Z",
        "what": clean(row["status"].word),
        "namespace": str(row["ref"].get("namespace") or "-"),
        "object": clean(row["object"]),
        "who": clean(row["who"]) or "-",
        "detail": clean(row["what"]),
    }


def configure_undo(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Take a recorded write back: the last one of an object (KIND/NAME), or any one by its name from `history`. "
        "What others changed meanwhile stays; when they changed the same field, nothing is done."
    )
    parser.add_argument("objects", nargs="+", metavar="WHAT", help="CHANGE, KIND NAME or KIND/NAME")
    arguments.namespace(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be undone")
    parser.set_defaults(run=undo)


def undo(args: argparse.Namespace) -> int:
    context = Context.of(args)
    change = _wanted(context, args.objects)
    params = {"dryRun": "All"} if args.dry_run else {}
    context.api.send("POST", CHANGES.path(None, name(change), "undo"), {}, params=params)
    done = "would be undone" if args.dry_run else "undone"
    print(f"{changes.about(change)} {done} ({clean(changes.summary(change))})")
    return Exit.OK


def _wanted(context: Context, words: list[str]) -> Object:
    if len(words) == 1 and "/" not in words[0]:
        try:
            found: Object = context.api.get(CHANGES.path(None, words[0]))
        except NotFound:
            raise Failure(f'"{words[0]}" is no recorded change: see `quarterdeck history`') from None
        return found
    target = context.single(words)
    known = _changes(context, _about(context, target))
    if not known:
        raise Failure(f"{target}: no change of it is recorded")
    return known[-1]
