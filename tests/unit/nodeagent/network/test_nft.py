"""The executor of service tables against a scripted nft."""

from __future__ import annotations

import pytest

from nodeagent.network.commands import CommandFailed
from nodeagent.network.errors import NetworkFailure
from nodeagent.network.nft import Nftables
from nodeagent.network.ruleset import Facts, Table, render
from nodeagent.network.services import Endpoint, ServicePort

FACTS = Facts(4, "10.42.0.0/16", "10.42.1.0/24", "10.43.0.0/16", bridge_sees_ip=True)
LISTING = "table ip qd {\n\tset aff-old {\n\t}\n\tmap svc {\n\t}\n\tchain svc-old {\n\t}\n\tchain forward {\n\t}\n}\n"


def table(*numbers: int) -> Table:
    endpoint = Endpoint("10.42.1.5", 8080, local=True)
    ports = [ServicePort(f"default/web{n}:/tcp", "tcp", 80, (endpoint,), (f"10.43.0.{n}",)) for n in numbers]
    return render(FACTS, ["192.0.2.1"], ports)


class ScriptedNft:
    """Remembers transactions; `tables` is what exists, `refusals` how many transactions fail."""

    def __init__(self, tables: str = "", refusals: int = 0) -> None:
        self.tables = tables
        self.refusals = refusals
        self.transactions: list[list[str]] = []

    async def run(self, *command: str, text: str = "") -> str:
        if command == ("nft", "list", "tables"):
            return self.tables
        if command[:3] == ("nft", "-t", "list"):
            return LISTING
        assert command == ("nft", "-f", "-")
        self.transactions.append(text.splitlines())
        if self.refusals:
            self.refusals -= 1
            raise CommandFailed("nft", 1, "No such file or directory")
        self.tables = (
            "table ip filter\n" if text.startswith("delete table ip qd\n") else "table ip filter\ntable ip qd\n"
        )
        return ""


async def test_the_first_time_everything_is_replaced_and_leftovers_go() -> None:
    nft = ScriptedNft("table ip qd\n")
    await Nftables(nft).apply([table(1)])
    (lines,) = nft.transactions
    assert lines[:3] == ["add table ip qd", "flush table ip qd", "flush map ip qd svc"]
    assert "delete chain ip qd svc-old" in lines
    assert "delete set ip qd aff-old" in lines
    assert "delete chain ip qd forward" not in lines


async def test_afterwards_only_the_difference_is_sent() -> None:
    nft = ScriptedNft()
    tables = Nftables(nft)
    await tables.apply([table(1)])
    await tables.apply([table(1, 2)])
    assert len(nft.transactions[1]) == 6
    assert nft.transactions[1][-1].startswith("add element ip qd svc { 10.43.0.2 . tcp . 80 : goto svc-")
    await tables.apply([table(1, 2)])
    assert len(nft.transactions) == 2


async def test_a_pod_that_is_no_endpoint_any_more_is_still_told_apart_from_itself_until_the_next_sync() -> None:
    def served_by(*numbers: int) -> Table:
        endpoints = tuple(Endpoint(f"10.42.1.{number}", 8080, local=True) for number in numbers)
        return render(FACTS, [], [ServicePort("default/web:/tcp", "tcp", 80, endpoints, ("10.43.0.1",))])

    def hairpins(lines: list[str]) -> list[str]:
        return [line for line in lines if " element ip qd hairpin " in line]

    nft = ScriptedNft()
    tables = Nftables(nft)
    await tables.apply([served_by(5, 6)])
    for endpoints in ((6, 7), (6, 7), (6, 7)):
        await tables.apply([served_by(*endpoints)])
    assert [hairpins(lines) for lines in nft.transactions[1:]] == [
        ["add element ip qd hairpin { 10.42.1.7 . 10.42.1.7 }"],
        ["delete element ip qd hairpin { 10.42.1.5 . 10.42.1.5 }"],
    ]


async def test_tables_that_vanished_come_back_although_nothing_changed() -> None:
    nft = ScriptedNft()
    tables = Nftables(nft)
    await tables.apply([table(1)])
    nft.tables = ""
    await tables.apply([table(1)])
    assert nft.transactions[1] == nft.transactions[0]


async def test_a_refused_difference_leads_to_a_replacement() -> None:
    nft = ScriptedNft()
    tables = Nftables(nft)
    await tables.apply([table(1)])
    nft.refusals = 1
    await tables.apply([table(2)])
    assert nft.transactions[-1][:2] == ["add table ip qd", "flush table ip qd"]


async def test_a_table_that_cannot_be_reused_is_made_from_scratch() -> None:
    nft = ScriptedNft("table ip qd\n", refusals=1)
    await Nftables(nft).apply([table(1)])
    assert nft.transactions[-1][:2] == ["add table ip qd", "delete table ip qd"]


async def test_what_nft_never_accepts_is_reported_and_tried_again_next_time() -> None:
    nft = ScriptedNft(refusals=2)
    tables = Nftables(nft)
    with pytest.raises(NetworkFailure, match="nft refuses the service tables of this node: No such file"):
        await tables.apply([table(1)])
    await tables.apply([table(1)])
    assert nft.transactions[-1][0] == "add table ip qd"


async def test_removal_deletes_our_tables_only() -> None:
    nft = ScriptedNft("table ip filter\ntable ip qd\ntable inet qd\n")
    tables = Nftables(nft)
    await tables.remove()
    await tables.remove()
    assert nft.transactions == [["delete table ip qd"]]
