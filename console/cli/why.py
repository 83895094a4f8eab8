"""`why`: what each node says to a pod, from the scheduler itself."""

from __future__ import annotations

import argparse

from common.api.kinds import PODS
from common.api.meta import Object

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import clean, columns, dump


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Why a pod is where it is, or is nowhere: every node's verdict with every reason."
    parser.add_argument("objects", nargs="+", metavar="POD", help="POD, pod/NAME or pod NAME")
    arguments.namespace(parser)
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    target = context.single(args.objects, default_kind="pods")
    if target.kind.resource != PODS:
        raise Failure(f"{target}: only a Pod is placed, not a {target.kind.resource.kind}", Exit.USAGE)
    explanation = context.api.get(context.path(PODS, target.name, "why"))
    print(dump(explanation, args.output) if args.output else render(explanation))
    return Exit.OK


def render(explanation: Object) -> str:
    rows = [
        (
            node.get("name", ""),
            "fits" if node.get("fits") else "no",
            "-" if node.get("score") is None else f"{node['score']:g}",
            "; ".join(node.get("reasons") or ()) or "-",
        )
        for node in explanation.get("nodes") or ()
    ]
    message = clean(explanation.get("message") or "")
    table = columns(("NODE", "VERDICT", "SCORE", "REASONS"), rows) if rows else "there are no nodes"
    return f"{message}\n\n{table}" if message else table
