"""The Docker Engine behind the Runtime protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from nodeagent.runtime import streams
from nodeagent.runtime.base import (
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    RuntimeFailure,
    SandboxSpec,
)
from nodeagent.runtime.docker_engine import DockerRuntime
from tests.integration.engine import IMAGE, TestEngine

from .node import NETWORK, SERVE, pod, script, until

pytestmark = [pytest.mark.root, pytest.mark.engine]

SUBJECT = pod("subject", script(SERVE))


@asynccontextmanager
async def sandbox(runtime: DockerRuntime) -> AsyncIterator[ContainerInfo]:
    made = await runtime.start_sandbox(SandboxSpec(SUBJECT, NETWORK, ("10.88.0.5", "fd88::5"), "subject", ""))
    info = await runtime.inspect(made)
    assert info is not None
    try:
        yield info
    finally:
        for left in await runtime.list_containers():
            await runtime.remove(left.id)


def spec(box: ContainerInfo, text: str, attempt: int = 0, **more: object) -> ContainerSpec:
    return ContainerSpec(SUBJECT, script(text, **more), box.id, attempt, {"PASSWORD": "hunter2"}, (), "hash")


async def log(runtime: DockerRuntime, container_id: str, **options: object) -> bytes:
    wanted = {"follow": False, "tail": None, "since": None, "timestamps": False, **options}
    return b"".join([chunk async for chunk in runtime.logs(container_id, **wanted)])  # type: ignore[arg-type]


async def ended(runtime: DockerRuntime, container_id: str) -> ContainerInfo:
    async def look() -> ContainerInfo | None:
        info = await runtime.inspect(container_id)
        return info if info is not None and info.state is ContainerState.EXITED else None

    found: ContainerInfo = await until("the container to end", look)
    return found


async def test_a_sandbox_holds_its_addresses_and_is_found_by_its_labels(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        assert box.addresses == ("10.88.0.5", "fd88::5")
        found = await runtime.list_containers("uid-subject")
        assert found == [box]
        assert (box.pod_uid, box.pod_namespace, box.pod_name, box.container) == (
            "uid-subject", "default", "subject", "",
        )  # fmt: skip
        assert await runtime.list_containers("other") == []
        assert await runtime.stop(box.id)
        assert (await ended(runtime, box.id)).exit_code == 0


async def test_a_container_shares_its_sandbox(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        info = await runtime.start_container(spec(box, "hostname; cat /proc/net/fib_trie | grep -c 10.88.0.5; exit 3"))
        assert (info.container, info.attempt, info.spec_hash) == ("main", 0, "hash")
        assert (await ended(runtime, info.id)).exit_code == 3
        assert (await log(runtime, info.id)).splitlines()[0] == b"subject"


async def test_repeating_a_start_finds_what_is_there(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        first = await runtime.start_container(spec(box, SERVE))
        again = await runtime.start_container(spec(box, SERVE))
        assert again.id == first.id
        await runtime.stop(first.id, "SIGKILL")
        await ended(runtime, first.id)
        assert (await runtime.start_container(spec(box, SERVE))).id != first.id


async def test_what_cannot_run_leaves_nothing(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        broken = spec(box, "")
        broken = ContainerSpec(SUBJECT, {**dict(broken.container), "command": ["/nosuch"]}, box.id, 0, {}, (), "")
        with pytest.raises(RuntimeFailure, match="nosuch") as caught:
            await runtime.start_container(broken)
        assert caught.value.reason == "RunContainerError"
        assert [info.container for info in await runtime.list_containers()] == [""]
        missing = ContainerSpec(SUBJECT, {"name": "main", "image": "no/such:1"}, box.id, 0, {}, (), "")
        with pytest.raises(RuntimeFailure, match="no/such"):
            await runtime.start_container(missing)


async def test_secrets_are_in_no_label_and_no_argument(runtime: DockerRuntime, engine: TestEngine) -> None:
    async with sandbox(runtime) as box:
        info = await runtime.start_container(spec(box, SERVE))
        labels = engine.docker("inspect", "--format", "{{json .Config.Labels}} {{json .Args}} {{.Name}}", info.id)
        assert "hunter2" not in labels
        processes = await asyncio.create_subprocess_exec("ps", "axww", "-o", "args", stdout=asyncio.subprocess.PIPE)
        listed, _ = await processes.communicate()
        assert b"hunter2" not in listed


async def test_logs(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        both = await runtime.start_container(spec(box, "echo one; echo two >&2"))
        await ended(runtime, both.id)
        assert sorted((await log(runtime, both.id)).split()) == [b"one", b"two"]
        info = await runtime.start_container(spec(box, "echo two; echo three", attempt=1))
        await ended(runtime, info.id)
        assert await log(runtime, info.id, tail=1) == b"three\n"
        stamped = await log(runtime, info.id, timestamps=True, tail=1)
        assert stamped.split()[0].endswith(b"Z")
        assert await log(runtime, info.id, since=4e9) == b""


async def test_following_a_log_ends_with_the_container(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        info = await runtime.start_container(spec(box, "echo first; sleep 0.5; echo last"))
        assert await log(runtime, info.id, follow=True) == b"first\nlast\n"


async def test_exec_probes(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        info = await runtime.start_container(spec(box, SERVE))
        code, output = await runtime.exec_probe(info.id, ["sh", "-c", "echo out; echo err >&2; exit 4"], 30)
        # Two pipes carry the two streams to the engine, so that either may come first.
        assert (code, sorted(output.split())) == (4, ["err", "out"])
        with pytest.raises(TimeoutError):
            await runtime.exec_probe(info.id, ["sleep", "5"], 0.2)
        with pytest.raises(RuntimeFailure):
            await runtime.exec_probe("0" * 64, ["true"], 30)


async def test_stop_signals(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        polite = await runtime.start_container(
            spec(box, "trap 'exit 7' USR1; echo set; while true; do sleep 0.1; done")
        )
        await until("the trap to be set", lambda: log(runtime, polite.id))
        assert await runtime.stop(polite.id, "SIGUSR1")
        assert (await ended(runtime, polite.id)).exit_code == 7
        assert not await runtime.stop(polite.id)
        deaf = await runtime.start_container(
            spec(box, "trap '' TERM; echo set; while true; do sleep 0.1; done", attempt=1)
        )
        await until("the trap to be set", lambda: log(runtime, deaf.id))
        assert await runtime.stop(deaf.id)
        assert await runtime.stop(deaf.id, "SIGKILL")
        assert (await ended(runtime, deaf.id)).exit_code == 137
        assert not await runtime.stop("0" * 64)


async def test_limits_are_the_engines(runtime: DockerRuntime, engine: TestEngine) -> None:
    limited = {"resources": {"limits": {"memory": "32Mi", "cpu": "500m"}}}
    async with sandbox(runtime) as box:
        info = await runtime.start_container(spec(box, SERVE, **limited))
        form = "{{.HostConfig.Memory}} {{.HostConfig.CpuQuota}}"
        assert engine.docker("inspect", "--format", form, info.id).split() == ["33554432", "50000"]


async def test_a_container_over_its_memory_limit(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        grow = "x=aaaaaaaa; while true; do x=$x$x; done"
        info = await runtime.start_container(spec(box, grow, resources={"limits": {"memory": "16Mi"}}))
        end = await ended(runtime, info.id)
        assert end.exit_code != 0
        assert end.oom_killed


async def test_removing_is_idempotent(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        await runtime.remove(box.id)
        await runtime.remove(box.id)
        assert await runtime.inspect(box.id) is None


async def test_images(runtime: DockerRuntime, engine: TestEngine) -> None:
    found = await runtime.find_image(IMAGE)
    assert found is not None
    assert found.tags == (IMAGE,)
    assert len(found.layers) == 1
    assert await runtime.find_image("no/such:1") is None
    assert found.id in {image.id for image in await runtime.list_images()}
    with pytest.raises(RuntimeFailure) as caught:
        await runtime.pull_image("registry.invalid/no/such:1", None)
    assert caught.value.reason == "ErrImagePull"


async def test_an_image_goes_out_and_in_again(runtime: DockerRuntime, engine: TestEngine) -> None:
    name = "quarterdeck-test/travelling:1"
    engine.add_image(name, etc__mark=b"here")
    saved = [chunk async for chunk in runtime.export_image(name)]
    engine.docker("rmi", name)

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in saved:
            yield chunk

    assert await runtime.load_images(chunks()) == [name]
    assert await runtime.find_image(name) is not None

    async def rubbish() -> AsyncIterator[bytes]:
        yield b"this is no archive"

    with pytest.raises(RuntimeFailure):
        await runtime.load_images(rubbish())


async def test_events_tell_of_deaths(runtime: DockerRuntime) -> None:
    heard: list[EngineEvent] = []

    async def listen() -> None:
        async for event in runtime.events():
            heard.append(event)

    listener = asyncio.get_running_loop().create_task(listen())
    try:
        await until("the stream", lambda: heard)
        assert heard[0].kind == "reconnected"
        async with sandbox(runtime) as box:
            info = await runtime.start_container(spec(box, "exit 9"))
            wanted = EngineEvent("die", info.id, 9)
            await until("the death", lambda: wanted in heard, lambda: heard)
    finally:
        listener.cancel()


async def test_an_engine_that_is_not_there() -> None:
    runtime = DockerRuntime("unix:///nosuch/docker.sock")
    try:
        with pytest.raises(RuntimeFailure, match="is dockerd running") as caught:
            await runtime.ping()
        assert caught.value.reason == "EngineUnavailable"
        stream = runtime.events()
        assert (await anext(stream)).kind == "lost"
        await stream.aclose()  # type: ignore[attr-defined]
    finally:
        await runtime.close()


def test_only_an_engine_on_this_host_will_do() -> None:
    with pytest.raises(ValueError, match="unix:///PATH"):
        DockerRuntime("tcp://192.0.2.1:2375")


async def test_attaching_to_what_has_just_ended_says_so(runtime: DockerRuntime) -> None:
    async with sandbox(runtime) as box:
        made = await runtime.start_container(spec(box, "exit 0"))
        await ended(runtime, made.id)

        async def attach(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await runtime.attach_stream(made.id, socket, stdin=True, tty=False)
            return socket

        app = web.Application()
        app.router.add_get("/", attach)
        async with TestClient(TestServer(app)) as client, client.ws_connect("/") as socket:
            told = await socket.receive_bytes(timeout=20)
    assert told[0] == streams.ERROR
    assert f"container {made.id[:12]} does not run" in told.decode()
