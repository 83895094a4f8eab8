"""The command line as a user runs it, against a real API server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.api.kinds import NODES
from common.api.meta import Object
from console.apiserver.local import LocalClient
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


async def join(client: LocalClient, made: Object) -> None:
    """A node that is Ready, and has lost the taint of those that are not: no node lifecycle controller runs here."""
    await client.create(NODES, made)
    await client.update(NODES, made, subresource="status")
    await client.patch(NODES, made["metadata"]["name"], {"spec": {"taints": None}})


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
