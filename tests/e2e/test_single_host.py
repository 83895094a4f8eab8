"""`make run`, `make down` and `make purge` on this very machine, as a user types them.

They run before the lab's cluster, which takes the API's port.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machine import Machine, look, processes_of, tidy
from tests.lab.commands import LabError, run, wait_until
from tests.lab.host import REPOSITORY

MAKE_SECONDS = 400.0  # also makes the virtual environment when there is none


class Installation:
    """A state folder, and the make targets on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "QUARTERDECK_HOME": str(home), "KUBECONFIG": str(home / "kubeconfig")}

    def make(self, target: str) -> str:
        done = subprocess.run(
            ["make", target], cwd=REPOSITORY, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=MAKE_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            raise LabError(f"make {target} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def kubectl(self, *words: str) -> Any:
        command = ["kubectl", *words, "-o", "json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=True)
        return json.loads(done.stdout)

    def containers(self) -> set[str]:
        """Ids of the pods' containers that run now."""
        return set(run("docker", "ps", "-q", "--no-trunc", "--filter", "label=io.quarterdeck.pod.name").split())

    def kill(self, *names: str) -> None:
        for name in names:
            pid = int((self.home / "run" / f"{name}.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def installation() -> Iterator[Installation]:
    home = Path(tempfile.mkdtemp(prefix="qd-home-")).resolve()
    found = Installation(home)
    yield found
    if home.exists():
        subprocess.run(["make", "purge"], cwd=REPOSITORY, env=found.environment, stdin=subprocess.DEVNULL, check=False)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def before(installation: Installation) -> Machine:
    tidy()
    return look(installation.home)


def answers(address: str, port: int, wanted: set[str]) -> set[str]:
    """Who answers at the address, until all that are wanted have."""
    heard: set[str] = set()

    def ask() -> bool:
        connection = http.client.HTTPConnection(address, port, timeout=5)
        try:
            connection.request("GET", "/")
            heard.add(connection.getresponse().read().decode().strip())
        except OSError as error:
            heard.add(f"{error}")
        finally:
            connection.close()
        return wanted <= heard

    wait_until(ask, f"{sorted(wanted)} to answer at {address} port {port}", 45, 0.02, lambda: str(heard))
    return heard


def addresses(installation: Installation) -> list[tuple[str, int]]:
    """The example's Service: its cluster addresses, and its node port on the node's first address of each family."""
    spec = installation.kubectl("get", "service", "hello")["spec"]
    (node,) = installation.kubectl("get", "nodes")["items"]
    port = spec["ports"][0]
    inside = [(address, port["port"]) for address in spec["clusterIPs"]]
    found = [entry["address"] for entry in node["status"]["addresses"] if entry["type"] == "InternalIP"]
    first = {f"IPv{ip_address(address).version}": address for address in reversed(found)}
    return inside + [(first[family], port["nodePort"]) for family in spec["ipFamilies"]]


@pytest.mark.timeout(900)
def test_run_serves_run_again_is_quick_and_down_leaves_nothing(installation: Installation, before: Machine) -> None:
    first = installation.make("run")
    pods = {pod["metadata"]["name"] for pod in installation.kubectl("get", "pods")["items"]}
    assert len(pods) == 3
    ways = addresses(installation)
    assert first.count("3 of 3 replicas answered") == len(ways)
    families = {ip_address(address).version for address, _ in ways}
    assert families == ({4, 6} if Path("/proc/net/if_inet6").read_text().strip() else {4})
    for address, port in ways:
        assert answers(address, port, pods) == pods

    running = installation.containers()
    again = installation.make("run")
    assert not [line for line in again.splitlines() if line.startswith(("-- start", "-- make", "-- install"))]
    assert installation.containers() == running

    installation.make("down")
    assert processes_of(installation.home) == []
    assert look(installation.home) == before
    assert (installation.home / "console" / "store.db").exists()
    installation.make("purge")
    assert not installation.home.exists()


@pytest.mark.timeout(900)
def test_what_is_killed_comes_back_without_touching_the_containers(installation: Installation, before: Machine) -> None:
    installation.make("run")
    running = installation.containers()
    installation.kill("console", "agent")
    assert installation.make("run").count("3 of 3 replicas answered") == len(addresses(installation))
    assert installation.containers() == running
    installation.kill("console", "agent")
    if (installation.home / "run" / "engine.pid").exists():
        installation.kill("engine")
    installation.make("down")
    assert processes_of(installation.home) == []
    assert look(installation.home) == before


@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["start a node agent", "start the control plane", "apply"])
def test_a_run_that_is_killed_is_taken_down_whole(installation: Installation, before: Machine, moment: str) -> None:
    quarterdeck = str(REPOSITORY / ".venv" / "bin" / "quarterdeck")
    with subprocess.Popen(
        [quarterdeck, "up"], env=installation.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as setup:
        assert setup.stdout is not None
        assert any(moment in line for line in setup.stdout)
        setup.kill()
    installation.make("down")
    assert processes_of(installation.home) == []
    assert look(installation.home) == before


def test_two_at_a_time_are_refused(installation: Installation) -> None:
    from common.settings import Home
    from console.setup.journal import locked  # the lock that a run holds

    with locked(Home(installation.home)), pytest.raises(LabError, match="is at work on"):
        installation.make("down")
