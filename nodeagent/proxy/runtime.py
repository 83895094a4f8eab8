"""Talks to a running HAProxy over its sockets: what it is told, and what it has counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from .changes import Told, batches
from .render import map_text

SECONDS = 3.0  # for one answer; a busy process needs milliseconds
_MAX_ANSWER = 64 * 1024 * 1024


class RuntimeRefused(Exception):
    """The process does not answer, or not as it should; the message is its own."""


async def ask(socket: Path, command: str) -> str:
    """The answer to one command or several joined by `;`. Raises RuntimeRefused."""
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=_MAX_ANSWER)
            try:
                writer.write(command.encode() + b"\n")
                writer.write_eof()
                answer = await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise RuntimeRefused(f"HAProxy does not answer: {error or 'no answer in time'}") from error
    return answer.decode(errors="replace").strip()


async def tell(socket: Path, told: Told) -> None:
    """Carry out all of it; RuntimeRefused at the first thing that is not accepted."""
    for batch in batches(told.servers):
        answer = await ask(socket, batch)
        # All that is said to commands that succeed; any other word is a complaint.
        if answer.replace("New server registered.", "").strip():
            raise RuntimeRefused(answer)
    for name, content in told.maps.items():
        await _replace_map(socket, f"{name}.map", content)
    for name, pem in told.certificates.items():
        await _expect(socket, f"set ssl cert {name} <<\n{pem.decode()}", "Transaction")
        await _expect(socket, f"commit ssl cert {name}", "Success")


async def _replace_map(socket: Path, name: str, content: Mapping[str, str]) -> None:
    """In one step: requests see the old map or the new one."""
    answer = await _expect(socket, f"prepare map {name}", "New version created: ")
    version = answer.rpartition(" ")[2]
    lines = map_text(content.items()).splitlines()
    for batch in batches(lines, "\n"):
        answer = await ask(socket, f"add map @{version} {name} <<\n{batch}\n")
        if answer:
            raise RuntimeRefused(answer)
    answer = await ask(socket, f"commit map @{version} {name}")
    if answer:
        raise RuntimeRefused(answer)


async def _expect(socket: Path, command: str, wanted: str) -> str:
    answer = await ask(socket, command)
    if wanted not in answer:
        raise RuntimeRefused(answer or f"nothing was answered to {command.split(' <<')[0]!r}")
    return answer


async def delete_retired(socket: Path, servers: Iterable[str]) -> set[str]:
    """Of `BACKEND/SERVER` those that the process has forgotten now; the others still have connections."""
    gone = set()
    for server in servers:
        answer = await ask(socket, f"del server {server}")
        if "deleted" in answer or "No such server" in answer:
            gone.add(server)
    return gone
