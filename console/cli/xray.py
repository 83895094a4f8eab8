"""`xray`: what objects are made of, as a tree: what they own, pods, containers, and what these name."""

from __future__ import annotations

import argparse

from common.api.kinds import Resource
from common.api.meta import Object
from common.errors import Forbidden
from console.views import xray

from . import arguments
from .context import Context, Target
from .exits import Exit
from .output import columns, dump


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What objects are made of, as a tree: what they own, their pods and containers, and the ConfigMaps, Secrets, "
        "claims and ServiceAccounts that these name, with what is missing: xray deploy, xray deploy/web, xray svc -A."
    )
    arguments.objects(parser, required=False)
    arguments.namespace(parser, everywhere=True)
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    targets = context.targets(args.objects or ["deployments"])
    objects = _read(context)
    trees = [tree for target in targets for tree in xray.grow(target.kind.resource, _roots(context, target), objects)]
    if args.output:
        print(dump(xray.document(trees), args.output))
    else:
        print(render(trees))
    return Exit.OK


def _roots(context: Context, target: Target) -> list[Object]:
    if target.name:
        return [context.read(target)]
    return list(context.api.get(context.path(target.kind.resource))["items"])


def _read(context: Context) -> dict[Resource, list[Object]]:
    """All that trees are made of, in all namespaces: a node has pods in any. What may not be read is left out."""
    found: dict[Resource, list[Object]] = {}
    for resource in xray.NEEDED:
        try:
            listing = context.api.get(resource.path())
        except Forbidden:
            continue
        stamp = {"apiVersion": resource.api_version, "kind": resource.kind}
        found[resource] = [{**stamp, **item} for item in listing["items"]]
    return found


def render(trees: list[xray.Branch]) -> str:
    if not trees:
        return "there is nothing of that kind here"
    rows = [
        (line.text, line.branch.state.word if line.branch.state else "", line.branch.info) for line in xray.drawn(trees)
    ]
    return columns(("TREE", "STATUS", "ABOUT"), rows)
