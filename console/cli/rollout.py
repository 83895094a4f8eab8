"""`rollout status|history|undo|restart|pause|resume` of what rolls out, in kubectl's words."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from common.api import meta, rollout
from common.api.kinds import DEPLOYMENTS, EVENTS, PODS
from common.api.meta import Object
from common.clock import SystemClock
from common.waiting import wait_until
from console.views import past, rollouts

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure
from .output import columns, dump

MERGE = "application/merge-patch+json"
_HOLDS = {"StatefulSet": "; its updateStrategy.rollingUpdate.partition keeps pods below it as they are"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Follow and steer the rollout of a Deployment, StatefulSet or DaemonSet."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made: dict[str, argparse.ArgumentParser] = {}
    for action, (what, _) in ACTIONS.items():
        made[action] = actions.add_parser(action, help=what, description=what)
        arguments.objects(made[action])
        arguments.namespace(made[action])
    made["status"].add_argument(
        "--timeout", type=arguments.seconds, default=0.0, metavar="TIME", help="give up after this (default: never)"
    )
    made["status"].add_argument(
        "-o", "--output", choices=("json", "yaml"), help="print it replica by replica as it is now, and do not wait"
    )
    made["history"].add_argument(
        "-o", "--output", choices=("json", "yaml"), help="print the revisions with their templates"
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
    kind = target.kind.resource
    if kind not in rollout.HISTORY:
        raise Failure(f"{target}: a Deployment, StatefulSet or DaemonSet has a rollout, a {kind.kind} has none")
    if args.action in {"pause", "resume"} and kind != DEPLOYMENTS:
        raise Failure(f"{target}: only a Deployment can be held, not a {kind.kind}{_HOLDS.get(kind.kind, '')}")
    return ACTIONS[args.action][1](context, target, args)


def _status(context: Context, target: Target, args: argparse.Namespace) -> int:
    if args.output:
        print(dump(_as_it_is(context, target), args.output))
        return Exit.OK
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


def _as_it_is(context: Context, target: Target) -> Object:
    workload = context.read(target)
    kept_in = context.api.get(context.path(rollout.HISTORY[target.kind.resource]))["items"]
    now = SystemClock().now()
    found = rollouts.progress(workload, kept_in, context.api.get(context.path(PODS))["items"], now)
    went = past.told(workload, kept_in, found, context.api.get(context.path(EVENTS))["items"], now)
    times = {"began": went.began, "ended": went.ended} if went is not None else {}
    return {
        **rollouts.document(workload, found),
        **{name: meta.format_time(at) for name, at in times.items() if at is not None},
    }


def _revisions(context: Context, target: Target, workload: Object) -> list[rollout.Revision]:
    kept_in = context.path(rollout.HISTORY[target.kind.resource])
    return rollout.history(workload, context.api.get(kept_in)["items"])


def _history(context: Context, target: Target, args: argparse.Namespace) -> int:
    revisions = _revisions(context, target, context.read(target))
    if args.revision:
        print(dump(rollout.revision_to_undo(revisions, args.revision).template, args.output or "yaml"))
        return Exit.OK
    if args.output:
        listed = [
            {"revision": item.number, "changeCause": item.change_cause, "template": item.template} for item in revisions
        ]
        print(dump(listed, args.output))
        return Exit.OK
    print(f"{target}")
    rows = [(revision.number, revision.change_cause or "<none>") for revision in revisions]
    print(columns(("REVISION", "CHANGE-CAUSE"), rows))
    return Exit.OK


def _undo(context: Context, target: Target, args: argparse.Namespace) -> int:
    workload = context.read(target)
    if (workload.get("spec") or {}).get("paused"):
        raise Failure(f"{target} is paused: run `quarterdeck rollout resume {target}` first")
    revision = rollout.revision_to_undo(_revisions(context, target, workload), args.to_revision)
    patch = rollout.undo_patch(workload, revision)
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
    "restart": ("replace all pods, in the workload's own way", _restart),
    "pause": ("hold the rollout", _pause),
    "resume": ("let the rollout go on", _resume),
}
