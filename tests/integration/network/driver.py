"""Runs a NodeNetwork in the namespace it was started in; one call a line on standard input, one answer a line back."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

from nodeagent.network.addresses import gateway
from nodeagent.network.base import BridgeNetworks, BridgeSpec, Policies
from nodeagent.network.node import NodeNetwork
from nodeagent.runtime.base import RuntimeFailure
from nodeagent.runtime.docker_engine import DockerRuntime
from nodeagent.runtime.networks import DockerNetworks


class PlainBridges:
    """Makes the bridge itself: these hosts have no engine."""

    async def ensure(self, spec: BridgeSpec) -> None:
        if subprocess.run(["ip", "link", "show", spec.bridge], capture_output=True, check=False).returncode == 0:
            return
        self._ip("link", "add", spec.bridge, "mtu", str(spec.mtu), "type", "bridge")
        for cidr in spec.subnets:
            self._ip("addr", "add", f"{gateway(cidr)}/{cidr.split('/')[1]}", "dev", spec.bridge)
        self._ip("link", "set", spec.bridge, "up")

    async def remove(self, name: str) -> None:
        if subprocess.run(["ip", "link", "show", "qd0"], capture_output=True, check=False).returncode == 0:
            self._ip("link", "del", "qd0")

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)


async def main(directory: Path, engine: str = "") -> None:
    bridges: BridgeNetworks = PlainBridges()
    if engine:
        bridges = DockerNetworks(DockerRuntime(engine, cluster="").call)
    network = NodeNetwork(bridges, directory / "resolv", host_files=[directory / "resolv.conf"])
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        method, arguments, named = json.loads(line)
        print(json.dumps(await _answer(network, method, arguments, named)), flush=True)
    await network.close(remove=False)


async def _answer(network: NodeNetwork, method: str, arguments: list[Any], named: dict[str, Any]) -> dict[str, Any]:
    if method == "sync_services":
        arguments[2] = frozenset(arguments[2])
        arguments[3] = Policies(**arguments[3])
    if method == "isolate":
        arguments[1] = Policies(**arguments[1])
    try:
        result = getattr(network, method)(*arguments, **named)
        if inspect.isawaitable(result):
            result = await result
    except RuntimeFailure as error:
        return {"error": error.message}
    return {"result": dataclasses.asdict(result) if dataclasses.is_dataclass(result) else result}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
