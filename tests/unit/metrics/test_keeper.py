"""Series over restarts: what was measured is there again, and no file, however harmed, keeps a start from going."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from common.api.kinds import CLUSTER_SERIES, NODE_METRICS, NODE_SERIES, NODES, POD_SERIES, PODS, SERVICE_SERIES
from common.api.meta import Object
from common.client import SharedInformers
from common.clock import FakeClock
from common.session import Usage
from console.metrics import Keeper, Metrics
from console.metrics.archive import Record, decode, encode
from console.metrics.keeper import PAUSE
from console.metrics.points import Blocks
from tests.fakes.api import FakeApi

Start = Callable[[FakeClock], Metrics]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Control planes, one after the other, of the same cluster."""
    api = FakeApi(FakeClock())
    api.seed(NODES, {"metadata": {"name": "n1"}})
    api.seed(PODS, {"metadata": {"name": "web", "namespace": "default"}, "spec": {"nodeName": "n1"}})
    informers = SharedInformers(api.client(), FakeClock())
    mirrors = [informers.get(resource) for resource in (NODES, PODS)]
    informers.start()
    for mirror in mirrors:
        await mirror.synced.wait()
    yield lambda clock: Metrics(informers, clock)
    await informers.close()


async def measure(metrics: Metrics, clock: FakeClock, steps: int = 4) -> None:
    (pod,) = metrics._pods.items()
    for _ in range(steps):
        at = clock.monotonic()
        container = {"name": "app", "started": "x", "cpu": int(at * 25e7), "memory": 64 << 20}
        own = {"namespace": "default", "name": "web", "uid": pod["metadata"]["uid"], "containers": [container]}
        metrics.take("n1", Usage(at, {"cpu": int(at * 1e9), "memory": 2 << 30}, [own]))
        metrics.take_rates(lambda: {("shop", "web"): (12.5, 8.0, True), ("shop", "db"): (3.0, None, False)})
        await clock.advance(5)


def known(series: Object | None, field: str) -> list[float]:
    assert series is not None
    return [value for value in series[field] if value is not None]


def all_series(metrics: Metrics, seconds: int) -> list[Object | None]:
    query = {"seconds": str(seconds)}
    found = (
        (CLUSTER_SERIES, "", "cluster"),
        (NODE_SERIES, "", "n1"),
        (POD_SERIES, "default", "web"),
        (SERVICE_SERIES, "shop", "web"),
        (SERVICE_SERIES, "shop", "db"),
    )
    return [metrics.one(resource, namespace, name, query) for resource, namespace, name in found]


async def test_all_series_are_there_after_a_restart(start: Start, tmp_path: Path) -> None:
    clock = FakeClock()
    first = start(clock)
    keeper = Keeper(first, clock, tmp_path / "series.bin")
    keeper.start()
    await measure(first, clock)
    fine, coarse = all_series(first, 900), all_series(first, 7200)
    await keeper.close()
    second = start(clock)
    await Keeper(second, clock, tmp_path / "series.bin").load()
    assert all_series(second, 900) == fine
    assert all_series(second, 7200) == coarse
    assert known(fine[0], "requests") == pytest.approx([12.5] * 4, rel=0.005)
    assert known(fine[0], "latency") == pytest.approx([8.0] * 4, rel=0.02)
    assert known(fine[0], "connections") == pytest.approx([3.0] * 4, rel=0.005)
    assert list(second.every(NODE_METRICS, "", {})) == []  # what was measured before the restart is no figure of now


async def test_a_kill_costs_what_came_after_the_last_writing(start: Start, tmp_path: Path) -> None:
    clock = FakeClock()
    first = start(clock)
    keeper = Keeper(first, clock, tmp_path / "series.bin")
    keeper.start()
    await clock.advance(0)
    await measure(first, clock, int(PAUSE) // 5 + 1)
    async with asyncio.timeout(10):
        while not (tmp_path / "series.bin").exists():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)
    await keeper._tasks.close()  # as SIGKILL does: nothing is written any more
    await measure(first, clock, 3)
    # Started anew on a machine that was booted meanwhile, a quarter of an hour later.
    later = FakeClock(clock.now() + timedelta(seconds=900))
    second = start(later)
    await Keeper(second, later, tmp_path / "series.bin").load()
    await measure(second, later)
    found = known(second.one(NODE_SERIES, "", "n1", {"seconds": "3600"}), "cpu")
    assert len(found) == PAUSE // 5 - 1 + 3
    assert found == pytest.approx([1000] * len(found), rel=0.005)


async def test_series_of_what_is_still_there_outlast_a_night_without_a_control_plane(
    start: Start, tmp_path: Path
) -> None:
    clock = FakeClock()
    first = start(clock)
    await measure(first, clock)
    await Keeper(first, clock, tmp_path / "series.bin").save()
    await clock.advance(9 * 3600)
    second = start(clock)
    await Keeper(second, clock, tmp_path / "series.bin").load()
    await measure(second, clock, 40)
    assert len(known(second.one(POD_SERIES, "default", "web", {"seconds": str(12 * 3600)}), "cpu")) >= 4


async def test_a_clock_that_was_set_back_leaves_out_what_lies_ahead(start: Start, tmp_path: Path) -> None:
    clock = FakeClock()
    first = start(clock)
    await measure(first, clock)
    await Keeper(first, clock, tmp_path / "series.bin").save()
    before = FakeClock(clock.now() - timedelta(days=1))
    second = start(before)
    await Keeper(second, before, tmp_path / "series.bin").load()
    await measure(second, before)
    assert len(known(second.one(NODE_SERIES, "", "n1", {}), "cpu")) == 3


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b"series 1", b"series 9"),
        lambda data: b"quarterdeck series 1 little x y\n",
        lambda data: b"\n" * 300,
    ],
    ids=["empty", "cut", "changed", "another version", "no numbers", "no header"],
)
async def test_a_damaged_file_is_told_and_series_begin_anew(
    start: Start, tmp_path: Path, harm: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "series.bin", FakeClock()
    first = start(clock)
    await measure(first, clock)
    await Keeper(first, clock, file).save()
    await asyncio.to_thread(lambda: file.write_bytes(harm(file.read_bytes())))
    second = start(clock)
    with caplog.at_level(logging.WARNING):
        await Keeper(second, clock, file).load()
    assert f"{file} cannot be used" in caplog.text
    assert all_series(second, 900)[1:] == [None] * 4
    await measure(second, clock)
    assert len(known(second.one(NODE_SERIES, "", "n1", {}), "cpu")) == 3


async def test_a_disk_that_takes_nothing_is_told_once_and_costs_nothing_else(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    metrics = start(clock)
    (tmp_path / "no-folder").write_text("")
    keeper = Keeper(metrics, clock, tmp_path / "no-folder" / "series.bin")
    with caplog.at_level(logging.WARNING):
        await keeper.save()
        await keeper.save()
    assert caplog.text.count("figures over time cannot be kept") == 1


def test_a_file_is_bounded_and_what_comes_first_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.metrics.archive.MAX_BYTES", 1000)
    records = [
        Record("pod", "ns", f"p{number}", "u", 5.0, Blocks(3, b"\0" * 40, (b"x" * 100,)), Blocks(0, b"", ()))
        for number in range(20)
    ]
    data = encode(records, 7.0)
    assert decode(data) == (7.0, records[:7])
    assert len(data) < 2000
