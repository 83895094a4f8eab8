"""`get`: the server's Tables, or the objects themselves."""

from __future__ import annotations

import argparse
import sys

from common.api.meta import Object

from . import arguments, manifests
from .context import Context, Target
from .exits import Exit, Failure
from .output import as_list, dump, object_name, table, without_managed_fields

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "List objects: get pods, get deploy hello, get pod/a svc/b, get all, get pods,svc -A -o wide."
    arguments.objects(parser, required=False)
    arguments.namespace(parser, everywhere=True)
    arguments.selector(parser)
    arguments.files(parser)
    arguments.output(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    wanted = _wanted(context, args)
    names = [target for _, target in wanted if target.name]
    if args.all_namespaces and names:
        raise Failure("an object cannot be named across all namespaces: leave out -A or the name", Exit.USAGE)
    if args.selector and names:
        raise Failure("give names or -l, not both", Exit.USAGE)
    if args.output in {"json", "yaml", "name"}:
        return _print_objects(wanted, args)
    wide = args.output == "wide"
    _print_tables(wanted, _query(args), wide=wide)
    return Exit.OK


def print_tables(context: Context, words: list[str]) -> None:
    """Tables of these objects, as `get` prints them."""
    _print_tables([(context, target) for target in context.targets(words)], {}, wide=False)


def _wanted(context: Context, args: argparse.Namespace) -> list[tuple[Context, Target]]:
    if not args.filename:
        return [(context, target) for target in context.targets(args.objects)]
    if args.objects:
        raise Failure("give objects or -f, not both", Exit.USAGE)
    found = []
    for manifest in manifests.load(args.filename):
        kind = context.kinds.of_object(manifest.obj)
        place = Context(context.home, manifests.namespace_of(kind, manifest.obj, args.namespace))
        found.append((place, Target(kind, manifest.obj["metadata"]["name"])))
    return found


def _print_objects(wanted: list[tuple[Context, Target]], args: argparse.Namespace) -> int:
    objects: list[tuple[Target, Object]] = []
    for context, target in wanted:
        if target.name:
            objects.append((target, context.read(target)))
            continue
        resource = target.kind.resource
        listing = context.api.get(context.path(resource), _query(args))
        # The items of a list come without these, as in Kubernetes.
        stamp = {"apiVersion": resource.api_version, "kind": resource.kind}
        objects += [(target, {**stamp, **item}) for item in listing["items"]]
    if args.output == "name":
        for target, obj in objects:
            print(object_name(target.kind, obj))
        return Exit.OK
    shown = [without_managed_fields(obj) for _, obj in objects]
    single = len(wanted) == 1 and wanted[0][1].name
    print(dump(shown[0] if single else as_list(shown), args.output))
    return Exit.OK


def _query(args: argparse.Namespace) -> dict[str, str]:
    return {"labelSelector": args.selector} if args.selector else {}


def _print_tables(wanted: list[tuple[Context, Target]], query: dict[str, str], *, wide: bool) -> None:
    groups: dict[int, tuple[Context, Target, list[Object]]] = {}
    for context, target in wanted:
        resource = target.kind.resource
        path = context.path(resource, target.name or None)
        document = context.api.get(path, {} if target.name else query, accept=TABLE)
        groups.setdefault(id(target.kind), (context, target, []))[2].append(document)
    shown = []
    for context, target, documents in groups.values():
        rows = [row for document in documents for row in document.get("rows") or ()]
        if rows:
            with_namespace = context.namespace is None and target.kind.resource.namespaced
            whole = {**documents[0], "rows": rows}
            many = len(groups) > 1
            shown.append(table(whole, target.kind, wide=wide, with_namespace=with_namespace, with_kind=many))
    if shown:
        print("\n\n".join(shown))
        return
    context, target = wanted[0]
    everywhere = context.namespace is None or not target.kind.resource.namespaced
    where = "" if everywhere else f" in {context.namespace} namespace"
    print(f"No resources found{where}.", file=sys.stderr)
