"""Figures of machine and containers, and the node status made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nodeagent import node_status, stats
from nodeagent.cgroups import Usage, container_usage, machine_cpu_limit, machine_memory_limit
from nodeagent.node_status import Health, NodeFacts
from nodeagent.proxy.base import NoProxy
from nodeagent.runtime.base import ImageInfo
from nodeagent.stats import Limits, Machine
from nodeagent.summary import summary

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIB = 1024**3
MACHINE = Machine(
    cpus=2.0, memory=4 * GIB, memory_available=2 * GIB, memory_used=2 * GIB, disk=100 * GIB, disk_available=50 * GIB,
    pids=32768, pids_used=100, cpu_seconds=5.0, boot_id="b", memory_rss=GIB,
)  # fmt: skip
NO_PROXY = NoProxy().state
FACTS = NodeFacts("n1", "0.1.0", ("192.0.2.1", "2001:db8::1"), 10250, Limits())
WELL = Health("28.0", "", "")


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_container_in_cgroup_2(tmp_path: Path) -> None:
    write(tmp_path, cgroup_dot_controllers="cpu memory")
    folder = tmp_path / "system.slice" / "docker-abc.scope"
    write(folder, cpu_dot_stat="usage_usec 1500\nuser_usec 1", memory_dot_current="1000")
    write(folder, memory_dot_stat="anon 600\ninactive_file 300")
    assert container_usage("abc", tmp_path) == Usage(1_500_000, 1000, 700, 600)
    assert container_usage("other", tmp_path) is None


def test_a_container_in_cgroup_1(tmp_path: Path) -> None:
    write(tmp_path / "memory/docker/abc", memory_dot_usage_in_bytes="1000")
    write(tmp_path / "memory/docker/abc", memory_dot_stat="total_rss 600\ntotal_inactive_file 300")
    write(tmp_path / "cpuacct/docker/abc", cpuacct_dot_usage="1500000")
    assert container_usage("abc", tmp_path) == Usage(1_500_000, 1000, 700, 600)


@pytest.mark.parametrize(
    ("files", "memory", "cpus"),
    [
        ({"memory_dot_max": "max", "cpu_dot_max": "max 100000"}, None, None),
        ({"memory_dot_max": "1024", "cpu_dot_max": "150000 100000"}, 1024, 1.5),
        ({"memory__memory_dot_limit_in_bytes": "9223372036854771712", "cpu__cpu_dot_cfs_quota_us": "-1"}, None, None),
        (
            {"memory__memory_dot_limit_in_bytes": "2048", "cpu__cpu_dot_cfs_quota_us": "50000",
             "cpu__cpu_dot_cfs_period_us": "100000"},
            2048, 0.5,
        ),
        ({}, None, None),
    ],
)  # fmt: skip
def test_limits_of_the_machine(tmp_path: Path, files: dict[str, str], memory: int | None, cpus: float | None) -> None:
    write(tmp_path, **files)
    assert machine_memory_limit(tmp_path) == memory
    assert machine_cpu_limit(tmp_path) == cpus


def test_this_machine_can_be_measured(tmp_path: Path) -> None:
    machine = stats.measure(tmp_path, Limits(cpus=0.5, memory=GIB))
    assert (machine.cpus, machine.memory) == (0.5, GIB)
    assert machine.memory_available <= machine.memory
    assert 0 < machine.disk_available <= machine.disk
    assert stats.measure(tmp_path, Limits()).cpus > 0


def test_capacity_and_allocatable() -> None:
    assert stats.capacity(MACHINE, Limits(max_pods=7)) == {
        "cpu": "2", "memory": "4194304Ki", "ephemeral-storage": "104857600Ki", "pods": "7",
    }  # fmt: skip
    assert stats.allocatable(MACHINE, Limits())["memory"] == "4091904Ki"


@pytest.mark.parametrize(
    ("changes", "pressed"),
    [
        ({}, set()),
        ({"memory_available": 50 * 1024**2}, {"MemoryPressure"}),
        ({"disk_available": 5 * GIB}, {"DiskPressure"}),
        ({"pids_used": 32000}, {"PIDPressure"}),
    ],
)
def test_pressures(changes: dict[str, int], pressed: set[str]) -> None:
    from dataclasses import replace

    found = stats.pressures(replace(MACHINE, **changes))
    assert {kind for kind, (value, _, _) in found.items() if value} == pressed
    assert found["DiskPressure"][1] == f"KubeletHas{'' if 'DiskPressure' in pressed else 'No'}DiskPressure"


def test_a_healthy_node() -> None:
    status = node_status.build(FACTS, MACHINE, WELL, NO_PROXY, [], None, NOW)
    conditions = {item["type"]: item["status"] for item in status["conditions"]}
    assert conditions == {
        "NetworkUnavailable": "False", "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False",
        "Ready": "True",
    }  # fmt: skip
    assert status["addresses"] == [
        {"type": "InternalIP", "address": "192.0.2.1"},
        {"type": "InternalIP", "address": "2001:db8::1"},
        {"type": "Hostname", "address": "n1"},
    ]
    assert status["nodeInfo"]["kubeletVersion"] == "v1.36.0+quarterdeck.0.1.0"
    assert status["nodeInfo"]["containerRuntimeVersion"] == "docker://28.0"
    assert status["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 10250


@pytest.mark.parametrize(
    ("health", "message"),
    [
        (Health("", "no engine", ""), "container runtime is down: no engine"),
        (Health("28.0", "", "no routes"), "container runtime network not ready: no routes"),
    ],
)
def test_a_node_that_is_not_ready_says_why(health: Health, message: str) -> None:
    status = node_status.build(FACTS, MACHINE, health, NO_PROXY, [], None, NOW)
    ready = next(item for item in status["conditions"] if item["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "KubeletNotReady", message)


def test_an_unchanged_status_stays_the_same_for_five_minutes() -> None:
    first = node_status.build(FACTS, MACHINE, WELL, NO_PROXY, [], None, NOW)
    soon = node_status.build(FACTS, MACHINE, WELL, NO_PROXY, [], first, NOW + timedelta(minutes=4))
    later = node_status.build(FACTS, MACHINE, WELL, NO_PROXY, [], soon, NOW + timedelta(minutes=5))
    assert soon == first
    assert later != first
    assert later["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert later["conditions"][0]["lastHeartbeatTime"] == "2026-01-01T00:05:00Z"


def test_the_largest_images_are_listed() -> None:
    images = [ImageInfo(f"sha256:{size}", (f"i:{size}",), size) for size in range(60)]
    listed = node_status.build(FACTS, MACHINE, WELL, NO_PROXY, [*images, ImageInfo("x", (), 99)], None, NOW)["images"]
    assert len(listed) == 50
    assert listed[0] == {"names": ["i:59"], "sizeBytes": 59}


@pytest.mark.parametrize(("raw", "name"), [("Web-1", "web-1"), ("my_host.example", "my-host.example"), ("-", "node")])
def test_host_names_become_node_names(monkeypatch: pytest.MonkeyPatch, raw: str, name: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: raw)
    assert stats.host_name() == name


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        (["fd00::/56"], ("2001:db8::1", "192.0.2.1")),
        (["10.42.0.0/16", "fd00::/56"], ("192.0.2.1", "2001:db8::1")),
        ([], ("192.0.2.1", "2001:db8::1")),
    ],
)
def test_a_hosts_addresses_begin_with_the_pods_family(pods: list[str], expected: tuple[str, ...]) -> None:
    assert stats.reachable(("192.0.2.1", "fe80::1", "2001:db8::1"), pods) == expected


def test_pods_are_told_one_address_of_their_host_a_family() -> None:
    assert stats.host_ips(("192.0.2.1", "198.51.100.1", "2001:db8::1", "2001:db8::2")) == ("192.0.2.1", "2001:db8::1")
    assert stats.host_ips(()) == ()


def test_the_summary_has_every_figure_of_the_node_that_programs_count_on(tmp_path: Path) -> None:
    told = summary("n1", MACHINE, [], NOW)["node"]
    assert told["memory"] == {
        "time": "2026-01-01T00:00:00Z", "availableBytes": 2 * GIB, "usageBytes": 2 * GIB, "workingSetBytes": 2 * GIB,
        "rssBytes": GIB,
    }  # fmt: skip
    assert told["cpu"]["usageCoreNanoSeconds"] == 5_000_000_000
    assert stats.measure(tmp_path, Limits()).memory_rss > 0
