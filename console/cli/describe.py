"""`describe`: everything about an object in words, the same text as in the console."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from common.api.kinds import (
    CRONJOBS,
    ENDPOINTSLICES,
    EVENTS,
    JOBS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    SERVICES,
    Resource,
)
from common.api.meta import Object, name, namespace, uid
from common.api.rollout import HISTORY
from common.api.storage import uses_claim
from common.clock import SystemClock
from console.views.describe import Related, describe
from console.views.rollouts import owned_by

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Tell everything about objects, with what belongs to them and their events."
    arguments.objects(parser)
    arguments.namespace(parser, everywhere=True)
    arguments.selector(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    texts = []
    now = SystemClock().now()
    for target, obj in _objects(context, args):
        stamped = {"apiVersion": target.kind.resource.api_version, "kind": target.kind.resource.kind, **obj}
        texts.append("\n".join(describe(stamped, related(context, target, stamped), now)))
    if not texts:
        raise Failure("no resources found")
    print("\n\n\n".join(texts))
    return Exit.OK


def _objects(context: Context, args: argparse.Namespace) -> list[tuple[Target, Object]]:
    targets = context.targets(args.objects)
    if any(target.name for target in targets) and (args.all_namespaces or args.selector):
        raise Failure("a name goes with neither -A nor -l", Exit.USAGE)
    query = {"labelSelector": args.selector} if args.selector else None
    found = []
    for target in targets:
        if target.name:
            found.append((target, context.read(target)))
        else:
            items = context.api.get(context.path(target.kind.resource), query)["items"]
            found += [(target, item) for item in items]
    return found


def related(context: Context, target: Target, obj: Object) -> Related:
    """What a description tells besides the object itself, by its kind."""
    place = namespace(obj) or None
    resource = target.kind.resource

    def items(path: str, **query: str) -> list[Object]:
        listed: list[Object] = context.api.get(path, query)["items"]
        return listed

    return Related(
        events=items(EVENTS.path(place), fieldSelector=f"involvedObject.uid={uid(obj)}"),
        pods=_pods_of(resource, obj, items),
        usage=context.api.get(resource.path(place, name(obj), "usage")) if resource == PERSISTENTVOLUMECLAIMS else None,
        revisions=owned_by(obj, items(HISTORY[resource].path(place))) if resource in HISTORY else (),
        jobs=owned_by(obj, items(JOBS.path(place))) if resource == CRONJOBS else (),
        endpointslices=(
            items(ENDPOINTSLICES.path(place), labelSelector=f"kubernetes.io/service-name={name(obj)}")
            if resource == SERVICES
            else ()
        ),
    )


def _pods_of(resource: Resource, obj: Object, items: Callable[..., list[Object]]) -> list[Object]:
    """The pods of a node, or those that use a claim."""
    if resource == NODES:
        return items(PODS.path(), fieldSelector=f"spec.nodeName={name(obj)}")
    if resource == PERSISTENTVOLUMECLAIMS:
        return [pod for pod in items(PODS.path(namespace(obj))) if uses_claim(pod, obj)]
    return []
