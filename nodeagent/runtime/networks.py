"""Docker networks for pods, as `nodeagent/network` wants them. Only ours (by label) are ever changed or removed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Protocol

from common.api.meta import Object

from .base import RuntimeFailure
from .translate import LABEL

log = logging.getLogger(__name__)

_BRIDGE_NAME = "com.docker.network.bridge.name"
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
            wrong = conflicts(found, wanted)
            if not wrong and same_options(found, wanted):
                return
            self._check_ours(found, spec.name)
            users = await self._users(spec.name)
            if users and not wrong:
                log.warning("the Docker network %s keeps its old options while containers use it", spec.name)
                return
            if users:
                raise RuntimeFailure(
                    "NetworkUnavailable",
                    f"the Docker network {spec.name} must be made anew ({wrong}), but {len(users)} containers use it "
                    f"({', '.join(users[:3])}): drain this node first",
                )
            await self.call(lambda api: api.remove_network(found["Id"]))
        await self._create(wanted)

    async def remove(self, name: str) -> None:
        found = await self._find(name)
        if found is not None and LABEL in (found.get("Labels") or {}):
            await self.call(lambda api: api.remove_network(found["Id"]))

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

    async def _users(self, name: str) -> list[str]:
        """Names of containers on the network; stopped ones count, they could not start again without it."""
        found = await self.call(lambda api: api.containers(all=True, filters={"network": name}))
        return sorted(str((entry.get("Names") or ["?"])[0]).lstrip("/") for entry in found)

    async def _create(self, wanted: Object) -> None:
        try:
            await self.call(lambda api: _create(api, wanted))
        except RuntimeFailure as failure:
            if "overlap" not in failure.message.lower():
                raise
            raise RuntimeFailure(
                "NetworkUnavailable",
                f"the pod network collides with another network of this host ({failure.message}): give the cluster "
                "another pod network, or remove the other one (docker network ls)",
            ) from failure


def network_config(spec: Spec, engine_major: int) -> Object:
    """The network in the words of the Engine API."""
    networks = [ip_network(subnet) for subnet in spec.subnets]
    options = {
        _BRIDGE_NAME: spec.bridge,
        "com.docker.network.bridge.enable_ip_masquerade": "false",
        "com.docker.network.driver.mtu": str(spec.mtu),
    }
    if engine_major >= 27:
        # Newer engines drop what comes from other hosts for ports that are not published; routed is their way out.
        options |= {f"com.docker.network.bridge.gateway_mode_ipv{network.version}": "routed" for network in networks}
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


def conflicts(found: Object, wanted: Object) -> str:
    """Why pods cannot use an inspected network, in words; empty when they can."""
    differences = []
    cluster, other = wanted["Labels"][LABEL], (found.get("Labels") or {}).get(LABEL)
    if other != cluster:
        differences.append(f"it belongs to cluster {other or '(none)'}, not {cluster}")
    pools = [str(entry.get("Subnet")) for entry in (found.get("IPAM") or {}).get("Config") or ()]
    subnets = [entry["Subnet"] for entry in wanted["IPAM"]["Config"]]
    if set(pools) != set(subnets):
        differences.append(f"it has {', '.join(pools) or 'no subnet'}, wanted {', '.join(subnets)}")
    device, name = (found.get("Options") or {}).get(_BRIDGE_NAME), wanted["Options"][_BRIDGE_NAME]
    if device != name:
        differences.append(f"its device is {device or '(unnamed)'}, wanted {name}")
    return "; ".join(differences)


def same_options(found: Object, wanted: Object) -> bool:
    """Whether the rest is the same too. A difference (MTU, an engine that got younger) can wait until no pod runs."""
    return all((found.get("Options") or {}).get(key) == value for key, value in wanted["Options"].items())


def _create(api: Any, config: Object) -> None:
    api.create_network(
        config["Name"],
        driver=config["Driver"],
        options=config["Options"],
        ipam=config["IPAM"],
        labels=config["Labels"],
        enable_ipv6=config["EnableIPv6"],
    )
