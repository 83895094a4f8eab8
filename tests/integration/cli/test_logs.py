"""`quarterdeck logs`: of one, of several, as JSON, only what matters, and on after a cut."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from common.api.kinds import PODS
from common.client.http import HttpClient
from tests.integration.api.node import Node

from .conftest import Command

MakePod = Callable[..., Awaitable[None]]
LINES = [
    "2026-11-22T09:14:01.000000000Z INFO  begins",
    "2026-11-22T09:14:02.000000000Z ERROR broke",
    "2026-11-22T09:14:02.100000000Z   at x",
    '2026-11-22T09:14:03.000000000Z {"level":"warn","msg":"slow","ms":12}',
]


class Ship(Node):
    """Every container has the same log. With `cuts` it is cut after so many lines, once each."""

    def __init__(self) -> None:
        super().__init__()
        self.cuts: list[int] = []

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/logs/{ns}/{pod}/{container}", self._lines)

    async def _lines(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        since = request.query.get("since", "")[:19]
        shown = [line if "timestamps" in request.query else line[31:] for line in LINES if line >= since]
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        cut = self.cuts.pop(0) if self.cuts else None
        await response.write("".join(f"{line}\n" for line in shown[:cut]).encode())
        if cut is not None:
            assert request.transport is not None
            request.transport.close()  # what was written goes before it
        return response


@pytest.fixture
async def node() -> AsyncIterator[Ship]:
    ship = Ship()
    await ship.start()
    yield ship
    await ship.close()


@pytest.fixture
async def pods(client: HttpClient) -> None:
    for pod in ("web-1", "web-2"):
        metadata = {"name": pod, "namespace": "default", "labels": {"app": "web"}}
        spec = {"containers": [{"name": "app", "image": "x"}]}
        await client.create(PODS, {"metadata": metadata, "spec": spec})
        await client.post(PODS, pod, "binding", {"target": {"name": "node-1"}}, "default")
        status = {"name": "app", "image": "x", "imageID": "", "ready": False, "restartCount": 0,
                  "state": {"terminated": {"exitCode": 0}}}  # fmt: skip
        body = {"status": {"phase": "Running", "containerStatuses": [status]}}
        await client.patch(PODS, pod, body, "default", subresource="status")


@pytest.mark.usefixtures("pods")
async def test_one_log_is_printed_as_it_is(quarterdeck: Command, node: Ship) -> None:
    done = await quarterdeck("logs", "web-1")
    assert (done.code, done.out) == (0, "".join(f"{line[31:]}\n" for line in LINES))
    assert "timestamps" not in node.requests[-1][1]


@pytest.mark.usefixtures("pods")
async def test_lines_as_json_have_source_time_level_and_fields(quarterdeck: Command, node: Ship) -> None:
    done = await quarterdeck("logs", "-l", "app=web", "-o", "json", "--since", "9000h", "--tail", "7")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [(item["pod"], item["level"]) for item in found] == [
        (pod, level) for pod in ("web-1", "web-2") for level in ("info", "error", "error", "warn")
    ]
    assert found[3] == {
        "time": "2026-11-22T09:14:03.000000000Z", "namespace": "default", "pod": "web-1", "container": "app",
        "level": "warn", "message": '{"level":"warn","msg":"slow","ms":12}',
        "fields": {"level": "warn", "msg": "slow", "ms": 12},
    }  # fmt: skip
    assert node.requests[-1][1]["tail"] == "7"


@pytest.mark.usefixtures("pods")
async def test_only_what_matters_is_printed(quarterdeck: Command) -> None:
    assert (await quarterdeck("logs", "web-1", "--level", "error")).out == "ERROR broke\n  at x\n"
    assert (await quarterdeck("logs", "web-1", "--grep", "!at|slow")).out == "INFO  begins\nERROR broke\n"
    prefixed = await quarterdeck("logs", "-l", "app=web", "--prefix", "--timestamps", "--grep", "broke")
    assert prefixed.out.splitlines() == [f"[pod/{pod}/app] {LINES[1]}" for pod in ("web-1", "web-2")]
    wrong = await quarterdeck("logs", "web-1", "--grep", "(")
    assert (wrong.code, "is no regular expression" in wrong.err) == (2, True)


@pytest.mark.usefixtures("pods")
async def test_a_log_that_is_followed_goes_on_after_a_cut(quarterdeck: Command, node: Ship) -> None:
    node.cuts = [2]
    done = await quarterdeck("logs", "-f", "web-1")
    assert (done.code, done.out) == (0, "".join(f"{line[31:]}\n" for line in LINES))
    assert "trying again" in done.err
    assert len(node.requests) == 2


@pytest.mark.usefixtures("pods")
async def test_all_pods_with_a_label_are_followed_until_they_have_ended(quarterdeck: Command) -> None:
    done = await quarterdeck("logs", "-f", "-l", "app=web", "--prefix")
    assert done.code == 0
    assert (
        sorted(line.split("]")[0] for line in done.out.splitlines()) == ["[pod/web-1/app"] * 4 + ["[pod/web-2/app"] * 4
    )
