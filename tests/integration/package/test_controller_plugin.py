"""The worked example of a controller, installed as its reader would, runs beside a control plane and cannot hurt it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.api.kinds import NAMESPACES, NETWORKPOLICIES, PLUGINS
from common.api.meta import Object, name
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import ApiError
from common.settings import Home

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "controller-plugin"
ROOT = EXAMPLE.parents[2]
NAME = "closed-namespaces"
SERVE = "import sys; from console.cli.main import main; sys.argv[0] = 'quarterdeck'; sys.exit(main())"
UNRULY = """
import os, time

def blocks(client):
    print("x" * 3_000_000)
    time.sleep(1000)

async def ends(client):
    os._exit(7)
"""
ENTRIES = """
[quarterdeck.controllers]
blocks = unruly:blocks
ends = unruly:ends
missing = nowhere:run
Bad_Name = unruly:ends
"""


@dataclass
class Plane:
    """A control plane with what is installed in a folder of packages."""

    home: Home
    process: asyncio.subprocess.Process
    api: HttpClient

    async def plugin(self, title: str, phase: str) -> Object:
        """The status of a plugin once it is in the phase."""
        async with asyncio.timeout(60):
            while True:
                for item in (await self.api.list(PLUGINS)).items:
                    if name(item) == title and item["status"]["phase"] == phase:
                        status: Object = item["status"]
                        return status
                await asyncio.sleep(0.1)

    def command(self, *words: str) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.home.kubeconfig), "QUARTERDECK_HOME": str(self.home.path)}
        done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True, timeout=60)
        return done.stdout

    def quarterdeck(self, *words: str) -> str:
        return self.command(sys.executable, "-c", SERVE, *words)

    def children(self) -> list[int]:
        """Process ids of the controllers."""
        found = self.command("pgrep", "-P", str(self.process.pid))
        return [int(word) for word in found.split()]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with the example, and one whose controllers behave badly."""
    site = tmp_path / "site"
    # A copy, as building leaves files behind.
    copy = shutil.copytree(EXAMPLE, tmp_path / "example")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(copy)]
    subprocess.run(install, check=True, timeout=100, capture_output=True)
    (site / "unruly.py").write_text(UNRULY)
    about = site / "unruly-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: unruly\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    return site


@pytest.fixture
async def plane(site: Path, tmp_path: Path) -> AsyncIterator[Plane]:
    home = Home(tmp_path / "home")
    environment = {
        **os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "QUARTERDECK_HOME": str(home.path),
    }  # fmt: skip
    log = (tmp_path / "serve.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, "serve", "--listen", "127.0.0.1:0", env=environment, cwd=tmp_path, stderr=log
    )
    async with HttpClient(Endpoint.of_socket(home.api_socket)) as api:
        while not await _answers(api):
            assert process.returncode is None
            await asyncio.sleep(0.1)
        yield Plane(home, process, api)
    if process.returncode is None:
        process.kill()
        await process.wait()
    log.close()
    print((tmp_path / "serve.log").read_text()[-4000:])


async def _answers(api: HttpClient) -> bool:
    try:
        await api.list(PLUGINS)
    except ApiError:
        return False
    return True


async def _gone(children: list[int]) -> None:
    async with asyncio.timeout(60):
        while any(Path(f"/proc/{child}").exists() for child in children):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.05)


async def test_what_a_controller_started_goes_with_it_when_its_control_plane_is_killed() -> None:
    words = "import subprocess; from console.extensions import program; "
    words += "print(subprocess.Popen(['sleep', '1000']).pid, flush=True); program._end_with_parent()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", words, start_new_session=True,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    started = int(await process.stdout.readline())
    process.stdin.close()
    await process.wait()
    async with asyncio.timeout(60):
        while _runs(started):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    """Whether it has not ended; who has nobody to be waited for by is a zombie until somebody is found."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@pytest.mark.kubectl
@pytest.mark.timeout(180)
async def test_installed_controllers_run_with_the_rights_that_they_are_given(plane: Plane) -> None:
    refused = await plane.plugin(NAME, "Failing")
    assert refused["user"] == f"quarterdeck:controller:{NAME}"
    assert refused["package"] == f"{NAME} 1.0.0"
    assert f'User "quarterdeck:controller:{NAME}" cannot list resource "namespaces"' in refused["message"]
    findings = json.loads(plane.quarterdeck("doctor", "-o", "json"))["items"]
    (finding,) = [item for item in findings if item["object"]["name"] == NAME]
    assert finding["problem"] == "PluginFailing"
    assert finding["advice"] == f"bind a Role that allows it to the user quarterdeck:controller:{NAME}"
    assert "created" in plane.command("kubectl", "apply", "-f", str(EXAMPLE / "role.yaml"))
    await plane.api.create(NAMESPACES, {"metadata": {"name": "vault", "labels": {"example.com/closed": "true"}}})
    async with asyncio.timeout(60):
        while not (await plane.api.list(NETWORKPOLICIES, "vault")).items:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.1)
    # Those that behave badly have hurt nobody, and are told.
    assert (await plane.plugin("ends", "Failing"))["message"] == "it ended with code 7"
    assert "No module named 'nowhere'" in (await plane.plugin("missing", "Failing"))["message"]
    await plane.plugin("blocks", "Running")
    assert {name(item) for item in (await plane.api.list(PLUGINS)).items} == {NAME, "blocks", "ends", "missing"}
    # One that is killed is started again.
    children = plane.children()
    for child in children:
        os.kill(child, signal.SIGKILL)
    await _gone(children)
    assert (await plane.plugin("blocks", "Failing"))["message"] == "it was ended by signal 9"
    # They end with the control plane, however that ends.
    async with asyncio.timeout(60):
        while not plane.children():  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)
    children = plane.children()
    plane.process.kill()
    await plane.process.wait()
    await _gone(children)


@pytest.mark.timeout(120)
async def test_controllers_stop_with_the_control_plane(plane: Plane) -> None:
    await plane.plugin("blocks", "Running")
    children = plane.children()
    assert children
    plane.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(plane.process.wait(), 60) == 0
    await _gone(children)
