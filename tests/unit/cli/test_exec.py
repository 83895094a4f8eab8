"""The input of `exec`, whatever it comes from."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import IO

from console.cli import exec as exec_


async def _read(source: IO[str]) -> bytes:
    return b"".join([each async for each in exec_.pieces(source)])


def test_a_file_and_nothing_are_read_to_their_end(tmp_path: Path) -> None:
    content = "line\n" * 20_000
    (tmp_path / "input").write_text(content)
    with (tmp_path / "input").open() as source, open(os.devnull) as nothing:
        assert asyncio.run(_read(source)) == content.encode()
        assert asyncio.run(_read(nothing)) == b""


def test_a_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()

    async def first_and_rest() -> tuple[bytes, bytes]:
        with os.fdopen(reading) as source:
            found = exec_.pieces(source)
            os.write(writing, b"one")
            first = await anext(found)
            os.write(writing, b"two")
            os.close(writing)
            return first, b"".join([each async for each in found])

    assert asyncio.run(first_and_rest()) == (b"one", b"two")
