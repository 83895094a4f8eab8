"""The Docker network of a node's pods: made as asked, made anew when the node's slice changed, never taken from others.

`nodeagent.network` decides what the network is like; here are the differences between engines. Docker 28 drops what
comes from other hosts for ports that are not published, unless the gateway mode is `routed` (there since 27); packets
that Quarterdeck does not let through are still dropped by Docker's own chains.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from ipaddress import ip_network
from typing import Any, TypeVar

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import IPAMConfig, IPAMPool

from nodeagent.network.base import BridgeSpec

from .base import RuntimeFailure

log = logging.getLogger(__name__)
T = TypeVar("T")

LABEL = "io.quarterdeck"
_ROUTED_SINCE = 27  # major version of the engine
_OPTIONS = "com.docker.network.bridge."


class DockerNetworks:
    """Calls run in the executor: the engine may take seconds."""

    def __init__(self, client: docker.DockerClient, executor: Executor) -> None:
        self._client = client
        self._executor = executor

    async def ensure(self, spec: BridgeSpec) -> None:
        await self._call(lambda: self._ensure(spec))

    async def remove(self, name: str) -> None:
        await self._call(lambda: self._remove(name))

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except APIError as error:
            raise RuntimeFailure("NetworkUnavailable", explain(error)) from error
        except (DockerException, OSError) as error:
            message = f"the Docker Engine does not answer: {error}; is it running (docker version)?"
            raise RuntimeFailure("EngineUnavailable", message) from error

    def _find(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.api.inspect_network(name)
        except NotFound:
            return None
        return found

    def _ensure(self, spec: BridgeSpec) -> None:
        present = self._find(spec.name)
        if present is not None:
            differences = compare(present, spec)
            if not differences:
                return
            self._make_way(present, spec, differences)
        version = str(self._client.api.version().get("Version", "0"))
        self._client.api.create_network(
            spec.name,
            driver="bridge",
            options=options(spec, version),
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=cidr, gateway=gateway(cidr)) for cidr in spec.subnets]),
            enable_ipv6=any(ip_network(cidr).version == 6 for cidr in spec.subnets),
            labels={LABEL: spec.cluster},
            check_duplicate=True,
        )
        log.info("made the Docker network %s with %s", spec.name, ", ".join(spec.subnets))

    def _make_way(self, present: dict[str, Any], spec: BridgeSpec, differences: str) -> None:
        if LABEL not in (present.get("Labels") or {}):
            raise RuntimeFailure(
                "NetworkUnavailable",
                f"a Docker network {spec.name} exists that is not Quarterdeck's: rename or remove it "
                f"(docker network rm {spec.name})",
            )
        # Stopped containers count: they could not start again without their network.
        users = self._client.api.containers(all=True, filters={"network": spec.name})
        if users:
            names = ", ".join(sorted(str((user.get("Names") or ["?"])[0]).lstrip("/") for user in users)[:5])
            raise RuntimeFailure(
                "NetworkUnavailable",
                f"the Docker network {spec.name} must be made anew ({differences}), but {len(users)} containers use it "
                f"({names}): drain this node first",
            )
        log.info("removing the Docker network %s: %s", spec.name, differences)
        self._client.api.remove_network(present["Id"])

    def _remove(self, name: str) -> None:
        present = self._find(name)
        if present is not None and LABEL in (present.get("Labels") or {}):
            self._client.api.remove_network(present["Id"])


def gateway(cidr: str) -> str:
    return str(ip_network(cidr)[1])


def options(spec: BridgeSpec, version: str) -> dict[str, str]:
    """Driver options for an engine of that version."""
    chosen = {
        f"{_OPTIONS}name": spec.bridge,
        f"{_OPTIONS}enable_ip_masquerade": "false",
        "com.docker.network.driver.mtu": str(spec.mtu),
    }
    major = version.split(".")[0]
    if major.isdecimal() and int(major) >= _ROUTED_SINCE:
        families = {ip_network(cidr).version for cidr in spec.subnets}
        chosen |= {f"{_OPTIONS}gateway_mode_ipv{family}": "routed" for family in sorted(families)}
    return chosen


def compare(present: dict[str, Any], spec: BridgeSpec) -> str:
    """How an existing network differs from the one wanted, in words; empty when it will do. The MTU does not count:
    a changed one is no reason to take the network from running pods."""
    differences = []
    cluster = (present.get("Labels") or {}).get(LABEL)
    if cluster != spec.cluster:
        differences.append(f"it belongs to cluster {cluster or '(none)'}, not {spec.cluster}")
    pools = (present.get("IPAM") or {}).get("Config") or ()
    subnets = {str(ip_network(pool["Subnet"])) for pool in pools if pool.get("Subnet")}
    if subnets != set(spec.subnets):
        differences.append(f"it has {', '.join(sorted(subnets)) or 'no subnet'}, wanted {', '.join(spec.subnets)}")
    bridge = (present.get("Options") or {}).get(f"{_OPTIONS}name")
    if bridge != spec.bridge:
        differences.append(f"its device is {bridge or '(unnamed)'}, wanted {spec.bridge}")
    return "; ".join(differences)


def explain(error: APIError) -> str:
    """The engine's complaint with what to do about it."""
    text = str(error.explanation or error)
    if "overlap" in text.lower():
        return (
            f"the pod network collides with another network of this host ({text}): give the cluster another pod "
            "network, or remove the other one (docker network ls)"
        )
    return f"the Docker Engine refused the pod network: {text}"
