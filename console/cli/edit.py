"""`edit`: an object as YAML in the user's own editor, as `e` in the console does it."""

from __future__ import annotations

import argparse
import sys

from common.api.meta import Object, name
from common.blocking import Unreachable
from common.errors import ApiError, Conflict
from console import editor
from console.views import editing
from console.views.editing import Remark

from . import arguments
from .context import Context, Target
from .exits import Exit, Failure

ATTEMPTS = 3  # a controller may write between our read and our write; three times in a row is a fight of others


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Open an object in $EDITOR. What changed is printed and written; what the server refuses comes back with "
        "remarks at their lines. `secret edit` is for the values of Secrets."
    )
    arguments.objects(parser)
    arguments.namespace(parser)
    parser.add_argument("--dry-run", action="store_true", help="let the server try it, and write nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    target = context.single(args.objects)
    if target.kind.resource.kind == "Secret":
        raise Failure(f"values of Secrets are edited one by one: quarterdeck secret edit {target.name} KEY", Exit.USAGE)
    before = context.read(target)
    text = editing.opening(before)
    while True:
        left = _edited(text, editing.file_name(before))
        if editing.plain(left) == editing.plain(text):
            # Also after a refusal: who leaves the remarks as they are gives up.
            print(f"{target} unchanged")
            return Exit.OK if text == editing.opening(before) else Exit.FAILED
        remarks = _try(context, target, before, left, dry_run=args.dry_run)
        if not remarks:
            return Exit.OK
        for remark in remarks:
            print(f"error: {remark.field + ': ' if remark.field else ''}{remark.text}", file=sys.stderr)
        text = editing.remarked(left, remarks)


def _edited(text: str, file: str) -> str:
    try:
        return editing.decode(editor.edit(editing.encode(text), file))
    except editor.EditFailed as error:
        raise Failure(str(error)) from None


def _try(context: Context, target: Target, before: Object, left: str, *, dry_run: bool) -> list[Remark]:
    """Write it and print what changed; what is wrong with it otherwise, so that nothing typed is lost."""
    try:
        after = editing.parse(left, before)
        _write(context, target, before, after, dry_run=dry_run)
    except (ApiError, Unreachable, ValueError) as error:
        return editing.remarks_of(error)
    print(f"{target} {'would be edited' if dry_run else 'edited'}")
    for line, _ in editing.difference(before, after):
        print(line)
    return []


def _write(context: Context, target: Target, before: Object, after: Object, *, dry_run: bool) -> None:
    """On top of what is there now; what others write at the same time stays."""
    path = context.path(target.kind.resource, target.name)
    params = {"dryRun": "All"} if dry_run else {}
    for _ in range(ATTEMPTS):
        try:
            context.api.send("PUT", path, editing.merged(before, after, context.read(target)), params=params)
        except Conflict:
            continue
        return
    raise Conflict(f"{name(before)} is written by others all the time: nothing was written, try again")
