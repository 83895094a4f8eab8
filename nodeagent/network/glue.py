"""Lets the cluster's packets through chains that the Docker Engine or the host's firewall sets to drop.

An accept in our own table cannot override a drop in another, so our table marks the packets of the cluster, and the
chains QD-FORWARD and QD-INPUT, jumped to first, accept marked ones. That keeps Docker's isolation of its other
networks. Where Docker leaves room for it (DOCKER-USER) the jump for forwarded packets sits there; engines before 27
have no such chain for IPv6 unless told to, and then it must be the first rule of FORWARD. Docker inserts its own rules
above ours whenever a network is made or the engine starts, hence the check of the order at each sync. Without iptables
on the host there is nobody's drop to override.
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

_PREFIX = {4: "iptables", 6: "ip6tables"}
# Our chains, and the chains that jump to them: the first of these that exists.
_CHAINS = {"QD-FORWARD": ("DOCKER-USER", "FORWARD"), "QD-INPUT": ("INPUT",)}
_ACCEPT = f"-m mark --mark {TRUSTED_MARK:#x}/{TRUSTED_MARK:#x} -j ACCEPT"


def plan(saved: str) -> list[str]:
    """Rules for `iptables-restore --noflush` that put chains and jumps in place, from the output of `iptables-save`;
    empty when all are right."""
    rules = saved.splitlines()
    return [line for chain in _CHAINS for line in _plan_chain(rules, chain)]


def _plan_chain(rules: list[str], chain: str) -> list[str]:
    # Without any rule there may be no table to be seen; then the last, which always exists, is meant.
    parents = [name for name in _CHAINS[chain] if any(rule.startswith(f":{name} ") for rule in rules)]
    parent = (parents or _CHAINS[chain][-1:])[0]
    first = next((rule for rule in rules if rule.startswith(f"-A {parent} ")), "")
    jump, accept = f"-A {parent} -j {chain}", f"-A {chain} {_ACCEPT}"
    content = [rule for rule in rules if rule.startswith(f"-A {chain} ")]
    if _jumps(rules, chain) == [jump] and first == jump and content == [accept]:
        return []
    # Mentioning the chain in the header makes it, or empties it when it is there.
    return [f":{chain} - [0:0]", *_without(rules, chain), f"-I {parent} 1 -j {chain}", accept]


def plan_removal(saved: str) -> list[str]:
    """Rules that take jumps and chains away; empty when there are none."""
    rules = saved.splitlines()
    present = [chain for chain in _CHAINS if any(rule.startswith(f":{chain} ") for rule in rules)]
    return [line for chain in present for line in (f":{chain} - [0:0]", *_without(rules, chain), f"-X {chain}")]


def _jumps(rules: list[str], chain: str) -> list[str]:
    return [rule for rule in rules if rule.endswith(f"-j {chain}")]


def _without(rules: list[str], chain: str) -> list[str]:
    return [f"-D {jump.removeprefix('-A ')}" for jump in _jumps(rules, chain)]


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
                log.info("putting our chains in front of those of %s", prefix)
                script = "\n".join(["*filter", *rules, "COMMIT", ""])
                await self._runner.run(f"{prefix}-restore", "--noflush", "--wait", text=script)
        except CommandFailed as error:
            raise NetworkFailure(f"{prefix}: the way through Docker's firewall cannot be opened: {error}") from error
