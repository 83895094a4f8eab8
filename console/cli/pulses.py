"""`pulses`: the cluster at a glance."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from common.api.kinds import CLUSTER_SERIES, NODES
from common.api.meta import Object
from console.views import pulses

from . import arguments
from .context import Context
from .exits import Exit
from .output import columns, dump

WIDTH = 60


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "The cluster at a glance: which kinds are well, CPU and memory over time."
    parser.add_argument(
        "--since", type=arguments.seconds, default=900.0, metavar="TIME", help="how far back (default: 15m)"
    )
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    served = {kind.resource for kind in context.kinds}
    objects = {resource: context.api.get(resource.path())["items"] for resource in pulses.SHOWN if resource in served}
    series = context.api.get(CLUSTER_SERIES.path(name="cluster"), {"seconds": str(int(args.since))})
    found = [pulses.pulse(resource, items) for resource, items in objects.items()]
    loads = pulses.loads(series, objects.get(NODES, []))
    print(dump(document(found, loads), args.output) if args.output else render(found, loads))
    return Exit.OK


def document(found: list[pulses.Pulse], loads: list[pulses.Load]) -> Object:
    return {
        "kind": "Pulses",
        "apiVersion": "quarterdeck.io/v1",
        "kinds": [
            {
                "resource": item.resource.group_resource,
                "total": item.total,
                "faults": item.faults,
                "faulty": [{**asdict(fault.key), "status": fault.status.word} for fault in item.faulty],
            }
            for item in found
        ],
        "loads": [
            {
                "resource": load.title.lower(),
                "used": load.newest,
                "offered": load.offered,
                "stepSeconds": load.step,
                "values": load.values,
            }
            for load in loads
        ],
    }


def render(found: list[pulses.Pulse], loads: list[pulses.Load]) -> str:
    rows = [(item.resource.plural, str(item.total - item.faults), str(item.faults)) for item in found]
    parts = [columns(("KIND", "OK", "FAULT"), rows)]
    for load in loads:
        share = "" if load.percent is None else f"  {load.percent}%"
        parts.append("\n".join([f"{load.title}: {load.text}{share}", *pulses.chart(load.values, load.top, WIDTH, 4)]))
    return "\n\n".join(parts)
