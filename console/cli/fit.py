"""`fit`: where replicas of a pod would land, from the scheduler itself; nothing is made."""

from __future__ import annotations

import argparse

from common.api.kinds import FITS
from common.api.meta import Object
from console.views import fit as views

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import clean, columns, dump


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "What if: where replicas of a pod would land, what that makes of the nodes, what does not fit."
    parser.add_argument("words", nargs="+", metavar="WORD", help=views.USAGE)
    arguments.namespace(parser)
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    try:
        question = views.question(args.words, context.namespace or "default")
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from error
    fit = context.api.send("POST", FITS.path(), question)
    print(dump(fit, args.output) if args.output else render(fit))
    return Exit.OK


def render(fit: Object) -> str:
    status = fit.get("status") or {}
    lines = [f"{views.headline(fit)}   ({views.asked(fit)})"]
    if status.get("message"):
        lines.append(clean(status["message"]))
    rows = [
        (
            node["name"],
            views.verdict(node).word,
            *(
                f"{views.share(node, 'before', item)}% -> {views.share(node, 'after', item)}%"
                for item in ("cpu", "memory")
            ),
            views.reason(node) or "-",
        )
        for node in status.get("nodes") or ()
    ]
    table = (
        columns(("NODE", "REPLICAS", "CPU ASKED", "MEM ASKED", "WHY NO MORE"), rows) if rows else "there are no nodes"
    )
    totals = "  ".join(
        f"{title} {before}% -> {after}%"
        for title, (before, after) in (("cpu", views.packing(fit, "cpu")), ("mem", views.packing(fit, "memory")))
    )
    before, after = views.nodes_in_use(fit)
    return "\n".join([*lines, "", table, "", f"all nodes: {totals}  nodes in use {before} -> {after}"])
