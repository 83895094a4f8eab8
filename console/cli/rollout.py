"""`rollout status|history|undo|restart|pause|resume` of Deployments, in kubectl's words."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from common.api import rollout
from common.api.kinds import DEPLOYMENTS, REPLICASETS
from common.api.meta import Object
from common.clock import SystemClock
from common.waiting import wait_until

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure
from .output import columns, dump

MERGE = "application/merge-patch+json"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Follow and steer the rollout of a Deployment."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made: dict[str, argparse.ArgumentParser] = {}
    for action, (what, _) in ACTIONS.items():
        made[action] = actions.add_parser(action, help=what, description=what)
        arguments.objects(made[action])
        arguments.namespace(made[action])
    made["status"].add_argument(
        "--timeout", type=arguments.seconds, default=0.0, metavar="TIME", help="give up after this (default: never)"
    )
    made["history"].add_argument(
        "--revision", type=arguments.count, default=0, help="show the template of one revision"
    )
    made["undo"].add_argument(
        "--to-revision", type=arguments.count, default=0, metavar="N", help="which revision (default: the one before)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    target = context.single(args.objects)
    if target.kind.resource != DEPLOYMENTS:
        raise Failure(f"{target}: only a Deployment has a rollout here, not a {target.kind.resource.kind}")
    return ACTIONS[args.action][1](context, target, args)


def _status(context: Context, target: Target, args: argparse.Namespace) -> int:
    last = rollout.Progress("")

    def settled() -> bool:
        nonlocal last
        now = rollout.progress(context.read(target))
        if now.message != last.message:
            print(now.message, flush=True)
        last = now
        return now.done or now.failed

    if not wait_until(settled, args.timeout or float("inf"), SystemClock()):
        raise Failure(f"{target} is not rolled out after {args.timeout:g} s", Exit.TIMEOUT)
    return Exit.FAILED if last.failed else Exit.OK


def _revisions(context: Context, deployment: Object) -> list[rollout.Revision]:
    return rollout.history(deployment, context.api.get(context.path(REPLICASETS))["items"])


def _history(context: Context, target: Target, args: argparse.Namespace) -> int:
    revisions = _revisions(context, context.read(target))
    if args.revision:
        print(dump(rollout.revision_to_undo(revisions, args.revision).template, "yaml"))
        return Exit.OK
    print(f"{target}")
    rows = [(revision.number, revision.change_cause or "<none>") for revision in revisions]
    print(columns(("REVISION", "CHANGE-CAUSE"), rows))
    return Exit.OK


def _undo(context: Context, target: Target, args: argparse.Namespace) -> int:
    deployment = context.read(target)
    if (deployment.get("spec") or {}).get("paused"):
        raise Failure(f"{target} is paused: run `quarterdeck rollout resume {target}` first")
    revision = rollout.revision_to_undo(_revisions(context, deployment), args.to_revision)
    patch = rollout.undo_patch(deployment, revision)
    path = context.path(target.kind.resource, target.name)
    context.api.send("PATCH", path, patch, content_type="application/json-patch+json")
    print(f"{target} rolled back")
    return Exit.OK


def _restart(context: Context, target: Target, _args: argparse.Namespace) -> int:
    if (context.read(target).get("spec") or {}).get("paused"):
        raise Failure(f"{target} is paused: run `quarterdeck rollout resume {target}` first")
    return _merge(context, target, rollout.restart_patch(SystemClock().now()), "restarted")


def _pause(context: Context, target: Target, _args: argparse.Namespace) -> int:
    return _merge(context, target, rollout.pause_patch(paused=True), "paused")


def _resume(context: Context, target: Target, _args: argparse.Namespace) -> int:
    return _merge(context, target, rollout.pause_patch(paused=False), "resumed")


def _merge(context: Context, target: Target, patch: Object, done: str) -> int:
    context.api.send("PATCH", context.path(target.kind.resource, target.name), patch, content_type=MERGE)
    print(f"{target} {done}")
    return Exit.OK


ACTIONS: dict[str, tuple[str, Callable[[Context, Target, argparse.Namespace], int]]] = {
    "status": ("wait until the rollout is done, saying where it is", _status),
    "history": ("the revisions that are kept", _history),
    "undo": ("go back to an earlier revision", _undo),
    "restart": ("replace all pods, in the Deployment's own way", _restart),
    "pause": ("hold the rollout", _pause),
    "resume": ("let the rollout go on", _resume),
}
