"""How far a copy is, in words."""

from __future__ import annotations

from pathlib import Path

from common.clock import FakeClock
from console.streams.progress import Progress, size_of

MIB = 1024 * 1024


async def test_how_much_went_of_how_much_and_how_quick() -> None:
    clock = FakeClock()
    progress = Progress(clock, 4 * MIB)
    assert progress.text() == "0B of 4Mi, 0%"
    await clock.advance(2)
    progress.count(MIB)
    assert progress.text() == "1Mi of 4Mi, 25%, 512Ki/s"
    progress.total = 0
    assert progress.text() == "1Mi, 512Ki/s"


async def test_the_speed_is_that_of_the_last_seconds() -> None:
    clock = FakeClock()
    progress = Progress(clock)
    for _ in range(20):
        await clock.advance(1)
        progress.text()
    progress.count(5 * MIB)
    await clock.advance(1)
    assert progress.text() == "5Mi, 1Mi/s"


async def test_more_than_was_thought_is_no_more_than_all() -> None:
    progress = Progress(FakeClock(), 10)
    progress.count(20)
    assert "100%" in progress.text()


def test_a_folder_is_as_large_as_its_files_with_their_headers(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 513)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").write_bytes(b"")
    (tmp_path / "gone").symlink_to("nowhere")
    assert size_of(tmp_path) == (512 + 1024) + 512 + (512 + 512)
    assert size_of(tmp_path / "nothing") == 0
