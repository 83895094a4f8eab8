"""`topo`: the nodes with their addresses, their pressure and what their pods take of them."""

from __future__ import annotations

import argparse

from common.api.kinds import NODES, PODS
from common.api.meta import Object
from console.views.topology import topology, waiting

from . import arguments
from .context import Context
from .exits import Exit
from .output import columns, dump


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "The nodes with their addresses, their pressure and the pods that take of them."
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    args.namespace = None
    context = Context.of(args)
    context.namespace = None
    nodes, pods = (context.api.get(resource.path())["items"] for resource in (NODES, PODS))
    boxes = topology(nodes, pods)
    if args.output:
        print(dump({"nodes": boxes, "pendingPods": waiting(pods)}, args.output))
    else:
        print(render(boxes, waiting(pods)))
    return Exit.OK


def render(boxes: list[Object], pending: int) -> str:
    if not boxes:
        return "there are no nodes"
    rows = [
        (
            box["name"],
            _state(box),
            box["zone"] or "-",
            f"{box['asked']['cpu']} of {box['allocatable']['cpu']} ({box['percent']['cpu']}%)",
            f"{box['asked']['memory']} of {box['allocatable']['memory']} ({box['percent']['memory']}%)",
            len(box["pods"]),
            ", ".join(box["addresses"]) or "-",
        )
        for box in boxes
    ]
    table = columns(("NODE", "STATE", "ZONE", "CPU ASKED", "MEM ASKED", "PODS", "ADDRESSES"), rows)
    text = "1 pod waits" if pending == 1 else f"{pending} pods wait"
    return f"{table}\n\n{text} for a node" if pending else table


def _state(box: Object) -> str:
    parts = ["Ready" if box["ready"] else "NotReady"]
    parts += ["SchedulingDisabled"] * bool(box["unschedulable"])
    return ",".join([*parts, *box["pressure"]])
