"""What a process does about its own limits."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.limits import give_back_memory, keep_one_arena

PAGE = 4096
MEBIBYTE = 1 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def test_memory_that_was_freed_between_what_is_used_goes_back() -> None:
    blocks = [b"x" * 20_000 for _ in range(4000)]
    for index in range(len(blocks)):
        if index % 10:
            blocks[index] = b""
    before = resident()
    give_back_memory()
    assert before - resident() > 30 * MEBIBYTE
    assert sum(map(len, blocks)) == 400 * 20_000


def test_what_threads_freed_goes_back(tmp_path: Path) -> None:
    """In a process of its own: the settings are for the whole of one, and before its first thread."""
    script = tmp_path / "threads.py"
    script.write_text(
        """
from concurrent.futures import ThreadPoolExecutor
from common.limits import give_back_memory, keep_one_arena, keep_one_arena
from tests.unit.common.test_limits import resident

def work(_number):
    del [bytes(100_000) for _ in range(200)][:]

keep_one_arena()
bytes(22_000_000)  # of which the C library learns to keep as much
before = resident()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(work, range(16)))
    give_back_memory()
    print(resident() - before)
"""
    )
    ran = subprocess.run([sys.executable, script], env={"PYTHONPATH": os.getcwd()}, capture_output=True, check=True)
    assert int(ran.stdout) < 10 * MEBIBYTE


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    give_back_memory()
    keep_one_arena()
