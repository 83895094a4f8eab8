"""What a running HAProxy is told: enough to be as wanted, in an order that never leaves a backend empty."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from common.api.ingressnode import MISSING, ProxySettings
from common.clock import FakeClock
from nodeagent.proxy.changes import MAX_COMMAND, REST_SECONDS, Resting, batches, changes
from nodeagent.proxy.haproxy import HaproxyProxy
from nodeagent.proxy.model import Backend, Listener, Server, Wanted, Way
from nodeagent.proxy.plan import Inputs
from nodeagent.proxy.stats import Counts, Totals, parse

servers = st.lists(
    st.builds(Server, st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"]), st.just(80), st.sampled_from([0, 50, 100])),
    max_size=3,
    unique_by=lambda server: server.name,
)


def wanted(found: list[Server], **more: object) -> Wanted:
    return Wanted(backends=(Backend("ns:i:web:80", Way(), tuple(found)),), **more)  # type: ignore[arg-type]


class Process:
    """Servers as HAProxy keeps them; a wrong command is an error."""

    def __init__(self, found: list[Server]) -> None:
        self.servers = {server.name: [server.weight, True] for server in found}

    def obey(self, command: str) -> None:
        words = command.split()
        name = words[2].partition("/")[2]
        match words[0]:
            case "add":
                assert name not in self.servers
                self.servers[name] = [int(words[5]), False]
            case "enable":
                self.servers[name][1] = True
            case "disable":
                self.servers[name][1] = False
            case "set":
                self.servers[name][0] = int(words[4])

    @property
    def serving(self) -> dict[str, int]:
        return {name: int(weight) for name, (weight, enabled) in self.servers.items() if enabled}


@given(st.lists(servers, min_size=2, max_size=6))
def test_any_sequence_of_changes_leads_where_it_should(steps: list[list[Server]]) -> None:
    process = Process(steps[0])
    retired: dict[str, frozenset[str]] = {}
    for old, new in itertools.pairwise(steps):
        told = changes(wanted(old), wanted(new), retired)
        assert told is not None
        for command in told.servers:
            process.obey(command)
            assert process.serving or not old or not new, "never without a server in between"
        retired = dict(told.retired)
        assert process.serving == {server.name: server.weight for server in new}
    assert changes(wanted(steps[-1]), wanted(steps[-1]), retired) is not None


def test_what_only_a_new_process_can_take_up_says_so() -> None:
    assert changes(wanted([]), wanted([], listener=Listener(8080)), {}) is None
    assert changes(wanted([]), wanted([], names=(("a.pem", ()),)), {}) is None
    big = {"a.pem": b"x" * (MAX_COMMAND + 1)}
    assert changes(wanted([], certificates={"a.pem": b"y"}), wanted([], certificates=big), {}) is None
    small = changes(wanted([], certificates={"a.pem": b"y"}), wanted([], certificates={"a.pem": b"z"}), {})
    assert small is not None
    assert small.certificates == {"a.pem": b"z"}


def test_private_keys_are_not_shown() -> None:
    assert "geheim" not in repr(wanted([], certificates={"a.pem": b"geheim"}))


@given(st.lists(st.text("ab", min_size=1, max_size=5000), max_size=20))
def test_batches_fit_into_the_buffer_and_keep_the_order(commands: list[str]) -> None:
    found = list(batches(commands))
    assert "; ".join(found) == "; ".join(commands)
    assert all(len(batch) <= MAX_COMMAND for batch in found)


HEAD = "# pxname,svname,scur,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,rtime\n"


def test_counters_of_a_new_process_are_added_to_those_of_the_old_one() -> None:
    totals = Totals()
    for now, text, same in ((0.0, "10,0", True), (2.0, "14,1", True), (4.0, "2,0", False)):
        found = parse(f"{HEAD}ns:site:web:80,10.0.0.1_80,1,0,{text.partition(',')[0]},0,0,{text[-1]},0,7\n"
                      f"ns:site:web:80,BACKEND,1,0,{text.partition(',')[0]},0,0,{text[-1]},0,7\n")  # fmt: skip
        totals.add(found, now, same_process=same)
    (entry,) = totals.figures()
    assert (entry["requests"], entry["errors"], entry["latency"]) == (17, 1, 7)
    assert entry["requestsPerSecond"] == (17 - 10) / 4
    assert entry["servers"][0]["address"] == "10.0.0.1"
    assert Counts() == Counts(0, 0, 0, None)


async def test_a_host_without_haproxy_says_so_and_nothing_else_happens(tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # type: ignore[attr-defined]
    told = []
    proxy = HaproxyProxy(tmp_path / "p", FakeClock(), lambda: told.append(1))
    await proxy.sync(Inputs(ProxySettings()))
    assert proxy.state.reason == MISSING
    assert "install the package haproxy" in proxy.state.message
    assert told == [1]
    assert await proxy.figures() == []
    await proxy.close(remove=False)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_server_is_deleted_only_when_no_stream_can_come_back_to_it() -> None:
    resting = Resting()
    assert resting.due(["web/a"], 100.0) == []
    assert resting.due(["web/a", "web/b"], 100.0 + REST_SECONDS) == ["web/a"]
    assert resting.due(["web/b"], 101.0 + REST_SECONDS) == []
    # One that was wanted again in between rests from the beginning.
    assert resting.due(["web/a", "web/b"], 102.0 + 2 * REST_SECONDS) == ["web/b"]
