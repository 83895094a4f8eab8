"""docs/extending.md as its reader types it: examples installed, a control plane with two nodes, and every command."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.api.conditions import is_true
from common.api.kinds import HOSTS, NODES
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import ApiError, ServiceUnavailable
from common.settings import Home
from tests.e2e.tutorials import Step, missing, parse
from tests.fakes.agent import SimulatedAgent

pytestmark = [pytest.mark.kubectl, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[3]
SERVE = "import sys; from console.cli.main import main; sys.argv[0] = 'quarterdeck'; sys.exit(main())"
PAGES = """
from console import plugins
from console.tui.pages import PLUGINS, with_plugins
found = with_plugins(plugins.load(PLUGINS))
print(found["images"].aliases, found["note"].kinds)
"""


@dataclass
class Reader:
    """Whoever follows the guide: a copy of the checkout's docs to work in, and the programs that it names."""

    folder: Path
    home: Home
    environment: Mapping[str, str]

    async def types(self, step: Step) -> None:
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-euo", "pipefail", "-c", step.command], cwd=self.folder, check=False,
            env=dict(self.environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"`{step.command}` ended with {done.returncode}:\n{output}"
        wanted = missing(output, step.expected)
        assert wanted is None, f"`{step.command}` should print {wanted!r}, but printed:\n{output}"


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    site, programs, home = tmp_path / "site", tmp_path / "bin", Home(tmp_path / "home")
    # A copy, as building leaves files behind.
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    programs.mkdir()
    pip = f'exec {sys.executable} -m pip "$1" --quiet --no-deps --target {site} "${{@:2}}"'
    for name, line in (("pip", pip), ("quarterdeck", f'exec {sys.executable} -c "{SERVE}" "$@"')):
        (programs / name).write_text(f"#!/bin/bash\n{line}\n")
        (programs / name).chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": f"{site}{os.pathsep}{ROOT}",
        "QUARTERDECK_HOME": str(home.path), "KUBECONFIG": str(home.kubeconfig), "HOME": str(tmp_path),
    }  # fmt: skip
    return Reader(tmp_path, home, environment)


@pytest.fixture
async def agents() -> AsyncIterator[list[SimulatedAgent]]:
    started = [SimulatedAgent(host, SystemClock()) for host in ("guide-1", "guide-2")]
    for agent in started:
        await agent.start()
    yield started
    for agent in started:
        await agent.close()


async def _answers(api: HttpClient) -> bool:
    try:
        await api.list(NODES)
    except ApiError:
        return False
    return True


async def _ready(api: HttpClient, host: str) -> bool:
    return any(node["metadata"]["name"] == host and is_true(node, "Ready") for node in (await api.list(NODES)).items)


async def _adopt(api: HttpClient, agent: SimulatedAgent) -> None:
    while True:
        with suppress(ServiceUnavailable):  # the API answers before the part that adopts has started
            await api.post(HOSTS, agent.address, "adopt", {"code": agent.codes[-1]})
            return
        await asyncio.sleep(0.1)


@asynccontextmanager
async def control_plane(reader: Reader, agents: list[SimulatedAgent]) -> AsyncIterator[None]:
    """As a process of its own; every agent is a node of it that is Ready."""
    log = (reader.folder / "serve.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        reader.folder / "bin" / "quarterdeck", "serve", "--listen", "127.0.0.1:0", env=dict(reader.environment),
        cwd=reader.folder, stderr=log,
    )  # fmt: skip
    try:
        async with HttpClient(Endpoint.of_socket(reader.home.api_socket)) as api, asyncio.timeout(60):
            while not await _answers(api):
                assert process.returncode is None
                await asyncio.sleep(0.1)
            for agent in agents:
                await _adopt(api, agent)
                while not await _ready(api, agent.host):  # noqa: ASYNC110 - another process writes
                    await asyncio.sleep(0.1)
        yield
    finally:
        process.terminate()
        await process.wait()
        log.close()
        print((reader.folder / "serve.log").read_text()[-4000:])


async def test_the_guide(reader: Reader, agents: list[SimulatedAgent]) -> None:
    install, *steps = parse((ROOT / "docs" / "extending.md").read_text()).steps
    await reader.types(install)
    # The page is found by the console; what it shows is in the tests of the console.
    await reader.types(Step(f"{sys.executable} -c '{PAGES}'", ["('img',) frozenset({'pods'})"]))
    async with control_plane(reader, agents):
        for step in steps:
            await reader.types(step)
