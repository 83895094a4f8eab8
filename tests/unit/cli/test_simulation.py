"""Adoption of simulated nodes where the machine is too busy for it: codes that are used up, agents that end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest

from common.errors import Forbidden, TooManyRequests
from console.cli.context import Context
from console.cli.exits import Failure
from console.cli.simulation import Announcements, adopt

ADDRESS = "127.0.0.1:7001"


def line(address: str, code: str) -> str:
    return json.dumps({"name": "hollow", "address": address, "code": code}) + "\n"


def lines(written: SimpleQueue[str]) -> Iterator[str]:
    while text := written.get():
        yield text


def test_each_agent_counts_once_however_often_its_code_changes() -> None:
    said = Announcements([line("a", "1"), line("a", "2"), line("b", "3"), line("a", "4"), line("c", "5")])
    assert list(said.addresses(3, str)) == ["a", "b", "c"]
    assert said.codes == {"a": "4", "b": "3", "c": "5"}


def test_agents_that_end_too_early_are_told_of_with_their_log() -> None:
    said = Announcements([line("a", "1")])
    found = said.addresses(2, lambda: "no room")
    assert next(found) == "a"
    with pytest.raises(Failure, match="no room"):
        next(found)


def test_the_newest_code_is_tried_after_one_was_used_up() -> None:
    written: SimpleQueue[str] = SimpleQueue()
    written.put(line(ADDRESS, "old"))
    said = Announcements(lines(written))
    tried = []

    def send(_verb: str, _path: str, body: dict[str, str], **_: Any) -> object:
        tried.append(body["code"])
        if len(tried) == 1:
            raise TooManyRequests("another pairing attempt is under way")
        if body["code"] == "old":
            written.put(line(ADDRESS, "new"))
            raise Forbidden("the pairing code is wrong; the agent prints a new one now")
        return {"status": {"nodeName": "hollow-1"}}

    [address] = said.addresses(1, str)
    assert adopt(cast("Context", SimpleNamespace(api=SimpleNamespace(send=send))), address, said) == "hollow-1"
    written.put("")
    assert tried[:2] == ["old", "old"]
    assert tried[-1] == "new"
