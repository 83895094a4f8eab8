"""What a process does about its own limits."""

from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.limits import give_back_memory

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


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    give_back_memory()
