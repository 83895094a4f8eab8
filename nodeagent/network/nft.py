"""Keeps the kernel's `qd` tables as wanted: one `nft -f -` transaction a sync for both families.

What was applied last is remembered, and only the difference is sent. The first time, and whenever the kernel refuses
(someone flushed or changed the tables), everything is replaced, so that no drift survives a sync that changes
anything; `verify` finds tables that vanished while nothing had to change. Hairpins that are not wanted any more go with
the sync after that (`transaction.lingering`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from . import transaction
from .commands import CommandFailed, Runner
from .errors import NetworkFailure
from .ruleset import TABLE, Table

_COUNTER = re.compile(r"counter (\S+) \{[^}]*?packets (\d+)")
log = logging.getLogger(__name__)


class Nftables:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._applied: dict[str, Table] = {}
        self._asked: dict[str, Table] = {}  # last time, without what lingers of the time before

    async def apply(self, tables: Iterable[Table]) -> None:
        """Make the kernel hold these tables, and none of ours of another family."""
        asked = {table.family: table for table in tables}
        wanted = {
            family: transaction.lingering(self._asked[family], table) if family in self._asked else table
            for family, table in asked.items()
        }
        self._asked = asked
        if self._applied.keys() == wanted.keys() and await self._apply_difference(wanted):
            return
        self._applied = {}
        await self._replace(wanted)
        self._applied = wanted

    async def _apply_difference(self, wanted: dict[str, Table]) -> bool:
        lines: list[str] = []
        for family, table in wanted.items():
            changes = transaction.difference(self._applied[family], table)
            if changes is None:
                return False
            lines += changes
        if not lines:
            return await self._present() >= wanted.keys()
        try:
            await self._load(lines)
        except CommandFailed as error:
            log.warning("the nftables tables were changed by someone else, replacing them: %s", error)
            return False
        self._applied = wanted
        return True

    async def _replace(self, wanted: dict[str, Table]) -> None:
        present = await self._present()
        stale = [f"delete table {family} {TABLE}" for family in sorted(present - wanted.keys())]
        lines = list(stale)
        for family, table in wanted.items():
            lines += transaction.replace(table, await self._leftovers(family, present))
        try:
            await self._load(lines)
        except CommandFailed as error:
            log.warning("the nftables tables cannot be updated, making them anew: %s", error)
            lines = stale + [line for table in wanted.values() for line in transaction.from_scratch(table)]
            try:
                await self._load(lines)
            except CommandFailed as again:
                raise NetworkFailure(f"nft refuses the service tables of this node: {again.message}") from again

    async def counters(self) -> dict[str, int]:
        """Packets by the name of a counter, both families together."""
        found: dict[str, int] = {}
        for family in self._applied:
            for name, packets in _COUNTER.findall(await self._run("nft", "list", "counters", "table", family, TABLE)):
                found[name] = found.get(name, 0) + int(packets)
        return found

    async def _leftovers(self, family: str, present: set[str]) -> transaction.Leftovers:
        if family not in present:
            return transaction.Leftovers()
        return transaction.parse_listing(await self._run("nft", "-t", "list", "table", family, TABLE))

    async def _present(self) -> set[str]:
        """Families that have a table of ours."""
        listing = await self._run("nft", "list", "tables")
        words = [line.split() for line in listing.splitlines()]
        return {parts[1] for parts in words if len(parts) == 3 and parts[2] == TABLE and parts[1] in {"ip", "ip6"}}

    async def _load(self, lines: list[str]) -> None:
        await self._runner.run("nft", "-f", "-", text="\n".join(lines) + "\n")

    async def _run(self, *command: str) -> str:
        try:
            return await self._runner.run(*command)
        except CommandFailed as error:
            raise NetworkFailure(f"nftables cannot be read: {error}") from error

    async def remove(self) -> None:
        """Delete our tables; harmless when there are none."""
        self._applied, self._asked = {}, {}
        lines = [f"delete table {family} {TABLE}" for family in sorted(await self._present())]
        if not lines:
            return
        try:
            await self._load(lines)
        except CommandFailed as error:
            raise NetworkFailure(f"the service tables of this node cannot be deleted: {error}") from error
