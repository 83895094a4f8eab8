"""Lets the cluster's packets through the FORWARD chain that the Docker Engine (or the host) sets to drop.

An accept in our own table cannot override a drop in another, so our table marks the packets of the cluster and the
chain QD-FORWARD, jumped to from where Docker leaves room for it, accepts marked ones. That keeps Docker's isolation of
its other networks. The jump sits in DOCKER-USER; engines before 27 have none for IPv6 unless told to, and then it must
be the first rule of FORWARD. Docker inserts its own rules above ours whenever a network is made or the engine starts,
hence the check of the order at each sync. Without iptables on the host there is nobody's drop to override.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable

from .commands import CommandFailed, Runner
from .errors import NetworkFailure
from .ruleset import TRUSTED_MARK

log = logging.getLogger(__name__)

CHAIN = "QD-FORWARD"
_ACCEPT = f"-A {CHAIN} -m mark --mark {TRUSTED_MARK:#x}/{TRUSTED_MARK:#x} -j ACCEPT"
_PREFIX = {4: "iptables", 6: "ip6tables"}


def plan(saved: str) -> list[str]:
    """Rules for `iptables-restore --noflush` that put chain and jump in place, from the output of `iptables-save`;
    empty when both are right."""
    rules = saved.splitlines()
    parent = "DOCKER-USER" if any(rule.startswith(":DOCKER-USER ") for rule in rules) else "FORWARD"
    jumps = [rule for rule in rules if rule.endswith(f"-j {CHAIN}")]
    first = next((rule for rule in rules if rule.startswith(f"-A {parent} ")), "")
    wanted = f"-A {parent} -j {CHAIN}"
    if jumps == [wanted] and first == wanted and [r for r in rules if r.startswith(f"-A {CHAIN} ")] == [_ACCEPT]:
        return []
    # Mentioning the chain in the header makes it, or empties it when it is there.
    return [f":{CHAIN} - [0:0]", *_without(jumps), f"-I {parent} 1 -j {CHAIN}", _ACCEPT]


def plan_removal(saved: str) -> list[str]:
    """Rules that take jump and chain away; empty when there are none."""
    rules = saved.splitlines()
    if not any(rule.startswith(f":{CHAIN} ") for rule in rules):
        return []
    jumps = [rule for rule in rules if rule.endswith(f"-j {CHAIN}")]
    return [f":{CHAIN} - [0:0]", *_without(jumps), f"-X {CHAIN}"]


def _without(jumps: list[str]) -> list[str]:
    return [f"-D {jump.removeprefix('-A ')}" for jump in jumps]


class Glue:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def assert_in_place(self, versions: list[int]) -> None:
        """Chain and jump exist and come first, for these IP versions."""
        await asyncio.gather(*(self._carry_out(version, plan) for version in versions))

    async def remove(self) -> None:
        await asyncio.gather(*(self._carry_out(version, plan_removal) for version in _PREFIX))

    async def _carry_out(self, version: int, planner: Callable[[str], list[str]]) -> None:
        prefix = _PREFIX[version]
        if shutil.which(f"{prefix}-restore") is None:
            return
        try:
            rules = planner(await self._runner.run(f"{prefix}-save", "-t", "filter"))
            if rules:
                log.info("putting the jump to %s in the %s FORWARD path right", CHAIN, prefix)
                script = "\n".join(["*filter", *rules, "COMMIT", ""])
                await self._runner.run(f"{prefix}-restore", "--noflush", "--wait", text=script)
        except CommandFailed as error:
            raise NetworkFailure(f"{prefix}: the way through Docker's firewall cannot be opened: {error}") from error
