"""`apply`: create what is missing, patch what differs."""

from __future__ import annotations

import argparse
import sys

from common.api.meta import Object, metadata, name, namespace, resource_version
from common.client.base import PatchType
from common.errors import AlreadyExists, ApiError, Conflict, NotFound

from . import arguments, manifests, schema, threeway
from .context import Context
from .exits import Exit, Failure
from .kinds import Kind
from .output import dump, object_name

MANAGER = "quarterdeck"
ATTEMPTS = 3  # a controller may write between our read and our patch; three times in a row is somebody else's fight


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Create what is missing and patch what differs, as kubectl apply does; use both in turn."
    arguments.namespace(parser)
    arguments.files(parser, required=True)
    arguments.output(parser, ("json", "yaml", "name"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """One wrong object does not keep the others from being applied; the exit code tells."""
    context = Context.of(args)
    failed = 0
    explicit = args.namespace
    for manifest in manifests.load(args.filename):
        try:
            kind = context.kinds.of_object(manifest.obj)
            obj, verb = apply_one(context, kind, manifest.obj, explicit)
        except (ApiError, Failure) as error:
            failed += 1
            print(f"error: {manifest.source}: {error}", file=sys.stderr)
        else:
            _tell(kind, obj, verb, args.output)
    return Exit.FAILED if failed else Exit.OK


def _tell(kind: Kind, obj: Object, verb: str, form: str | None) -> None:
    if form in {"json", "yaml"}:
        print(dump(obj, str(form)))
    else:
        print(object_name(kind, obj) + ("" if form == "name" else f" {verb}"))


def apply_one(context: Context, kind: Kind, manifest: Object, explicit: str | None = None) -> tuple[Object, str]:
    """The object as it is now, and `created`, `configured` or `unchanged`. Raises ApiError, Failure."""
    target = namespace_of(kind, manifest, explicit)
    if not name(manifest):
        raise Failure("metadata.name: apply needs a name; generateName works with create only")
    wanted = threeway.with_annotation(_placed(manifest, target))
    for attempt in range(ATTEMPTS):
        try:
            live = context.api.get(kind.resource.path(target, name(manifest)))
        except NotFound:
            try:
                path = kind.resource.path(target)
                made = context.api.send("POST", path, wanted, params={"fieldManager": MANAGER})
            except AlreadyExists:
                continue
            return made, "created"
        try:
            return _patch(context, kind, target, wanted, live)
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    raise Failure(f"{kind.label}/{name(manifest)} is made and deleted by somebody else all the time")


def _patch(context: Context, kind: Kind, target: str | None, wanted: Object, live: Object) -> tuple[Object, str]:
    place = schema.of_server(context.api, kind.resource)
    patch = threeway.patch(threeway.last_applied(live), wanted, live, place)
    if not patch:
        return live, "unchanged"
    form = PatchType.MERGE if isinstance(place, threeway.Unknown) else PatchType.STRATEGIC
    path = kind.resource.path(target, name(wanted))
    changed = context.api.send("PATCH", path, patch, params={"fieldManager": MANAGER}, content_type=form)
    return changed, "unchanged" if resource_version(changed) == resource_version(live) else "configured"


def namespace_of(kind: Kind, manifest: Object, explicit: str | None) -> str | None:
    """Where the object goes; -n must not contradict the manifest."""
    written = namespace(manifest)
    if not kind.resource.namespaced:
        return None
    if explicit and written and explicit != written:
        raise Failure(
            f'metadata.namespace: "{written}" is not the namespace "{explicit}" that -n gives: leave out one of them'
        )
    return written or explicit or "default"


def _placed(manifest: Object, target: str | None) -> Object:
    if target is None:
        return manifest
    return {**manifest, "metadata": {**metadata(manifest), "namespace": target}}
