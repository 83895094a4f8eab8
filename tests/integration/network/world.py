"""Namespaces that stand for hosts, pods and clients; everything made here is gone after `World.close`.

A socket belongs to the namespace in which it was made, whatever thread uses it later, so servers and clients live in
the test process. The agent's network runs as a process of its own inside its host's namespace (`driver`), as it does on
a real host.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)
_CLONE_NEWNET = 0x40000000
SECONDS = 30.0


class Namespace:
    def __init__(self, label: str) -> None:
        self.name = f"qdt{os.getpid()}-{next(_numbers)}-{label}"
        command("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments: str) -> str:
        return command("ip", "-n", self.name, *arguments)

    def run(self, *arguments: str, text: str = "") -> str:
        return command("ip", "netns", "exec", self.name, *arguments, text=text)

    def sysctl(self, name: str, value: str) -> None:
        self.run("sysctl", "-qw", f"{name}={value}")

    def inside(self, work: Callable[[], T]) -> T:
        """Run something short in a thread that has entered the namespace."""
        with ThreadPoolExecutor(1, initializer=self._enter) as pool:
            return pool.submit(work).result()

    def _enter(self) -> None:
        with Path(f"/run/netns/{self.name}").open("rb") as handle:
            if _libc.setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {self.name}")

    def socket(self, version: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        sock = self.inside(lambda: socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, kind))
        sock.settimeout(SECONDS)
        return sock

    def delete(self) -> None:
        command("ip", "netns", "del", self.name)


def command(*arguments: str, text: str = "") -> str:
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout


def free_port(address: str) -> int:
    """A port that is free for datagrams and for streams."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
            datagrams.bind((address, 0))
            port: int = datagrams.getsockname()[1]
            with contextlib.suppress(OSError):
                stream.bind((address, port))
                return port


def version_of(address: str) -> int:
    return 6 if ":" in address else 4


class Server:
    """Answers each TCP connection and each datagram with its own name and the address it saw."""

    def __init__(self, namespace: Namespace, name: str, port: int) -> None:
        self.name = name
        self._sockets = []
        for version, kind in itertools.product((4, 6), (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            sock = namespace.socket(version, kind)
            sock.settimeout(None)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if version == 6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("0.0.0.0" if version == 4 else "::", port))
            if kind == socket.SOCK_STREAM:
                sock.listen(512)
            self._sockets.append(sock)
            work = self._serve_stream if kind == socket.SOCK_STREAM else self._serve_datagrams
            threading.Thread(target=work, args=(sock,), daemon=True).start()

    def _serve_stream(self, sock: socket.socket) -> None:
        while True:
            try:
                connection, peer = sock.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection, peer[0]), daemon=True).start()

    def _converse(self, connection: socket.socket, peer: str) -> None:
        with connection, contextlib.suppress(OSError):
            while connection.recv(64):
                connection.sendall(f"{self.name} {peer}\n".encode())

    def _serve_datagrams(self, sock: socket.socket) -> None:
        while True:
            try:
                _, peer = sock.recvfrom(64)
                if peer is None:  # shut down
                    return
                sock.sendto(f"{self.name} {peer[0]}\n".encode(), peer)
            except OSError:
                return

    def close(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in it
            sock.close()


def ask(namespace: Namespace, address: str, port: int) -> tuple[str, str]:
    """Name of the server that answered over a new TCP connection, and the client address it saw."""
    with namespace.socket(version_of(address)) as sock:
        sock.connect((address, port))
        sock.sendall(b"?")
        return _answer(sock)


def _answer(sock: socket.socket) -> tuple[str, str]:
    text = b""
    while not text.endswith(b"\n"):
        piece = sock.recv(256)
        if not piece:
            raise ConnectionResetError("closed before an answer")
        text += piece
    name, peer = text.decode().split()
    return name, peer


def ask_datagram(sock: socket.socket, address: str, port: int) -> tuple[str, str]:
    sock.sendto(b"?", (address, port))
    name, peer = sock.recvfrom(256)[0].decode().split()
    return name, peer


class Driver:
    """The network of one host, as a process in its namespace; `call` runs a method of NodeNetwork."""

    def __init__(self, namespace: Namespace, directory: Path, engine: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace.name, sys.executable, "-m", f"{__package__}.driver", str(directory)]
            + ([engine] if engine else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([method, arguments, named]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the driver ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def stop(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        assert self._process.wait(SECONDS) == 0
        self._process.stdout.close()


class Host:
    """A node: its namespace, its own addresses, its slices and its pods. `number` is part of all of these."""

    def __init__(self, world: World, number: int, directory: Path) -> None:
        self.world = world
        self.number = number
        self.name = f"node-{number}"
        self.namespace = world.namespace(f"h{number}")
        self.addresses = (f"192.0.2.{number}", f"fd00:99::{number}")
        self.cidrs = (f"10.42.{number}.0/24", f"fd00:42:0:{number}::/64")
        self.driver: Driver | None = None
        self._directory = directory / self.name

    def start(self, engine: str = "") -> Driver:
        """Start the agent's network; with the address of an engine its bridge is that engine's."""
        self.driver = Driver(self.namespace, self._directory, engine)
        return self.driver

    @property
    def network(self) -> Driver:
        assert self.driver
        return self.driver

    def node(self) -> dict[str, Any]:
        addresses = [{"type": "InternalIP", "address": address} for address in self.addresses]
        return {
            "metadata": {"name": self.name},
            "spec": {"podCIDRs": list(self.cidrs)},
            "status": {"addresses": addresses},
        }

    def pod(self, name: str, number: int, port: int = 8080) -> Pod:
        return Pod(self, name, number, port)


class Pod:
    """A namespace on the host's bridge with a server in it."""

    def __init__(self, host: Host, name: str, number: int, port: int) -> None:
        self.host = host
        self.name = name
        self.port = port
        self.namespace = host.world.namespace(name)
        self.addresses = tuple(_nth(cidr, number) for cidr in host.cidrs)
        link = f"v{number}"
        host.namespace.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self.namespace.name)
        host.namespace.ip("link", "set", link, "master", "qd0", "up")
        self.namespace.ip("link", "set", "eth0", "up")
        for cidr, address in zip(host.cidrs, self.addresses, strict=True):
            nodad = ["nodad"] if ":" in address else []
            self.namespace.ip("addr", "add", f"{address}/{cidr.split('/')[1]}", "dev", "eth0", *nodad)
            self.namespace.ip("route", "add", "default", "via", _nth(cidr, 1))
        self.server = Server(self.namespace, name, port)
        host.world.on_close(self.server.close)


def _nth(cidr: str, number: int) -> str:
    base = cidr.split("/")[0]
    return f"{base}{number:x}" if ":" in base else f"{base.rsplit('.', 1)[0]}.{number}"


class World:
    """Owns namespaces, processes and servers of one test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self.config = {
            "name": "test",
            "uid": "c0ffee",
            "pod_cidrs": ["10.42.0.0/16", "fd00:42::/56"],
            "service_cidrs": ["10.43.0.0/16", "fd00:42:0:ff00::/112"],
        }
        self.hosts: list[Host] = []

    def on_close(self, work: Callable[[], None]) -> None:
        self._stack.callback(work)

    def namespace(self, label: str) -> Namespace:
        made = Namespace(label)
        self.on_close(made.delete)
        return made

    def switch(self) -> Namespace:
        made = self.namespace("sw")
        made.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        made.ip("link", "set", "br0", "up")
        for name in ("iptables", "ip6tables"):
            made.sysctl(f"net.bridge.bridge-nf-call-{name}", "0")
        return made

    def plug(self, switch: Namespace, other: Namespace, addresses: tuple[str, ...], device: str = "eth0") -> None:
        port = f"p{next(_numbers)}"
        switch.ip("link", "add", port, "type", "veth", "peer", "name", device, "netns", other.name)
        switch.ip("link", "set", port, "master", "br0", "up")
        other.ip("link", "set", device, "up")
        for address in addresses:
            length, nodad = ("64", ["nodad"]) if ":" in address else ("24", [])
            other.ip("addr", "add", f"{address}/{length}", "dev", device, *nodad)

    def host(self, number: int) -> Host:
        made = Host(self, number, self._directory)
        self.hosts.append(made)
        return made

    def start_agents(self) -> None:
        for host in self.hosts:
            self.on_close(host.start().stop)

    def configure(self) -> None:
        nodes = [host.node() for host in self.hosts]
        for host in self.hosts:
            host.network.call("configure", host.node(), nodes, self.config)

    def sync(self, services: list[Any], slices: list[Any], unready: tuple[str, ...] = (), policies: Any = None) -> None:
        """`policies` gives what each host is told of NetworkPolicies."""
        for host in self.hosts:
            told = policies(host) if policies else {}
            host.network.call("sync_services", services, slices, list(unready), told)

    def close(self) -> None:
        self._stack.close()


def service(name: str, addresses: tuple[str, ...], **spec: Any) -> dict[str, Any]:
    ports = [
        {"name": "web", "port": 80, "protocol": "TCP"},
        {"name": "dgram", "port": 81, "protocol": "UDP"},
    ]
    if number := spec.pop("node_port", 0):
        ports[0]["nodePort"], ports[1]["nodePort"] = number, number
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {"clusterIP": addresses[0], "clusterIPs": list(addresses), "ports": ports, **spec},
    }


def slices(name: str, pods: list[Pod]) -> list[dict[str, Any]]:
    made = []
    for index, family in enumerate(("IPv4", "IPv6")):
        endpoints = [
            {"addresses": [pod.addresses[index]], "conditions": {"ready": True}, "nodeName": pod.host.name}
            for pod in pods
        ]
        port = pods[0].port if pods else 8080
        made.append(
            {
                "metadata": {
                    "name": f"{name}-{family.lower()}",
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": family,
                "endpoints": endpoints,
                "ports": [
                    {"name": "web", "port": port, "protocol": "TCP"},
                    {"name": "dgram", "port": port, "protocol": "UDP"},
                ],
            }
        )
    return made


def leftovers() -> set[str]:
    """Namespaces of this process; with them all devices, routes and rules of a test are gone."""
    names = (line.split()[0] for line in command("ip", "netns", "list").splitlines())
    return {name for name in names if name.startswith(f"qdt{os.getpid()}-")}
