"""`image list` and `image push`, from an engine on a Unix socket through the API server to a node's agent."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from common.api.kinds import NODES
from common.client.http import HttpClient
from console.cli.exits import Exit
from tests.integration.api.node import Node

from .conftest import Command, Running

LAYERS = {"sha256:low": "low/layer.tar", "sha256:high": "high/layer.tar"}
IMAGE_ID = "sha256:0123456789abcdef"


def saved_image() -> bytes:
    files = {path: diff_id.encode() * 1000 for diff_id, path in LAYERS.items()}
    files["c.json"] = json.dumps({"rootfs": {"diff_ids": list(LAYERS)}}).encode()
    files["manifest.json"] = json.dumps(
        [{"Config": "c.json", "RepoTags": ["web:1"], "Layers": list(LAYERS.values())}]
    ).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class NodeWithImages(Node):
    """A node whose engine has one image, and takes others; `broken` makes it refuse them."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, Any]] = [{"id": "sha256:old", "tags": ["old:1"], "size": 5_000_000}]
        self.loaded: list[list[str]] = []
        self.broken = False

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_get("/images", self._list)
        app.router.add_post("/images/check", self._check)
        app.router.add_put("/images/load", self._load)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self.images})

    async def _check(self, request: web.Request) -> web.Response:
        layers = (await request.json())["layers"]
        return web.json_response({"present": False, "missing": [layer for layer in layers if layer != "sha256:low"]})

    async def _load(self, request: web.Request) -> web.Response:
        data = await request.read()
        if self.broken:
            return web.Response(status=400, text="no space left on device")
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            self.loaded.append(tar.getnames())
        self.images.append({"id": IMAGE_ID, "tags": ["web:1"], "size": len(data)})
        return web.json_response({"loaded": ["web:1"]})


@pytest.fixture
async def node() -> AsyncIterator[NodeWithImages]:
    node = NodeWithImages()
    await node.start()
    yield node
    await node.close()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[str]:
    """DOCKER_HOST of an engine that has the image web:1 alone."""

    async def inspect(request: web.Request) -> web.Response:
        known = request.match_info["name"] == "web:1"
        return web.json_response({"Id": IMAGE_ID} if known else {"message": "no"}, status=200 if known else 404)

    async def export(_request: web.Request) -> web.Response:
        return web.Response(body=saved_image())

    app = web.Application()
    app.router.add_get("/images/{name}/json", inspect)
    app.router.add_get("/images/{name}/get", export)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "docker.sock")).start()
    yield f"unix://{tmp_path / 'docker.sock'}"
    await runner.cleanup()


@pytest.fixture
async def ready_node(api: Running, client: HttpClient) -> str:
    name = "node-1"
    await client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    await client.patch(NODES, name, {"status": status}, subresource="status")
    return name


async def test_push_sends_what_the_node_misses_once(
    quarterdeck: Command, node: NodeWithImages, engine: str, ready_node: str
) -> None:
    done = await quarterdeck("image", "push", "web:1", DOCKER_HOST=engine)
    assert (done.code, done.out) == (Exit.OK, f"{ready_node}: sent 1 of 2 layers\n"), done.err
    assert node.loaded == [["high/layer.tar", "c.json", "manifest.json"]]
    again = await quarterdeck("image", "push", "web:1", ready_node, DOCKER_HOST=engine)
    assert again.out == f"{ready_node}: has it already\n"
    assert len(node.loaded) == 1


async def test_list_shows_each_nodes_images(quarterdeck: Command, ready_node: str) -> None:
    done = await quarterdeck("image", "list")
    assert done.out.splitlines()[0].split() == ["NODE", "IMAGE", "ID", "SIZE"]
    assert done.out.splitlines()[1].split() == [ready_node, "old:1", "old", "5.0", "MB"]


async def test_a_node_that_refuses_is_named_and_the_others_go_on(
    quarterdeck: Command, node: NodeWithImages, engine: str, ready_node: str
) -> None:
    node.broken = True
    done = await quarterdeck("image", "push", "web:1", "nowhere", ready_node, DOCKER_HOST=engine)
    assert done.code == Exit.FAILED
    assert 'error: nowhere: nodes "nowhere" not found' in done.err
    assert f"error: {ready_node}: node {ready_node}: no space left on device" in done.err


async def test_what_is_not_in_the_local_engine_is_named(quarterdeck: Command, engine: str, ready_node: str) -> None:
    done = await quarterdeck("image", "push", "other:1", DOCKER_HOST=engine)
    assert done.code == Exit.FAILED
    assert 'image "other:1" is not in the local engine' in done.err
    nobody = await quarterdeck("image", "push", "web:1", DOCKER_HOST="unix:///nonexistent")
    assert nobody.code == Exit.MISSING
    assert "the local Docker Engine does not answer" in nobody.err
