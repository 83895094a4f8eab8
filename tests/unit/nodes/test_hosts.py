"""Host objects: what people see of machines that may lie about themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from common.api.kinds import HOSTS, NODES
from common.api.meta import Object, name
from common.client import Informer
from common.clock import FakeClock
from common.discovery import Advertisement, SeenHost
from common.hosts import HOST_FINGERPRINT
from console.nodes.hosts import GONE_SECONDS, HostTable
from tests.fakes.api import FakeApi

WORKER = Advertisement("worker-1", "ab" * 32, 10250, "0.1.0", "docker 29", "amd64", 8, 16 << 30)


class Hosts:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.nodes = Informer(self.api.client(), NODES, self.clock)
        self.changed: list[str] = []
        self.table = HostTable(self.api.client(), self.clock, "c1", self.nodes, self.changed.append)

    async def see(self, advertisement: Advertisement, *addresses: str) -> None:
        self.table.seen(SeenHost(advertisement, addresses or ("192.0.2.1",)))
        await self.clock.advance(0.1)

    async def settle(self) -> dict[str, Object]:
        await self.clock.advance(0.1)
        return {name(host): host["status"] for host in self.api.items(HOSTS)}


@pytest.fixture
async def hosts() -> AsyncIterator[Hosts]:
    found = Hosts()
    found.nodes.start()
    found.table.start()
    await found.clock.advance(0.1)
    yield found
    await found.table.close()
    await found.nodes.close()


def node_of(fingerprint: str) -> Object:
    return {"metadata": {"name": "worker-1", "annotations": {HOST_FINGERPRINT: fingerprint}}}


async def test_a_host_is_shown_with_its_figures(hosts: Hosts) -> None:
    await hosts.see(WORKER, "192.0.2.1", "fd00::1")
    status = (await hosts.settle())["worker-1"]
    assert status["phase"] == "Discovered"
    assert (status["cpu"], status["memory"], status["addresses"]) == ("8", "16Gi", ["192.0.2.1", "fd00::1"])
    assert hosts.changed == [WORKER.fingerprint]


async def test_phases_follow_membership_and_the_node(hosts: Hosts) -> None:
    await hosts.see(replace(WORKER, adopted_by="c2"))
    assert (await hosts.settle())["worker-1"]["phase"] == "Foreign"
    await hosts.see(replace(WORKER, adopted_by="c1"))
    assert "adopt it again" in (await hosts.settle())["worker-1"]["message"]
    hosts.api.seed(NODES, node_of(WORKER.fingerprint))
    status = (await hosts.settle())["worker-1"]
    assert (status["phase"], status["nodeName"]) == ("Adopted", "worker-1")
    await hosts.see(WORKER)
    assert "forgot that it is node worker-1" in (await hosts.settle())["worker-1"]["message"]


async def test_a_host_that_says_goodbye_is_gone_and_later_forgotten(hosts: Hosts) -> None:
    await hosts.see(WORKER)
    hosts.table.lost(WORKER.fingerprint)
    assert (await hosts.settle())["worker-1"]["phase"] == "Gone"
    await hosts.clock.advance(GONE_SECONDS + 1)
    assert await hosts.settle() == {}


async def test_a_host_that_comes_back_is_told_of_again(hosts: Hosts) -> None:
    await hosts.see(WORKER)
    hosts.table.lost(WORKER.fingerprint)
    await hosts.see(WORKER)
    await hosts.clock.advance(GONE_SECONDS + 1)
    assert (await hosts.settle())["worker-1"]["phase"] == "Discovered"
    assert hosts.changed == [WORKER.fingerprint] * 2


async def test_labels_of_users_stay_when_the_host_changes_and_what_is_over_goes(hosts: Hosts) -> None:
    await hosts.see(replace(WORKER, adopted_by="another"))
    await hosts.api.client().patch(HOSTS, "worker-1", {"metadata": {"labels": {"rack": "2"}}})
    await hosts.see(WORKER, "192.0.2.7")
    (found,) = hosts.api.items(HOSTS)
    assert found["metadata"]["labels"] == {"rack": "2"}
    assert found["status"]["addresses"] == ["192.0.2.7"]
    assert "adoptedBy" not in found["status"]


async def test_a_host_that_somebody_deleted_is_shown_again_with_its_next_change(hosts: Hosts) -> None:
    await hosts.see(WORKER)
    await hosts.api.client().delete(HOSTS, "worker-1")
    await hosts.see(WORKER, "192.0.2.7")
    assert (await hosts.settle())["worker-1"]["addresses"] == ["192.0.2.7"]


async def test_two_hosts_of_one_name_are_kept_apart_by_their_fingerprints(hosts: Hosts) -> None:
    await hosts.see(WORKER)
    await hosts.see(replace(WORKER, fingerprint="cd" * 32))
    assert set(await hosts.settle()) == {"worker-1", "worker-1-cdcdcdcd"}


async def test_other_addresses_are_told_and_dialled_with_the_hosts_port(hosts: Hosts) -> None:
    await hosts.see(WORKER)
    await hosts.see(WORKER, "192.0.2.9", "fd00::9")
    assert hosts.table.addresses(WORKER.fingerprint) == ("192.0.2.9:10250", "[fd00::9]:10250")
    assert hosts.table.addresses("nobody") == ()
    assert len(hosts.changed) == 2
