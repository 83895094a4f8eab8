"""The pod network on a real Docker Engine, whose firewall is closed by default."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.types import EndpointConfig

from tests.lab.commands import wait_until

from .world import Host, Namespace, World, service, slices, version_of

pytestmark = [pytest.mark.root, pytest.mark.engine]
IMAGE = "quarterdeck-test/busybox:1"
BUSYBOX = Path("/usr/bin/busybox")
VIPS = ("10.43.0.10", "fd00:42:0:ff00::10")


class Engine:
    """A Docker Engine of its own inside a host's namespace."""

    def __init__(self, host: Host) -> None:
        # Not pytest's folder: sockets of containerd below it would have too long a name.
        self.directory = Path(tempfile.mkdtemp(prefix="qd-engine-"))
        self.socket = self.directory / "docker.sock"
        self._log = (self.directory / "dockerd.log").open("w")
        self._process = subprocess.Popen(
            # `ip netns exec` would hide the mounted cgroups.
            [
                "nsenter",
                f"--net=/run/netns/{host.namespace.name}",
                "dockerd",
                "-H",
                f"unix://{self.socket}",
                "--bridge=none",
            ]
            + [f"--{kind}={self.directory / kind}" for kind in ("data-root", "exec-root", "pidfile")],
            stdout=self._log,
            stderr=self._log,
        )
        self.client = self._connect()

    def _connect(self) -> docker.DockerClient:
        # By the command line: the SDK leaves sockets open when the engine hangs up on it.
        probe = ["docker", "-H", f"unix://{self.socket}", "version"]
        deadline = time.monotonic() + 60
        while subprocess.run(probe, capture_output=True, check=False).returncode:
            text = (self.directory / "dockerd.log").read_text()[-2000:]
            assert self._process.poll() is None, f"dockerd ended: {text}"
            assert time.monotonic() < deadline, f"dockerd does not answer: {text}"
            time.sleep(0.1)
        return docker.DockerClient(f"unix://{self.socket}", timeout=60)

    def add_image(self) -> None:
        assert BUSYBOX.exists(), "install busybox-static"
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(BUSYBOX, "bin/busybox")
        self.client.api.import_image_from_data(buffer.getvalue(), *IMAGE.rsplit(":", 1))

    def run(self, name: str, addresses: tuple[str, ...], script: str) -> Any:
        api = self.client.api
        endpoint = EndpointConfig(api.api_version, ipv4_address=addresses[0], ipv6_address=addresses[1])
        made = api.create_container(
            IMAGE,
            ["/bin/busybox", "sh", "-c", script],
            name=name,
            host_config=api.create_host_config(network_mode="quarterdeck"),
            networking_config={"EndpointsConfig": {"quarterdeck": endpoint}},
        )
        api.start(made["Id"])
        return made["Id"]

    def stop(self) -> None:
        for container in self.client.containers.list(all=True):
            container.remove(force=True)
        self.client.close()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
        shutil.rmtree(self.directory)


@pytest.fixture
def engine(world: World) -> Iterator[Engine]:
    """Host 1 with an engine, host 2 without, on one link; both run the agent's network."""
    switch = world.switch()
    one, two = world.host(1), world.host(2)
    for host in (one, two):
        world.plug(switch, host.namespace, host.addresses)
    made = Engine(one)
    try:
        world.on_close(one.start(engine=f"unix://{made.socket}").stop)
        world.on_close(two.start().stop)
        yield made
    finally:
        try:
            world.close()
        finally:
            made.stop()


def inspect(engine: Engine) -> dict[str, Any]:
    found: dict[str, Any] = engine.client.api.inspect_network("quarterdeck")
    return found


def listens(namespace: Namespace, address: str, port: int) -> bool:
    with namespace.socket(version_of(address)) as sock:
        return sock.connect_ex((address, port)) == 0


def test_containers_are_reached_through_a_closed_firewall(engine: Engine, world: World) -> None:
    one, two = world.hosts
    world.configure()
    engine.add_image()
    addresses = one.network.call("allocate", "pod-1")["addresses"]
    engine.run("web", tuple(addresses), "exec busybox httpd -f -p 8081")
    remote = two.pod("remote", 10)
    found = slices("web", [remote])
    for index, item in enumerate(found):
        item["endpoints"] = [{"addresses": [addresses[index]], "nodeName": one.name}]
        item["ports"] = [{"name": "web", "port": 8081, "protocol": "TCP"}]
    engine.client.networks.create("other")  # Docker puts its rules above those that are there
    world.sync([service("web", VIPS, type="NodePort", node_port=30080)], found)
    wait_until(lambda: listens(one.namespace, addresses[0], 8081), "the web server to listen")
    for family in (0, 1):
        for client in (remote.namespace, two.namespace, one.namespace):
            for target, port in ((addresses[family], 8081), (VIPS[family], 80), (one.addresses[family], 30080)):
                with client.socket(4 if family == 0 else 6) as sock:
                    sock.connect((target, port))
                    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    assert sock.recv(64).startswith(b"HTTP/1.")


def test_the_network_is_made_anew_only_when_nothing_uses_it(engine: Engine, world: World) -> None:
    one, _ = world.hosts
    world.configure()
    made = inspect(engine)
    assert made["Labels"] == {"io.quarterdeck": "c0ffee"}
    assert made["Options"]["com.docker.network.bridge.name"] == "qd0"
    world.configure()
    assert inspect(engine)["Id"] == made["Id"]
    one.cidrs = ("10.42.7.0/24", "fd00:42:0:7::/64")
    world.configure()
    assert inspect(engine)["Id"] != made["Id"]
    assert "10.42.7.1/24" in one.namespace.ip("addr", "show", "qd0")
    engine.add_image()
    engine.run("web", ("10.42.7.9", "fd00:42:0:7::9"), "exec busybox sleep 1000")
    one.cidrs = ("10.42.8.0/24", "fd00:42:0:8::/64")
    with pytest.raises(RuntimeError, match=r"10\.42\.7\.0/24.*wanted 10\.42\.8\.0/24.*1 containers use it \(web\)"):
        world.configure()


def test_a_network_of_somebody_else_is_left_alone(engine: Engine, world: World) -> None:
    engine.client.networks.create("quarterdeck")
    with pytest.raises(RuntimeError, match="a Docker network named quarterdeck exists that is not Quarterdeck's"):
        world.configure()
    world.hosts[0].network.call("close", remove=True)
    assert inspect(engine)["Name"] == "quarterdeck"


def test_a_collision_with_another_network_says_what_to_do(engine: Engine, world: World) -> None:
    pool = docker.types.IPAMPool(subnet="10.42.0.0/16")
    engine.client.networks.create("mine", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    with pytest.raises(RuntimeError, match="collides with another network of this host"):
        world.configure()


def test_removal_takes_the_network_away(engine: Engine, world: World) -> None:
    world.configure()
    world.hosts[0].network.call("close", remove=True)
    assert [network.name for network in engine.client.networks.list(names=["quarterdeck"])] == []


def test_no_engine_is_a_clear_error(world: World, tmp_path: Path) -> None:
    host = world.host(1)
    world.on_close(host.start(engine=f"unix://{tmp_path}/nothing.sock").stop)
    with pytest.raises(RuntimeError, match=r"the Docker Engine at .*nothing.sock does not answer"):
        world.configure()
