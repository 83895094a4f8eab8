"""`lb`: Services, their endpoints and what came to them; `lb drain` and `lb weight` change an endpoint's part."""

from __future__ import annotations

import argparse

from common.api import weights
from common.api.kinds import LOADBALANCERS, PODS
from common.api.meta import Object
from console.views import balancer as views

from . import arguments
from .batch import MERGE
from .context import Context
from .exits import Exit
from .output import columns, dump

_CLUSTER = "cluster"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "The load balancers of all nodes: Services, endpoints, weights, requests, errors, latency."
    parser.set_defaults(run=show)
    arguments.namespace(parser)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="Services of all namespaces")
    arguments.output(parser, ("json", "yaml"))
    verbs = parser.add_subparsers(metavar="[drain|undrain|weight]")
    for verb, text in (("drain", "send nothing new to a pod"), ("undrain", "let a pod have its usual part again")):
        found = verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.")
        _pod(found)
        found.set_defaults(run=weigh, weight=0 if verb == "drain" else weights.DEFAULT)
    found = verbs.add_parser("weight", help="set a pod's part of what is new")
    found.description = "Set a pod's part of new connections and requests, beside the others of its Services."
    _pod(found)
    found.add_argument("weight", metavar="WEIGHT", type=_weight, help="0 (drained) to 256; 100 is usual")
    found.set_defaults(run=weigh)


def _pod(parser: argparse.ArgumentParser) -> None:
    arguments.namespace(parser)
    parser.set_defaults(namespace=argparse.SUPPRESS)  # what was said before the verb stays said
    parser.add_argument("pod", metavar="POD")


def _weight(text: str) -> int:
    try:
        return weights.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def show(args: argparse.Namespace) -> int:
    context = Context.of(args)
    document: Object = context.api.get(LOADBALANCERS.path(None, _CLUSTER))
    if args.output:
        print(dump(document, args.output))
    else:
        print(render(document, context.namespace))
    return Exit.OK


def weigh(args: argparse.Namespace) -> int:
    context = Context.of(args)
    path = context.path(PODS, args.pod)
    context.api.send("PATCH", path, weights.weight_patch(args.weight), content_type=MERGE)
    print(f"pod/{args.pod} has weight {args.weight}")
    return Exit.OK


def render(document: Object, namespace: str | None) -> str:
    """`namespace` None shows all."""
    shown = [row for row in views.rows(document) if namespace in {None, row["metadata"]["namespace"]}]
    head = "".join(text for text, _ in views.sums(document))
    found = [
        (
            row["service"]["name"] if namespace else f"{row['metadata']['namespace']}/{row['service']['name']}",
            views.endpoint_text(row["endpoint"]),
            row["endpoint"]["pod"] or "-",
            row["endpoint"]["node"] or "-",
            row["endpoint"]["state"],
            row["endpoint"]["weight"],
            f"{row['share']:.0%}" if row["share"] is not None else "-",
            *_figures(row["endpoint"]["http"]),
        )
        for row in shown
    ]
    names = ("SERVICE", "ENDPOINT", "POD", "NODE", "STATE", "WEIGHT", "SHARE", "REQ/S", "ERR/S", "MS")
    table = columns(names, found) if found else "no Services found"
    return "\n".join([head, *views.faults(document), "", table])


def _figures(http: Object | None) -> tuple[str, str, str]:
    if http is None:
        return "-", "-", "-"
    latency = views.amount(http["latency"]) if http["latency"] is not None else "-"
    return views.amount(http["requestsPerSecond"]), views.amount(http["errorsPerSecond"]), latency
