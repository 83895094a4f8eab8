"""Which pod, and which container of it, a command line means: for the commands that go into pods."""

from __future__ import annotations

import sys

from common.api import selectors
from common.api.kinds import PODS
from common.api.meta import Object, metadata, name
from common.api.pods import is_ready

from .context import Context, Target
from .exits import Failure


def find_pod(context: Context, target: Target) -> Object:
    """The pod itself, or one of a workload's pods: the newest that is ready, or else any."""
    found = pods_of(context, target)
    best: Object = max(found, key=lambda pod: (is_ready(pod), metadata(pod).get("creationTimestamp") or ""))
    if len(found) > 1:
        print(f"Found {len(found)} pods, using pod/{name(best)}", file=sys.stderr)
    return best


def pods_of(context: Context, target: Target) -> list[Object]:
    """The pod itself, or all that a workload or Service selects; Failure when there is none."""
    obj = context.read(target)
    if target.kind.resource == PODS:
        return [obj]
    chosen = (obj.get("spec") or {}).get("selector")
    if not isinstance(chosen, dict):
        raise Failure(f"{target} has no pods: give a Pod or a kind that selects pods")
    labels = chosen if target.kind.resource.plural == "services" else None
    wanted = selectors.from_labels(labels) if labels else selectors.from_label_selector(chosen)
    items = context.api.get(context.path(PODS))["items"]
    pods = [pod for pod in items if wanted.matches(metadata(pod).get("labels") or {})]
    if not pods:
        raise Failure(f"{target} has no pods now")
    return pods


def pick_container(pod: Object, wanted: str) -> str:
    """The container of that name, else the annotated default, else the first; Failure lists them."""
    names = container_names(pod)
    chosen = (
        wanted or (metadata(pod).get("annotations") or {}).get("kubectl.kubernetes.io/default-container") or names[0]
    )
    if chosen not in names:
        raise Failure(f'container "{chosen}" is not in pod {name(pod)}; it has: {", ".join(names)}')
    return str(chosen)


def container_names(pod: Object) -> list[str]:
    """Its own containers first, then those that begin before them, then those added to look into it."""
    spec = pod.get("spec") or {}
    lists = ("containers", "initContainers", "ephemeralContainers")
    return [each["name"] for key in lists for each in spec.get(key) or ()]
