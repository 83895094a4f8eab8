"""`logs`: a container's output, byte for byte."""

from __future__ import annotations

import argparse
import sys
from urllib.parse import quote

from common.api import selectors
from common.api.kinds import PODS
from common.api.meta import Object, metadata, name
from common.api.pods import is_ready

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print what a container wrote: logs POD, logs deploy/hello, logs -f POD -c CONTAINER."
    parser.add_argument("objects", nargs="+", metavar="OBJECT", help="POD, KIND/NAME or KIND NAME")
    arguments.namespace(parser)
    parser.add_argument("-c", "--container", default="", help="which container (default: the first one)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as it writes")
    parser.add_argument("-p", "--previous", action="store_true", help="the container's previous run")
    parser.add_argument("--tail", type=arguments.count, metavar="LINES", help="only the last lines")
    parser.add_argument("--since", type=arguments.seconds, metavar="TIME", help="only newer than this: 90s, 5m, 1h")
    parser.add_argument("--timestamps", action="store_true", help="begin each line with its time")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    pod = find_pod(context, context.single(args.objects, default_kind="pods"))
    container = pick_container(pod, args.container)
    path = context.path(PODS, quote(name(pod)), "log")
    for chunk in context.api.stream(path, query(args, container), follow=args.follow):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    return Exit.OK


def query(args: argparse.Namespace, container: str) -> dict[str, str]:
    flags = {"follow": args.follow, "previous": args.previous, "timestamps": args.timestamps}
    asked = {"container": container} | {key: "true" for key, value in flags.items() if value}
    if args.tail is not None:
        asked["tailLines"] = str(args.tail)
    if args.since is not None:
        asked["sinceSeconds"] = str(max(1, round(args.since)))
    return asked


def find_pod(context: Context, target: Target) -> Object:
    """The pod itself, or one of a workload's pods: the newest that is ready, or else any."""
    obj = context.read(target)
    if target.kind.resource == PODS:
        return obj
    spec = obj.get("spec") or {}
    chosen = spec.get("selector")
    if not isinstance(chosen, dict):
        raise Failure(f"{target} has no pods: give a Pod or a kind that selects pods")
    labels = chosen if target.kind.resource.plural == "services" else None
    wanted = selectors.from_labels(labels) if labels else selectors.from_label_selector(chosen)
    pods = [
        pod for pod in context.api.get(context.path(PODS))["items"] if wanted.matches(metadata(pod).get("labels") or {})
    ]
    if not pods:
        raise Failure(f"{target} has no pods now")
    best: Object = max(pods, key=lambda pod: (is_ready(pod), metadata(pod).get("creationTimestamp") or ""))
    if len(pods) > 1:
        print(f"Found {len(pods)} pods, using pod/{name(best)}", file=sys.stderr)
    return best


def pick_container(pod: Object, wanted: str) -> str:
    """The container of that name, else the annotated default, else the first; Failure lists them."""
    spec = pod.get("spec") or {}
    names = [each["name"] for key in ("containers", "initContainers") for each in spec.get(key) or ()]
    chosen = (
        wanted or (metadata(pod).get("annotations") or {}).get("kubectl.kubernetes.io/default-container") or names[0]
    )
    if chosen not in names:
        raise Failure(f'container "{chosen}" is not in pod {name(pod)}; it has: {", ".join(names)}')
    return str(chosen)
