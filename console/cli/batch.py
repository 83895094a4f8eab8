"""`trigger`, `suspend` and `resume`: what the console does with Jobs and CronJobs by key."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

from common.api import jobs
from common.api.kinds import CRONJOBS, JOBS
from common.api.meta import Object, name

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure
from .output import as_list, dump

_FORMATS = ("json", "yaml", "name")
MERGE = "application/merge-patch+json"


def configure_trigger(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run CronJobs now, once, whatever their schedule says: trigger cronjob/backup."
    _configure(parser, trigger)


def configure_suspend(parser: argparse.ArgumentParser) -> None:
    parser.description = "Make Jobs or CronJobs stand still: suspend job/import."
    _configure(parser, partial(_set, suspended=True))


def configure_resume(parser: argparse.ArgumentParser) -> None:
    parser.description = "Let suspended Jobs or CronJobs go on: resume job/import."
    _configure(parser, partial(_set, suspended=False))


def _configure(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    arguments.objects(parser)
    arguments.namespace(parser)
    arguments.output(parser, _FORMATS)
    parser.set_defaults(run=run)


def trigger(args: argparse.Namespace) -> int:
    context = Context.of(args)
    targets = _named(context, args, "only a CronJob can be triggered", CRONJOBS.kind)
    made = []
    for target in targets:
        job = jobs.triggered(context.read(target))
        made.append(context.api.send("POST", context.path(JOBS), job))
        if not args.output:
            print(f"job.batch/{name(made[-1])} created from {target}")
    _print(made, args)
    return Exit.OK


def _set(args: argparse.Namespace, *, suspended: bool) -> int:
    context = Context.of(args)
    targets = _named(context, args, "only Jobs and CronJobs can be suspended", JOBS.kind, CRONJOBS.kind)
    changed = []
    for target in targets:
        path = context.path(target.kind.resource, target.name)
        patch = jobs.suspend_patch(suspended=suspended)
        changed.append(context.api.send("PATCH", path, patch, content_type=MERGE))
        if not args.output:
            print(f"{target} {'suspended' if suspended else 'resumed'}")
    _print(changed, args)
    return Exit.OK


def _named(context: Context, args: argparse.Namespace, refusal: str, *allowed: str) -> list[Target]:
    targets = context.targets(args.objects)
    for target in targets:
        if target.kind.resource.kind not in allowed or target.kind.resource.group != JOBS.group:
            raise Failure(f"{target}: {refusal}, not a {target.kind.resource.kind}", Exit.USAGE)
        if not target.name:
            raise Failure(f"{target.kind.label}: name the object: KIND NAME or KIND/NAME", Exit.USAGE)
    return targets


def _print(found: list[Object], args: argparse.Namespace) -> None:
    if args.output == "name":
        for obj in found:
            print(f"{str(obj['kind']).lower()}.batch/{name(obj)}")
    elif args.output:
        print(dump(found[0] if len(found) == 1 else as_list(found), args.output))
