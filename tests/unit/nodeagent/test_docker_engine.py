"""Calls to the engine beside each other, on an engine whose answers are scripted."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nodeagent.runtime.docker_engine import WORKERS, DockerRuntime, process_identity


class Engine:
    """Its registry does not answer until it is let."""

    def __init__(self) -> None:
        self.registry = threading.Event()
        self.killed: list[str] = []

    def pull(self, *_: Any, **__: Any) -> Iterator[dict[str, str]]:
        self.registry.wait(30)
        yield {"status": "done"}

    def inspect_image(self, _image: str) -> dict[str, Any]:
        return {"Id": "sha256:1"}

    def inspect_container(self, _container: str) -> dict[str, Any]:
        return {"State": {"Running": True}, "Config": {}}

    def kill(self, container: str, _signal: str) -> None:
        self.killed.append(container)

    def close(self) -> None:
        self.registry.set()


def test_a_process_tells_its_user_and_groups(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tsh\nUid:\t0\t1000\t0\t0\nGid:\t0\t2000\t0\t0\nGroups:\t3000 1 \n")
    assert process_identity(status) == (1000, 2000, (1, 2000, 3000))
    assert process_identity(tmp_path / "gone") is None


class Scripted(DockerRuntime):
    def __init__(self, path: Path, engine: Engine) -> None:
        super().__init__(f"unix://{path}")
        self._api = engine  # type: ignore[assignment]


async def test_a_stop_does_not_wait_for_a_slow_registry(tmp_path: Path) -> None:
    engine = Engine()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen(100)
        runtime = Scripted(tmp_path / "docker.sock", engine)
        loop = asyncio.get_running_loop()
        pulls = [loop.create_task(runtime.pull_image(f"web:{tag}", None)) for tag in range(WORKERS + 4)]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert await runtime.stop("c1")
        assert engine.killed == ["c1"]
        assert not any(pull.done() for pull in pulls)
        engine.registry.set()
        await asyncio.gather(*pulls)
        await runtime.close()
