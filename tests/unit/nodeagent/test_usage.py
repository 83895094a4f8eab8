"""What an agent tells of its node: counters of cgroup files of both versions, plausible ones of a simulated node."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import session
from common.api.meta import Object
from common.clock import FakeClock
from nodeagent.cgroups import machine_usage
from nodeagent.usage import HollowMeter, Running


def test_the_root_of_version_two_counts_no_memory_on_a_machine(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\n")
    assert machine_usage(tmp_path) == (2_500_000_000, None)
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("inactive_file 300\n")
    assert machine_usage(tmp_path) == (2_500_000_000, 700)


def test_version_one(tmp_path: Path) -> None:
    for folder in ("memory", "cpuacct"):
        (tmp_path / folder).mkdir()
    assert machine_usage(tmp_path) == (None, None)
    (tmp_path / "cpuacct" / "cpuacct.usage").write_text("77\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("1000\n")
    (tmp_path / "memory" / "memory.stat").write_text("total_inactive_file 400\n")
    assert machine_usage(tmp_path) == (77, 600)


@pytest.mark.parametrize(
    ("requests", "cores", "memory"), [({"cpu": "500m", "memory": "64Mi"}, 0.25, 32 << 20), ({}, 0.01, 32 << 20)]
)
async def test_a_simulated_container_uses_half_of_its_requests(requests: Object, cores: float, memory: int) -> None:
    clock = FakeClock()
    meter = HollowMeter(clock)
    pod: Object = {"spec": {"containers": [{"name": "app", "resources": {"requests": requests}}]}}
    running = Running(pod, "app", "id", "now")
    before = meter.container(running)
    await clock.advance(10)
    after = meter.container(running)
    assert (after[0] - before[0], after[1]) == (int(cores * 10 * 1e9), memory)
    assert meter.machine([running, running]) == (2 * after[0], 2 * memory)


def test_the_message_goes_over_the_wire() -> None:
    message = session.Usage(
        5.0, {"cpu": 1, "memory": 2}, [{"namespace": "a", "name": "b", "uid": "c", "containers": []}]
    )
    assert session.decode(session.encode(message)) == message
