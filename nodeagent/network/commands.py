"""Runs `nft` and the `iptables` family; their failures become messages that say what to do.

Text goes in by standard input, so that no rule appears in the list of processes and no length limit applies.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from .errors import NetworkFailure

TIMEOUT = 30.0  # seconds; a full replacement of 10,000 services takes 3 s on a slow machine
_PACKAGES = {"nft": "nftables", "iptables-save": "iptables", "ip6tables-save": "iptables"}


class CommandFailed(Exception):
    """The command ran and said no; `message` is its own first complaint."""

    def __init__(self, command: str, code: int, message: str) -> None:
        super().__init__(f"{command} exited with {code}: {message}")
        self.message = message


class Runner(Protocol):
    async def run(self, *command: str, text: str = "") -> str:
        """Standard output of the command; CommandFailed when it exits other than 0, NetworkFailure when it cannot
        be run at all (missing, no rights, stuck)."""
        ...


class Commands:
    """Runs in the network namespace of this process."""

    async def run(self, *command: str, text: str = "") -> str:
        name = command[0]
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        except FileNotFoundError:
            package = _PACKAGES.get(name, name)
            raise NetworkFailure(f"{name} is not installed: install the package {package} on this host") from None
        except OSError as error:
            raise NetworkFailure(f"{name} cannot be run: {error}") from error
        try:
            async with asyncio.timeout(TIMEOUT):
                output, complaint = await process.communicate(text.encode())
        except TimeoutError:
            raise NetworkFailure(f"{name} did not finish within {TIMEOUT:.0f} s and was killed") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise _failure(name, process.returncode or 0, complaint.decode(errors="replace"))
        return output.decode(errors="replace")


def _failure(name: str, code: int, complaint: str) -> Exception:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    message = lines[0] if lines else "no message"
    if "permitted" in complaint or "Permission denied" in complaint:
        return NetworkFailure(f"{name} may not change the firewall ({message}): run the agent as root")
    return CommandFailed(name, code, message)
