"""`image list` and `image push`: the nodes' images, and sending them one of the local engine without a registry."""

from __future__ import annotations

import argparse
import sys
import tempfile
from typing import IO

from common.api.conditions import is_true
from common.api.kinds import NODES
from common.api.meta import name
from common.blocking import UnixHttp, Unreachable
from common.errors import ApiError

from . import archive, arguments
from .context import Context
from .exits import Exit, Failure
from .output import columns, dump

PUSH_TIMEOUT = 3600.0  # seconds of silence while a slow disk takes a large image in
SPOOL_BYTES = 64 * 1024 * 1024  # an image up to this size is kept in memory while it is sent


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Images on the nodes; no registry is needed."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the images of each node", description="List the images of each node.")
    listing.add_argument("nodes", nargs="*", metavar="NODE", help="only these nodes")
    arguments.output(listing, ("json", "yaml"))
    push = actions.add_parser(
        "push", help="send an image of the local engine to nodes",
        description="Send an image of the local Docker Engine to nodes, layer by layer, only what they miss.",
    )  # fmt: skip
    push.add_argument("image", metavar="IMAGE", help="name and tag, as `docker images` shows them")
    push.add_argument("nodes", nargs="*", metavar="NODE", help="which nodes (default: all that are Ready)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    return _list(context, args) if args.action == "list" else _push(context, args)


def _nodes(context: Context, wanted: list[str]) -> list[str]:
    if wanted:
        return wanted
    ready = [name(node) for node in context.api.get(NODES.path())["items"] if is_true(node, "Ready")]
    if not ready:
        raise Failure("no node is Ready; name the nodes, or see `quarterdeck get nodes`")
    return ready


def _list(context: Context, args: argparse.Namespace) -> int:
    found = [
        {"node": node, **image}
        for node in _nodes(context, args.nodes)
        for image in context.api.get(NODES.path(None, node, "images"))["items"]
    ]
    if args.output:
        print(dump({"items": found}, args.output))
        return Exit.OK
    rows = [
        (image["node"], tag, str(image["id"]).removeprefix("sha256:")[:12], f"{image['size'] / 1e6:.1f} MB")
        for image in found
        for tag in image["tags"] or ("<none>",)
    ]
    print(columns(("NODE", "IMAGE", "ID", "SIZE"), rows))
    return Exit.OK


def _push(context: Context, args: argparse.Namespace) -> int:
    """A node that fails does not keep the others from getting the image; the exit code tells."""
    nodes = _nodes(context, args.nodes)
    failed = 0
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        image_id = _export(args.image, file)
        for node in nodes:
            try:
                print(f"{node}: {_send(context, node, image_id, tag_of(args.image), file)}", flush=True)
            except ApiError as error:
                failed += 1
                print(f"error: {node}: {error.message}", file=sys.stderr)
    return Exit.FAILED if failed else Exit.OK


def _export(image: str, file: IO[bytes]) -> str:
    """Write the image's archive into `file`; its id. Raises Failure."""
    from console.setup.engine import engine_socket

    path = engine_socket()
    if path is None:
        raise Failure("DOCKER_HOST names no Unix socket; push from the machine that has the image")
    engine = UnixHttp(path, PUSH_TIMEOUT)
    try:
        found = engine.request("GET", f"/images/{image}/json")
        if found.code != 200:
            raise Failure(f'image "{image}" is not in the local engine; `docker images` lists those that are')
        _, chunks = engine.stream("GET", f"/images/{image}/get")
        for chunk in chunks:
            file.write(chunk)
    except Unreachable as error:
        raise Failure(f"the local Docker Engine does not answer: {error}", Exit.MISSING) from None
    return str(found.json()["Id"])


def tag_of(image: str) -> str:
    """The name as the engine lists it, with its tag."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"


def _send(context: Context, node: str, image_id: str, tag: str, file: IO[bytes]) -> str:
    """Send what the node misses; what was done, in words."""
    path = NODES.path(None, node, "images")
    if any(image["id"] == image_id and tag in image["tags"] for image in context.api.get(path)["items"]):
        return "has it already"
    try:
        with archive.open_archive(file) as opened:
            layers = archive.layer_files(opened)
            body = {"id": image_id, "layers": [diff_id for diff_id, _ in layers]}
            missing = frozenset(context.api.send("POST", path, body)["missing"])
            skipped = archive.skipped_files(opened, missing)
    except archive.BadArchive as error:
        raise Failure(str(error)) from None
    context.api.upload("PUT", path, archive.without(file, skipped), timeout=PUSH_TIMEOUT)
    return f"sent {len(missing)} of {len(layers)} layers"
