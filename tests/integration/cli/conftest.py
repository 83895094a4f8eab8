"""The command line as a user runs it, against a real API server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.api.conftest import Running, api, client, node

__all__ = ["api", "client", "node"]  # fixtures of this folder too
QUARTERDECK = Path(sys.executable).with_name("quarterdeck")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Command = Callable[..., Awaitable[Outcome]]


async def run(argv: list[str], environment: dict[str, str], stdin: str = "") -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(stdin.encode())
    return Outcome(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def quarterdeck(api: Running) -> Command:
    """Run `quarterdeck ARG…`."""

    async def call(*words: str, stdin: str = "", **environment: str) -> Outcome:
        home = {"QUARTERDECK_HOME": str(api.socket.parent)}
        return await run([str(QUARTERDECK), *words], home | environment, stdin)

    return call


@pytest.fixture
def kubectl(api: Running) -> Command:
    """Run `kubectl ARG…` against the same server."""

    async def call(*words: str, stdin: str = "") -> Outcome:
        environment = {"KUBECONFIG": str(api.kubeconfig), "HOME": str(api.socket.parent)}
        return await run(["kubectl", *words], environment, stdin)

    return call
