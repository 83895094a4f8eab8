"""`logs`: what containers wrote, byte for byte; of several, line by line."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from common.api import selectors
from common.api.kinds import PODS
from common.api.meta import Object, metadata, name
from common.api.pods import is_ready
from common.blocking import Unreachable
from common.errors import ApiError

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure

AT_ONCE = 20  # followed at a time: each is a connection to its node
SELECTED_TAIL = 10  # lines of each container with a selector, as kubectl has it


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print what containers wrote: logs POD, logs deploy/hello, logs -f POD -c CONTAINER, logs -l app=web --prefix."
    )
    parser.add_argument("objects", nargs="*", metavar="OBJECT", help="POD, KIND/NAME or KIND NAME")
    arguments.namespace(parser)
    arguments.selector(parser)
    parser.add_argument("-c", "--container", default="", help="which container (default: the first one)")
    parser.add_argument("--all-containers", action="store_true", help="all containers of each pod")
    parser.add_argument("--all-pods", action="store_true", help="all pods of a workload or Service, not one; prefixed")
    parser.add_argument("--prefix", action="store_true", help="begin each line with its pod and container")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as it writes")
    parser.add_argument("-p", "--previous", action="store_true", help="the container's previous run")
    parser.add_argument("--tail", type=arguments.count, metavar="LINES", help="only the last lines (default: all; "
                        f"{SELECTED_TAIL} with -l)")  # fmt: skip
    parser.add_argument("--since", type=arguments.seconds, metavar="TIME", help="only newer than this: 90s, 5m, 1h")
    parser.add_argument("--timestamps", action="store_true", help="begin each line with its time")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class Source:
    """A container whose log is printed; `prefix` begins each of its lines."""

    pod: str
    container: str
    prefix: bytes = b""


def run(args: argparse.Namespace) -> int:
    if bool(args.objects) == bool(args.selector):
        raise Failure("give an object, or labels with -l", Exit.USAGE)
    context = Context.of(args)
    if args.selector and args.tail is None:
        args.tail = SELECTED_TAIL
    found = list(_sources(context, args))
    if not found:
        raise Failure(f"no pod has the labels {args.selector}")
    if len(found) == 1 and not found[0].prefix:
        for chunk in _chunks(context, args, found[0]):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        return Exit.OK
    if args.follow and len(found) > AT_ONCE:
        raise Failure(f"{len(found)} containers are more than the {AT_ONCE} that can be followed at once: narrow it")
    writing = threading.Lock()
    with ThreadPoolExecutor(AT_ONCE if args.follow else 1, "logs") as pool:
        good = list(pool.map(lambda source: _print(context, args, source, writing), found))
    return Exit.OK if all(good) else Exit.FAILED


def _sources(context: Context, args: argparse.Namespace) -> Iterator[Source]:
    pods = _pods(context, args)
    for pod in pods:
        containers = _names(pod) if args.all_containers else [pick_container(pod, args.container)]
        for container in containers:
            wanted = args.prefix or args.all_pods
            yield Source(name(pod), container, f"[pod/{name(pod)}/{container}] ".encode() if wanted else b"")


def _pods(context: Context, args: argparse.Namespace) -> list[Object]:
    if args.selector:
        found = context.api.get(context.path(PODS), {"labelSelector": args.selector})["items"]
        return sorted(found, key=name)
    target = context.single(args.objects, default_kind="pods")
    return pods_of(context, target) if args.all_pods else [find_pod(context, target)]


def _chunks(context: Context, args: argparse.Namespace, source: Source) -> Iterator[bytes]:
    path = context.path(PODS, quote(source.pod), "log")
    return context.api.stream(path, query(args, source.container), follow=args.follow)


def _print(context: Context, args: argparse.Namespace, source: Source, writing: threading.Lock) -> bool:
    """Lines of different containers never mix; whether all of it could be read."""
    try:
        for line in lines(_chunks(context, args, source)):
            with writing:
                sys.stdout.buffer.write(source.prefix + line)
                sys.stdout.buffer.flush()
    except (ApiError, Unreachable) as error:
        with writing:
            print(f"error: {source.pod}/{source.container}: {error}", file=sys.stderr, flush=True)
        return False
    return True


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines with their ends; a last one without an end gets one."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest + b"\n"


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
    names = _names(pod)
    chosen = (
        wanted or (metadata(pod).get("annotations") or {}).get("kubectl.kubernetes.io/default-container") or names[0]
    )
    if chosen not in names:
        raise Failure(f'container "{chosen}" is not in pod {name(pod)}; it has: {", ".join(names)}')
    return str(chosen)


def _names(pod: Object) -> list[str]:
    spec = pod.get("spec") or {}
    lists = ("containers", "initContainers", "ephemeralContainers")
    return [each["name"] for key in lists for each in spec.get(key) or ()]
