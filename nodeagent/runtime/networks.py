"""Docker networks for pods, as `nodeagent/network` wants them. Only ours (by label) are ever changed or removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Protocol

from common.api.meta import Object

from .base import RuntimeFailure
from .translate import LABEL

Call = Callable[[Callable[[Any], Any]], Awaitable[Any]]


class Spec(Protocol):
    """nodeagent.network.base.BridgeSpec."""

    @property
    def name(self) -> str: ...
    @property
    def bridge(self) -> str: ...
    @property
    def cluster(self) -> str: ...
    @property
    def subnets(self) -> tuple[str, ...]: ...
    @property
    def mtu(self) -> int: ...


@dataclass(frozen=True, slots=True)
class DockerNetworks:
    """`call` runs a function with the engine's client in a thread (`DockerRuntime.call`)."""

    call: Call

    async def ensure(self, spec: Spec) -> None:
        wanted = network_config(spec, await self._engine_version())
        found = await self._find(spec.name)
        if found is not None:
            if same(found, wanted):
                return
            self._check_ours(found, spec.name)
            await self._remove(found, spec.name)
        await self.call(lambda api: _create(api, wanted))

    async def remove(self, name: str) -> None:
        found = await self._find(name)
        if found is not None and LABEL in (found.get("Labels") or {}):
            await self._remove(found, name)

    async def _engine_version(self) -> int:
        version = await self.call(lambda api: api.version())
        major = str(version.get("Version", "0")).partition(".")[0]
        return int(major) if major.isdecimal() else 0

    async def _find(self, name: str) -> Object | None:
        networks = await self.call(lambda api: api.networks(names=[name]))
        exact = next((network for network in networks if network.get("Name") == name), None)
        if exact is None:
            return None
        found: Object = await self.call(lambda api: api.inspect_network(exact["Id"]))
        return found

    def _check_ours(self, found: Object, name: str) -> None:
        if LABEL not in (found.get("Labels") or {}):
            raise RuntimeFailure(
                "NetworkUnavailable",
                f"a Docker network named {name} exists that is not Quarterdeck's: rename or remove it",
            )

    async def _remove(self, found: Object, name: str) -> None:
        users = [str(entry.get("Name")) for entry in (found.get("Containers") or {}).values()]
        if users:
            raise RuntimeFailure(
                "NetworkUnavailable",
                f"the Docker network {name} has other addresses than this node was given, and {len(users)} containers "
                f"still use it ({', '.join(users[:3])}): they have to go first",
            )
        await self.call(lambda api: api.remove_network(found["Id"]))


def network_config(spec: Spec, engine_major: int) -> Object:
    """The network in the words of the Engine API."""
    options = {
        "com.docker.network.bridge.name": spec.bridge,
        "com.docker.network.bridge.enable_ip_masquerade": "false",
        "com.docker.network.driver.mtu": str(spec.mtu),
    }
    if engine_major >= 27:
        # Newer engines drop what comes from other hosts for ports that are not published; routed is their way out.
        options["com.docker.network.bridge.gateway_mode_ipv4"] = "routed"
        options["com.docker.network.bridge.gateway_mode_ipv6"] = "routed"
    networks = [ip_network(subnet) for subnet in spec.subnets]
    return {
        "Name": spec.name,
        "Driver": "bridge",
        "EnableIPv6": any(network.version == 6 for network in networks),
        "IPAM": {
            "Driver": "default",
            "Config": [{"Subnet": str(network), "Gateway": str(network[1])} for network in networks],
        },
        "Options": options,
        "Labels": {LABEL: spec.cluster},
    }


def same(found: Object, wanted: Object) -> bool:
    """Whether an inspected network is what was wanted."""
    subnets = {entry.get("Subnet") for entry in (found.get("IPAM") or {}).get("Config") or ()}
    return (
        subnets == {entry["Subnet"] for entry in wanted["IPAM"]["Config"]}
        and bool(found.get("EnableIPv6")) == wanted["EnableIPv6"]
        and (found.get("Labels") or {}).get(LABEL) == wanted["Labels"][LABEL]
        and all((found.get("Options") or {}).get(key) == value for key, value in wanted["Options"].items())
    )


def _create(api: Any, config: Object) -> None:
    api.create_network(
        config["Name"],
        driver=config["Driver"],
        options=config["Options"],
        ipam=config["IPAM"],
        labels=config["Labels"],
        enable_ipv6=config["EnableIPv6"],
    )
