"""`apply`: create what is missing, patch what differs. `:apply` in the console does the same."""

from __future__ import annotations

import argparse
import sys

from common.api.meta import Object
from common.errors import ApiError
from console.manifests import applying
from console.manifests.applying import Outcome, Request, Verb
from console.manifests.reading import Manifest, Unreadable
from console.views import applying as views
from console.views import editing

from . import arguments, manifests
from .context import Context
from .exits import Exit, Failure
from .kinds import Kind
from .output import dump, object_name


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Create what is missing and patch what differs, as kubectl apply does; use both in turn."
    arguments.namespace(parser)
    arguments.files(parser, required=True)
    parser.add_argument("--dry-run", action="store_true", help="let the server try it, print what would change, and "
                        "write nothing")  # fmt: skip
    arguments.output(parser, ("json", "yaml", "name"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """One wrong object does not keep the others from being applied; the exit code tells."""
    context = Context.of(args)
    failed = 0
    applied: list[Object] = []
    for manifest in manifests.load(args.filename):
        try:
            kind = context.kinds.of_object(manifest.obj)
            outcome = apply_one(context, kind, manifest.obj, args.namespace, dry_run=args.dry_run)
        except (ApiError, Failure) as error:
            failed += 1
            _complain(manifest, error)
        else:
            applied.append(outcome.obj)
            _tell(kind, outcome, args.output, dry_run=args.dry_run)
    if applied and args.output in {"json", "yaml"}:
        # As kubectl: one object stands for itself, several are a List, so that what is printed is one document.
        listing: Object = {"apiVersion": "v1", "kind": "List", "items": applied}
        print(dump(applied[0] if len(applied) == 1 else listing, args.output))
    return Exit.FAILED if failed else Exit.OK


def _complain(manifest: Manifest, error: ApiError | Failure) -> None:
    print(f"error: {manifest.source}: {error}", file=sys.stderr)
    for remark in editing.remarks_of(error):
        if remark.field:
            print(f"  line {manifest.line(remark.field)}: {remark.field}: {remark.text}", file=sys.stderr)


def _tell(kind: Kind, outcome: Outcome, form: str | None, *, dry_run: bool) -> None:
    if form in {"json", "yaml"}:
        return
    done = f" {outcome.verb}{' (dry run)' if dry_run else ''}"
    print(object_name(kind, outcome.obj) + ("" if form == "name" else done))
    if dry_run and form is None and outcome.verb is not Verb.UNCHANGED:
        for line, _ in views.difference(outcome.before, outcome.obj):
            print(f"  {line}")


def apply_one(
    context: Context, kind: Kind, manifest: Object, explicit: str | None = None, *, dry_run: bool = False
) -> Outcome:
    """Raises ApiError, Failure."""

    def send(request: Request) -> object:
        if request.method == "GET":
            return context.api.get(request.path)
        return context.api.send(
            request.method, request.path, request.body, params=request.params, content_type=request.content_type
        )

    try:
        return applying.carry_out(applying.apply(kind.resource, manifest, explicit, dry_run=dry_run), send)
    except Unreadable as error:
        raise Failure(str(error)) from None
