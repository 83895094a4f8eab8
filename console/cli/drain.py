"""`drain`, `cordon`, `uncordon`: take a node out of use, with a preview, within the disruption budgets."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta

from common.api import drains, kinds, meta
from common.api.drains import Drain, Item, Options, Stage
from common.api.kinds import FITS, NODES, PODS
from common.api.meta import Object
from common.clock import Clock, SystemClock
from common.errors import ApiError, NotFound, ServiceUnavailable, TooManyRequests
from console.views import drain as views

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import clean, columns, dump

LOOK_SECONDS = 0.5  # between two looks at what is still there


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Cordon a node and evict its pods as their disruption budgets allow; done when the pods are gone. "
        "Pods of DaemonSets and mirror pods stay."
    )
    parser.add_argument("node", metavar="NODE")
    parser.add_argument("--dry-run", action="store_true", help="only say what would become of each pod, and where to")
    parser.add_argument("--force", action="store_true", help="evict pods that no controller makes again, too")
    parser.add_argument(
        "--delete-emptydir-data", action="store_true", help="evict pods with emptyDir volumes, whose data is lost"
    )
    parser.add_argument(
        "--grace-period", type=arguments.count, metavar="SECONDS", help="for pods to end (default: each pod's own)"
    )
    parser.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=0.0,
        metavar="TIME",
        help="give up after that long (default: never)",
    )
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=run, namespace=None)


def configure_cordon(parser: argparse.ArgumentParser) -> None:
    parser.description = "Let no new pods come to nodes."
    _configure_cordoning(parser, cordoned=True)


def configure_uncordon(parser: argparse.ArgumentParser) -> None:
    parser.description = "Let pods come to nodes again."
    _configure_cordoning(parser, cordoned=False)


def _configure_cordoning(parser: argparse.ArgumentParser, *, cordoned: bool) -> None:
    parser.add_argument("nodes", nargs="+", metavar="NODE")
    parser.set_defaults(run=run_cordon, cordoned=cordoned, namespace=None)


def run_cordon(args: argparse.Namespace) -> int:
    context = Context.of(args)
    for node in args.nodes:
        changed = _cordon(context, node, cordoned=args.cordoned)
        print(f"node/{node} {'' if changed else 'already '}{'' if args.cordoned else 'un'}cordoned")
    return Exit.OK


def _cordon(context: Context, node: str, *, cordoned: bool) -> bool:
    """Whether that changed anything."""
    path = NODES.path(None, node)
    if bool((context.api.get(path).get("spec") or {}).get("unschedulable")) is cordoned:
        return False
    patch: Object = {"spec": {"unschedulable": True if cordoned else None}}
    context.api.send("PATCH", path, patch, content_type="application/merge-patch+json")
    return True


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    context.api.get(NODES.path(None, args.node))  # a node that is not there is said before anything is planned
    items = drains.plan(
        args.node, _on_node(context, args.node), context.api.get(kinds.PODDISRUPTIONBUDGETS.path())["items"],
        Options(force=args.force, delete_local=args.delete_emptydir_data),
    )  # fmt: skip
    if args.dry_run:
        found = _homes(context, args.node, items)
        document = {"node": args.node, "pods": views.rows(items, found)}
        print(dump(document, args.output) if args.output else render(args.node, items, found))
        return Exit.FAILED if _refused(items) else Exit.OK
    quiet = bool(args.output)
    changed = _cordon(context, args.node, cordoned=True)
    _say(f"node/{args.node} {'' if changed else 'already '}cordoned", quiet=quiet)
    if refused := _refused(items):
        lines = [f"  {meta.key(item.pod)}: {item.reason}" for item in refused]
        raise Failure("\n".join([f"node/{args.node} is cordoned, no pod was evicted; these refuse the drain:", *lines]))
    drain = Drain(items)
    Evictor(context, args.node, drain, grace_period=args.grace_period, quiet=quiet).work(args.timeout)
    if args.output:
        document = {"node": args.node, "drained": drain.complete, "pods": views.rows(items, {}, drain)}
        print(dump(document, args.output))
    return _conclude(args.node, drain, quiet=quiet)


def _conclude(node: str, drain: Drain, *, quiet: bool) -> int:
    if drain.complete:
        _say(f"node/{node} drained", quiet=quiet)
        return Exit.OK
    left = [
        f"  {meta.key(drain.items[uid].pod)}: {': '.join(filter(None, (stage, drain.words.get(uid))))}"
        for uid, stage in drain.stages.items()
        if stage is not Stage.GONE
    ]
    code = Exit.FAILED if drain.settled else Exit.TIMEOUT
    raise Failure("\n".join([f"node/{node} is not drained, it stays cordoned; still there:", *left]), code)


def _on_node(context: Context, node: str) -> list[Object]:
    found: list[Object] = context.api.get(PODS.path(), {"fieldSelector": f"spec.nodeName={node}"})["items"]
    return found


def _homes(context: Context, node: str, items: list[Item]) -> views.Homes:
    return views.homes(context.api.send("POST", FITS.path(), drains.question(node, items)))


def _refused(items: list[Item]) -> list[Item]:
    return [item for item in items if item.fate is drains.Fate.REFUSE]


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        print(text, flush=True)


class Evictor:
    """Asks for evictions until the pods are gone, or the time is over."""

    def __init__(
        self,
        context: Context,
        node: str,
        drain: Drain,
        *,
        grace_period: int | None = None,
        quiet: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._context = context
        self._node = node
        self._drain = drain
        self._grace_period = grace_period
        self._quiet = quiet
        self._clock = clock or SystemClock()

    def work(self, seconds: float) -> None:
        """`seconds` is 0 for no limit."""
        deadline = self._clock.monotonic() + seconds
        while True:
            for item in self._drain.due(self._clock.now()):
                self._evict(item)
            gone = self._drain.count(Stage.GONE)
            self._drain.saw({meta.uid(pod): pod for pod in _on_node(self._context, self._node)})
            if self._drain.count(Stage.GONE) != gone:
                _say(f"{self._drain.count(Stage.GONE)} of {len(self._drain.stages)} gone", quiet=self._quiet)
            if self._drain.settled or (seconds and self._clock.monotonic() >= deadline):
                return
            time.sleep(LOOK_SECONDS)

    def _evict(self, item: Item) -> None:
        path = PODS.path(meta.namespace(item.pod), meta.name(item.pod), "eviction")
        try:
            self._context.api.send("POST", path, drains.eviction(item.pod, self._grace_period))
        except NotFound:
            self._drain.gone(item)
        except (TooManyRequests, ServiceUnavailable) as error:
            again = self._clock.now() + timedelta(seconds=drains.RETRY_SECONDS)
            self._drain.held(item, _reason(error), again)
            text = f"{meta.key(item.pod)}: {_reason(error)} (asked again in {drains.RETRY_SECONDS:g} s)"
            print(clean(text), file=sys.stderr, flush=True)
        except ApiError as error:
            self._drain.failed(item, error.message)
        else:
            self._drain.accepted(item)
            _say(f"evicting pod {meta.key(item.pod)}", quiet=self._quiet)


def _reason(error: ApiError) -> str:
    """What the budget says, where the API says it."""
    return error.causes[0].message if error.causes else error.message


def render(node: str, items: list[Item], found: views.Homes) -> str:
    """The preview for people."""
    head = f"node/{node}: {views.headline(items, found).word}"
    cells = [
        (f"{meta.key(row)}", views.fate(row).word, views.home(row), clean(views.why(row)) or "-")
        for row in views.rows(items, found)
    ]
    return "\n".join([head, "", columns(("POD", "WHAT", "GOES TO", "WHY"), cells)]) if cells else head
