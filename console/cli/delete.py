"""`delete`: ask for deletion, then wait until the objects are gone."""

from __future__ import annotations

import argparse

from common.api.meta import Object, metadata, uid
from common.clock import SystemClock
from common.errors import NotFound
from common.waiting import wait_until

from . import arguments, manifests
from .context import Context, Target
from .exits import Exit, Failure


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Delete objects by name, label or manifest, and wait until they are gone."
    arguments.objects(parser, required=False)
    arguments.namespace(parser, everywhere=True)
    arguments.selector(parser)
    arguments.files(parser)
    parser.add_argument("--all", action="store_true", help="all objects of the kind in the namespace")
    parser.add_argument(
        "--grace-period", type=arguments.count, metavar="SECONDS", help="instead of what the object says"
    )
    parser.add_argument("--ignore-not-found", action="store_true", help="an object that is not there is no error")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until the objects are gone")
    parser.add_argument(
        "--timeout", type=arguments.seconds, default=300.0, metavar="TIME", help="how long to wait (default: 5m)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    deleted: list[tuple[str, str]] = []
    for place, target in _victims(context, args):
        path = place.path(target.kind.resource, target.name)
        try:
            answer = context.api.send("DELETE", path, _options(args))
        except NotFound:
            if not args.ignore_not_found:
                raise
            continue
        print(f'{target.kind.label} "{target.name}" deleted')
        deleted.append((path, _uid_of(answer)))
    if not args.no_wait:
        for path, old in deleted:
            _wait(context, path, old, args.timeout)
    return Exit.OK


def _options(args: argparse.Namespace) -> Object:
    options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    return options if args.grace_period is None else {**options, "gracePeriodSeconds": args.grace_period}


def _uid_of(answer: Object) -> str:
    """The answer is the object that still ends, or a Status whose details name it."""
    return uid(answer) or str((answer.get("details") or {}).get("uid") or "")


def _victims(context: Context, args: argparse.Namespace) -> list[tuple[Context, Target]]:
    if args.filename:
        if args.objects:
            raise Failure("give objects or -f, not both", Exit.USAGE)
        return [_of_manifest(context, manifest.obj, args) for manifest in manifests.load(args.filename)]
    targets = context.targets(args.objects)
    if any(target.name for target in targets):
        if args.all_namespaces or args.selector or args.all:
            raise Failure("a name goes with none of -A, -l and --all", Exit.USAGE)
        return [(context, target) for target in targets]
    if not (args.selector or args.all):
        raise Failure("say which: names, -l LABELS, or --all", Exit.USAGE)
    query = {"labelSelector": args.selector} if args.selector else None
    return [
        (Context(context.home, metadata(item).get("namespace")), Target(target.kind, metadata(item)["name"]))
        for target in targets
        for item in context.api.get(context.path(target.kind.resource), query)["items"]
    ]


def _of_manifest(context: Context, obj: Object, args: argparse.Namespace) -> tuple[Context, Target]:
    kind = context.kinds.of_object(obj)
    return Context(context.home, manifests.namespace_of(kind, obj, args.namespace)), Target(kind, metadata(obj)["name"])


def _wait(context: Context, path: str, old: str, seconds: float) -> None:
    """Until the object is gone or another one of its name stands there."""

    def gone() -> bool:
        try:
            return uid(context.api.get(path)) != old
        except NotFound:
            return True

    if not wait_until(gone, seconds, SystemClock()):
        raise Failure(
            f"{path.rpartition('/')[2]} is still there after {seconds:g} s: finalizers or a host that is away hold it",
            Exit.TIMEOUT,
        )
