"""The Docker network of pods against a scripted engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nodeagent.network.base import BridgeSpec
from nodeagent.runtime.base import RuntimeFailure
from nodeagent.runtime.networks import DockerNetworks

SPEC = BridgeSpec("quarterdeck", "qd0", "c0ffee", ("10.42.1.0/24", "fd00:42:0:1::/64"), 1500)


class Engine:
    """Has at most one network; answers as the low-level client does."""

    def __init__(self, version: str = "20.10.24", users: tuple[str, ...] = ()) -> None:
        self.network: dict[str, Any] | None = None
        self.made: list[dict[str, Any]] = []
        self._version = version
        self.users = users

    async def call(self, work: Callable[[Any], Any]) -> Any:
        return work(self)

    def version(self) -> dict[str, str]:
        return {"Version": self._version}

    def networks(self, names: list[str]) -> list[dict[str, Any]]:
        return [self.network] if self.network else []

    def inspect_network(self, identity: str) -> dict[str, Any] | None:
        return self.network

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Names": [f"/{user}"]} for user in self.users]

    def remove_network(self, identity: str) -> None:
        self.network = None

    def create_network(self, name: str, *, options: Any, ipam: Any, labels: Any, **rest: Any) -> None:
        self.network = {"Id": "1", "Name": name, "Options": options, "IPAM": ipam, "Labels": labels, **rest}
        self.made.append(self.network)


async def ensure(engine: Engine, **changes: Any) -> None:
    fields = {name: getattr(SPEC, name) for name in ("name", "bridge", "cluster", "subnets", "mtu")}
    await DockerNetworks(engine.call).ensure(BridgeSpec(**{**fields, **changes}))


async def test_the_network_is_made_once() -> None:
    engine = Engine()
    await ensure(engine)
    await ensure(engine)
    (made,) = engine.made
    assert made["Labels"] == {"io.quarterdeck": "c0ffee"}
    assert made["Options"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert made["IPAM"]["Config"] == [
        {"Subnet": "10.42.1.0/24", "Gateway": "10.42.1.1"},
        {"Subnet": "fd00:42:0:1::/64", "Gateway": "fd00:42:0:1::1"},
    ]


@pytest.mark.parametrize(
    ("version", "modes"), [("20.10.24", 0), ("26.1.0", 0), ("27.0.1", 2), ("29.0.0", 2), ("dev", 0)]
)
async def test_newer_engines_are_asked_for_routed_gateways(version: str, modes: int) -> None:
    engine = Engine(version)
    await ensure(engine)
    assert sum("gateway_mode" in option for option in engine.made[0]["Options"]) == modes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subnets": ("10.42.2.0/24",)}, "it has 10.42.1.0/24, fd00:42:0:1::/64, wanted 10.42.2.0/24"),
        ({"cluster": "beef"}, "it belongs to cluster c0ffee, not beef"),
        ({"bridge": "qd1"}, "its device is qd0, wanted qd1"),
    ],
)
async def test_a_wrong_network_is_made_anew_unless_containers_use_it(changes: dict[str, Any], words: str) -> None:
    engine = Engine()
    await ensure(engine)
    engine.users = ("web", "db")
    with pytest.raises(RuntimeFailure, match=rf"{words}.*2 containers use it \(db, web\): drain this node first"):
        await ensure(engine, **changes)
    engine.users = ()
    await ensure(engine, **changes)
    assert len(engine.made) == 2


async def test_a_mere_change_of_options_waits_until_no_container_is_left() -> None:
    engine = Engine()
    await ensure(engine)
    engine.users = ("web",)
    await ensure(engine, mtu=1400)
    assert len(engine.made) == 1
    engine.users = ()
    await ensure(engine, mtu=1400)
    assert engine.made[1]["Options"]["com.docker.network.driver.mtu"] == "1400"


async def test_a_foreign_network_of_that_name_is_never_touched() -> None:
    engine = Engine()
    engine.network = {"Id": "7", "Name": "quarterdeck", "Labels": None}
    with pytest.raises(RuntimeFailure, match="not Quarterdeck's: rename or remove it"):
        await ensure(engine)
    await DockerNetworks(engine.call).remove("quarterdeck")
    assert engine.network is not None
