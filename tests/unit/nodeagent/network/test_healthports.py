"""What load balancers are told of a node."""

from __future__ import annotations

import asyncio
import socket

from common.api.meta import Key, Object
from nodeagent.network.healthports import HealthPorts, counts

WEB = Key("ns", "web")


def service(**spec: object) -> Object:
    found = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30100, **spec}
    return {"metadata": {"namespace": "ns", "name": "web"}, "spec": found}


def entry(address: str, node: str = "n1", *, ready: bool = True) -> Object:
    return {"addresses": [address], "nodeName": node, "conditions": {"ready": ready}}


def test_ready_endpoints_of_this_node_count() -> None:
    slices = {WEB: [{"endpoints": [
        entry("10.0.0.1"), entry("10.0.0.2", "n2"), entry("10.0.0.3", ready=False), entry("10.0.0.4"),
    ]}]}  # fmt: skip
    assert counts([service()], slices, "n1", frozenset({"10.0.0.4"})) == {30100: (WEB, 1)}
    assert counts([service(externalTrafficPolicy="Cluster")], slices, "n1", frozenset()) == {}
    other = service()
    other["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
    assert counts([other], slices, "n1", frozenset()) == {}


async def ask(port: int) -> tuple[str, str, str]:
    """The code, the weight that is told to balancers, and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    return head.split()[1], headers["X-Load-Balancing-Endpoint-Weight"], body


async def test_balancers_are_answered_as_by_kube_proxy() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ports = HealthPorts("127.0.0.1")
    await ports.apply({port: (WEB, 2)})
    body = (
        '{\n\t"service": {\n\t\t"namespace": "ns",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 2,\n'
        '\t"serviceProxyHealthy": true\n}'
    )
    assert await ask(port) == ("200", "2", body)
    await ports.apply({port: (WEB, 0)})
    assert await ask(port) == ("503", "0", body.replace(": 2", ": 0"))
    second = HealthPorts("127.0.0.1")
    await second.apply({port: (WEB, 1)})  # somebody has the port: told in the log, and nothing else breaks
    await second.close()
    await ports.close()
