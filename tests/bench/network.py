"""Figures of the node's network: service tables in the kernel, and DNS.

The tables are made in a network namespace of their own. DNS is asked over loopback by one client process that keeps a
window of queries in flight; the peer is a plain loop around dnspython, which does the same parsing in general terms.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset

from common.settings import ClusterConfig
from nodeagent.network.commands import Commands
from nodeagent.network.dns.forward import Forwarder
from nodeagent.network.dns.records import ZoneBuilder
from nodeagent.network.dns.server import DnsServer
from nodeagent.network.nft import Nftables
from nodeagent.network.topology import read
from nodeagent.network.wanted import Compiler, Inputs
from tests.integration.network.world import Namespace

from .report import Figure

SERVICES, ENDPOINTS = 1000, 5
QUERIES, WINDOW = 30_000, 50
LOCAL = "127.0.0.1"
CONFIG = ClusterConfig(
    pod_cidrs=("10.42.0.0/16", "fd00:42::/56"), service_cidrs=("10.43.0.0/16", "fd00:42:0:ff00::/112"), uid="bench"
)


def figures() -> list[Figure]:
    return [*_table_figures(), *_dns_figures()]


def _table_figures() -> list[Figure]:
    namespace = Namespace("bench")
    try:
        command = ["ip", "netns", "exec", namespace.name, sys.executable, "-m", __name__]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    finally:
        namespace.delete()
    found = json.loads(done.stdout)
    what = f"of {SERVICES} Services x {ENDPOINTS} endpoints, two families"
    return [
        Figure(f"rules and names computed, all {what}", found["compute"], "ms"),
        Figure(f"the same after one {what} changed", found["recompute"], "ms", "all", found["compute"]),
        Figure(f"tables in the kernel, all {what}", found["full"], "ms"),
        Figure(f"tables in the kernel, one {what}", found["one"], "ms", "all", found["full"]),
    ]


def _objects(number: int, endpoints: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    name = f"web-{number}"
    version = str(number * 10 + endpoints)
    addresses = [str(ip_address(base) + number + 1) for base in ("10.43.0.0", "fd00:42:0:ff00::")]
    service = {
        "metadata": {"name": name, "namespace": "bench", "uid": name, "resourceVersion": str(number)},
        "spec": {"clusterIPs": addresses, "ports": [{"name": "http", "port": 80, "nodePort": 30000 + number}]},
    }
    slices = []
    for family, base in (("IPv4", "10.42.{}.{}"), ("IPv6", "fd00:42:0:{}::{:x}")):
        found = [
            {"addresses": [base.format(node, number % 250 + 2)], "nodeName": f"node-{node}"}
            for node in range(endpoints)
        ]
        labels = {"kubernetes.io/service-name": name}
        metadata = {"name": f"{name}-{family}", "namespace": "bench", "labels": labels, "resourceVersion": version}
        ports = [{"name": "http", "port": 8000 + number}]
        slices.append({"metadata": metadata, "addressType": family, "endpoints": found, "ports": ports})
    return service, slices


async def _measure_tables() -> dict[str, float]:
    node = {"metadata": {"name": "node-1"}, "spec": {"podCIDRs": ["10.42.1.0/24", "fd00:42:0:1::/64"]}}
    topology = read(node, [], CONFIG.to_json())
    pairs = [_objects(number, ENDPOINTS) for number in range(SERVICES)]
    changed = [_objects(500, ENDPOINTS - 1) if number == 500 else pair for number, pair in enumerate(pairs)]
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        found[name] = (time.perf_counter() - start) * 1000
        return result

    compiler = Compiler()

    def computed(objects: list[Any]) -> Any:
        slices = tuple(item for _, some in objects for item in some)
        return compiler.compile(topology, Inputs(tuple(one for one, _ in objects), slices), {4: True, 6: True})

    before = timed("compute", lambda: computed(pairs))
    after = timed("recompute", lambda: computed(changed))
    nft = Nftables(Commands())
    for name, wanted in (("full", before), ("one", after)):
        start = time.perf_counter()
        await nft.apply(wanted.tables)
        found[name] = (time.perf_counter() - start) * 1000
    return found


def _dns_figures() -> list[Figure]:
    ours, theirs = _rate(_serve), _rate(_serve_with_dnspython)
    return [Figure("DNS queries answered, A record of a Service", ours, "/s", "dnspython", theirs)]


def _rate(serve: Callable[[int], None]) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOCAL, 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((LOCAL, port))
            _wait(client)
            return _load(client)
    finally:
        process.terminate()
        process.join()


def _query() -> bytes:
    return dns.message.make_query("web-7.bench.svc.cluster.local", "A", use_edns=True).to_wire()


def _wait(client: socket.socket) -> None:
    client.settimeout(0.2)
    for _ in range(300):
        try:
            client.send(_query())
            client.recv(4096)
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the DNS server does not answer")


def _load(client: socket.socket) -> float:
    client.settimeout(10)
    query = _query()
    start = time.perf_counter()
    for index in range(QUERIES + WINDOW):
        if index < QUERIES:
            client.send(query)
        if index >= WINDOW:
            client.recv(4096)
    return QUERIES / (time.perf_counter() - start)


def _serve(port: int) -> None:
    async def run() -> None:
        server = DnsServer(Forwarder(list), port)
        pairs = [_objects(number, ENDPOINTS) for number in range(SERVICES)]
        server.zone = ZoneBuilder().build([one for one, _ in pairs], {}, frozenset(), CONFIG, [])
        await server.listen([LOCAL])
        await asyncio.Event().wait()

    asyncio.run(run())


def _serve_with_dnspython(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOCAL, port))
        while True:
            data, client = sock.recvfrom(4096)
            query = dns.message.from_wire(data)
            response = dns.message.make_response(query)
            response.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "A", "10.43.0.8"))
            sock.sendto(response.to_wire(), client)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure_tables())))
