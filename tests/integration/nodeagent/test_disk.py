"""The disk of the agent's state is full: pods that need it say where, running ones go on, and freed space mends all."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nodeagent.assignment import Assignment
from tests.integration.engine import TestEngine

from .node import SERVE, Node, pod, script, until

pytestmark = [pytest.mark.root, pytest.mark.engine]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def node(engine: TestEngine, small_disk: Path) -> AsyncIterator[Node]:
    node = Node(engine, small_disk)
    await node.start()
    yield node
    (small_disk / "filler").unlink(missing_ok=True)
    await node.end()


async def test_a_full_disk_is_named_and_freed_space_mends_all(node: Node, small_disk: Path) -> None:
    before = pod("before", script(SERVE))
    node.sync(full=True, pods=[before])
    await node.wait_ready("before")
    with (small_disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)

    secret = {"metadata": {"name": "s", "namespace": "default", "uid": "uid-s"}, "data": {"a": "eA==" * 3000}}
    after = pod("after", script(SERVE), volumes=[{"name": "v", "secret": {"secretName": "s"}}])
    node.sync(pods=[after], secrets=[secret])

    def told() -> bool:
        node.drain()
        return any("No space left on device" in event["message"] for event in node.events)

    await until("the full disk to be told", told, node.stories)
    messages = [event["message"] for event in node.events if "No space left on device" in event["message"]]
    assert all(str(small_disk) in message for message in messages)
    with pytest.raises(OSError, match=f"No space left on device: '{small_disk}/assignment/"):
        await node.assignment.save()
    assert node.containers("before") == ["", "main"]

    (small_disk / "filler").unlink()
    await node.wait_ready("after")
    await node.assignment.save()
    kept = Assignment(small_disk)
    kept.load()
    assert {item["metadata"]["name"] for item in kept.objects("pods")} == {"before", "after"}
