"""`top`: what nodes and pods use now, against what there is, or what they used over time."""

from __future__ import annotations

import argparse
from fractions import Fraction

from common.api.kinds import NODE_METRICS, NODE_SERIES, NODES, POD_METRICS, POD_SERIES
from common.api.meta import Object, name, namespace
from common.api.meta import key as meta_key
from console.views import amounts
from console.views.charts import mean, peak
from console.views.pulses import Load, chart, loads_of
from console.views.usage import Use, use_of

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import columns, dump

CHART_CELLS = 30
_NODES, _PODS = {"node", "nodes", "no"}, {"pod", "pods", "po"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What nodes or pods use now: top nodes, top pods, top pods NAME --containers; with --since over time."
    )
    parser.add_argument("what", choices=sorted(_NODES | _PODS), metavar="nodes|pods", help="what to show")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="only this one")
    arguments.selector(parser)
    parser.add_argument("--containers", action="store_true", help="a row for each container of a pod")
    parser.add_argument(
        "--since", type=arguments.seconds, metavar="TIME", help="over time, from 5s to 48h back: 15m, 6h"
    )
    arguments.namespace(parser, everywhere=True)
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    if args.since is not None:
        return _over_time(context, args)
    resource = NODE_METRICS if args.what in _NODES else POD_METRICS
    if args.name:
        found = [context.api.get(context.path(resource, args.name))]
    else:
        listing = context.api.get(context.path(resource), {"labelSelector": args.selector} if args.selector else {})
        found = listing["items"]
    if args.output:
        print(dump({"kind": "List", "apiVersion": "v1", "items": found}, args.output))
    elif not found:
        raise Failure("nothing was measured yet: figures come ten seconds after a node or pod", Exit.FAILED)
    elif resource == NODE_METRICS:
        print(_nodes(context, found))
    else:
        print(_pods(found, everywhere=context.namespace is None, containers=args.containers))
    return Exit.OK


def _over_time(context: Context, args: argparse.Namespace) -> int:
    if args.containers or args.selector:
        raise Failure("--since goes with neither --containers nor -l", Exit.USAGE)
    resource = NODE_SERIES if args.what in _NODES else POD_SERIES
    asked = {"seconds": str(int(args.since))}
    if args.name:
        found = [context.api.get(context.path(resource, args.name), asked)]
    else:
        found = context.api.get(context.path(resource), asked)["items"]
    if args.output:
        print(dump({"kind": "List", "apiVersion": "v1", "items": found}, args.output))
        return Exit.OK
    if not found:
        raise Failure("nothing was measured yet: figures come ten seconds after a node or pod", Exit.FAILED)
    print(over_time(found, everywhere=resource == POD_SERIES and context.namespace is None))
    return Exit.OK


def over_time(found: list[Object], *, everywhere: bool) -> str:
    """A row for each series: newest, highest, mean, and a line of bars."""
    titles = (["NAMESPACE"] if everywhere else []) + ["NAME"]
    rows = []
    for item in sorted(found, key=meta_key):
        head = [namespace(item)] * everywhere + [name(item)]
        rows.append((*head, *(cell for load in loads_of(item, {}) for cell in _cells(load))))
    return columns((*titles, "CPU", "PEAK", "MEAN", "OVER TIME", "MEMORY", "PEAK", "MEAN", "OVER TIME"), rows)


def _cells(load: Load) -> tuple[str, str, str, str]:
    """The newest value, the highest, the mean, and a line of bars between nothing and the highest."""
    values = (load.newest, peak(load.values), mean(load.values))
    newest, highest, middle = ("-" if value is None else load.shown(value) for value in values)
    return newest, highest, middle, chart(load.values, values[1] or 0.0, CHART_CELLS, 1)[0]


def _nodes(context: Context, found: list[Object]) -> str:
    offered = {name(node): amounts.allocatable(node) for node in context.api.get(NODES.path())["items"]}
    rows = []
    for item in found:
        use, total = use_of(item), offered.get(name(item), {})
        shares = [f"{amounts.share(value, total.get(key, Fraction()))}%" for key, value in use.items()]
        rows.append((name(item), amounts.milli(use.cpu), shares[0], amounts.size(use.memory), shares[1]))
    return columns(("NAME", "CPU", "CPU%", "MEMORY", "MEMORY%"), rows)


def _pods(found: list[Object], *, everywhere: bool, containers: bool) -> str:
    rows = []
    for item in found:
        head = [namespace(item)] if everywhere else []
        parts = [(entry["name"], use_of(entry)) for entry in item["containers"]] if containers else [("", use_of(item))]
        for title, use in parts:
            rows.append((*head, name(item), *([title] if containers else []), *_use(use)))
    titles = (["NAMESPACE"] if everywhere else []) + ["NAME"] + (["CONTAINER"] if containers else [])
    return columns((*titles, "CPU", "MEMORY"), rows)


def _use(use: Use) -> tuple[str, str]:
    return amounts.milli(use.cpu), amounts.size(use.memory)
