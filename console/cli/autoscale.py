"""`autoscale`: make an autoscaler for a workload."""

from __future__ import annotations

import argparse

from common.api.kinds import HORIZONTALPODAUTOSCALERS
from common.api.meta import Object

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import dump


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Keep a workload as large as its load asks: autoscale deploy/hello --min 1 --max 5."
    arguments.objects(parser)
    arguments.namespace(parser)
    arguments.output(parser, ("json", "yaml"))
    parser.add_argument("--min", type=arguments.count, default=1, metavar="N", help="replicas at least (default: 1)")
    parser.add_argument("--max", type=arguments.count, required=True, metavar="N", help="replicas at most")
    parser.add_argument(
        "--cpu-percent", type=arguments.count, default=80, metavar="N",
        help="CPU that pods shall use, in percent of what they request (default: 80)",
    )  # fmt: skip
    parser.add_argument("--name", default="", help="name of the autoscaler (default: that of the workload)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    for target in context.targets(args.objects):
        if not target.name:
            raise Failure(f"{target.kind.label}: name the object: KIND NAME or KIND/NAME", Exit.USAGE)
        resource = target.kind.resource
        reference = {"apiVersion": resource.api_version, "kind": resource.kind, "name": target.name}
        body = autoscaler(args.name or target.name, reference, args.min, args.max, args.cpu_percent)
        made = context.api.send("POST", context.path(HORIZONTALPODAUTOSCALERS), body)
        print(dump(made, args.output) if args.output else f"{target} autoscaled")
    return Exit.OK


def autoscaler(name: str, reference: Object, least: int, most: int, percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": reference,
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
