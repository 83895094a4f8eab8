"""`scale`: set the number of replicas."""

from __future__ import annotations

import argparse

from . import arguments
from .context import Context
from .exits import Exit, Failure


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Set the number of replicas: scale deploy/hello --replicas 5."
    arguments.objects(parser)
    arguments.namespace(parser)
    parser.add_argument("--replicas", type=arguments.count, required=True, metavar="N", help="how many there shall be")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    for target in context.targets(args.objects):
        if not target.name:
            raise Failure(f"{target.kind.label}: name the object: KIND NAME or KIND/NAME", Exit.USAGE)
        path = context.path(target.kind.resource, target.name, "scale")
        body = {"spec": {"replicas": args.replicas}}
        context.api.send("PATCH", path, body, content_type="application/merge-patch+json")
        print(f"{target} scaled")
    return Exit.OK
