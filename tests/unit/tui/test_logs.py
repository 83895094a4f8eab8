"""What a log screen is made of: sources, the order of lines, what is kept and what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from common.api.meta import Key, Object, key
from common.client.http import Params
from common.clock import FakeClock
from common.errors import ServiceUnavailable
from console.tui.logs.feed import MOST, LogFeed
from console.tui.logs.ranges import RANGES
from console.tui.logs.sources import Choice, Source, labels, only, standings
from console.tui.logs.store import LogStore
from console.tui.widgets.buffer import MOST_LINES, Entry
from console.views.loglines import Level

RUNNING: Object = {"running": {"startedAt": "2026-11-22T09:00:00Z"}}
ENDED: Object = {"terminated": {"exitCode": 3, "reason": "Error"}}


def pod(name: str, *containers: str, uid: str = "", space: str = "default", **of: Any) -> Object:
    """`of`: `state` and `restarts` of all its containers, `node` when it has none."""
    state, restarts = of.get("state", RUNNING), of.get("restarts", 0)
    names = containers or ("app",)
    return {
        "metadata": {"name": name, "namespace": space, "uid": uid or name, "labels": {"app": "web"}},
        "spec": {"nodeName": of.get("node", "n1"), "containers": [{"name": each} for each in names]},
        "status": {
            "containerStatuses": [{"name": each, "state": state, "restartCount": restarts} for each in names],
        },
    }


class Api:
    """Logs by pod/container, each read until it is `end`ed or `cut`."""

    def __init__(self) -> None:
        self.logs: dict[str, list[str]] = {}
        self.asked: list[dict[str, str]] = []
        self._over: dict[str, Exception | None] = {}
        self._news = asyncio.Event()

    def say(self, source: str, *lines: str) -> None:
        self.logs.setdefault(source, []).extend(f"2026-11-22T09:14:{line}" for line in lines)
        self._news.set()

    def end(self, source: str, error: Exception | None = None) -> None:
        self._over[source] = error
        self._news.set()

    async def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
        asked = dict(params)
        self.asked.append(asked)
        source, sent = f"{path.split('/')[-2]}/{asked['container']}", 0
        while True:
            lines = [line for line in self.logs.get(source, ()) if line >= asked.get("sinceTime", "")[:19]]
            if sent < len(lines):
                yield "".join(f"{line}\n" for line in lines[sent:]).encode()
                sent = len(lines)
            if source in self._over:
                if (error := self._over.pop(source)) is not None:
                    raise error
                return
            if asked.get("follow") != "true":
                return
            self._news.clear()
            await self._news.wait()


def made(api: Api, clock: FakeClock, *, digit: int = 0, previous: bool = False) -> LogFeed:
    choice = Choice("web", lambda found: found["metadata"]["labels"]["app"] == "web")
    return LogFeed(api, clock, choice, RANGES[digit], previous=previous)


def look(feed: LogFeed, *pods: Object) -> None:
    feed.look([(key(item), item) for item in pods])


async def taken(feed: LogFeed, clock: FakeClock) -> list[str]:
    await clock.advance(0)
    return [f"{'-' if entry.note else ''}{feed.sources[entry.source].pod.name}: {entry.text}" for entry in feed.take()]


async def test_the_pasts_of_several_pods_stand_in_one_order() -> None:
    api, clock = Api(), FakeClock()
    api.say("a/app", "01Z first", "03Z third")
    api.say("b/app", "02Z second", "02Z  still")
    feed = made(api, clock)
    look(feed, pod("a"), pod("b"))
    assert await taken(feed, clock) == ["a: first", "b: second", "b:  still", "a: third"]
    await feed.close()


async def test_lines_wait_a_moment_for_those_of_a_slow_node_and_no_longer() -> None:
    api, clock = Api(), FakeClock()
    api.say("a/app", "01.000000000Z early")
    feed = made(api, clock)
    look(feed, pod("a"), pod("b"))
    assert await taken(feed, clock) == []
    await clock.advance(1)
    assert await taken(feed, clock) == ["a: early"]
    await feed.close()


async def test_pods_of_a_rollout_join_from_their_first_line_and_those_that_go_are_told() -> None:
    api, clock = Api(), FakeClock()
    api.say("old/app", "01.000000000Z before")
    feed = made(api, clock)
    look(feed, pod("old"))
    assert await taken(feed, clock) == ["old: before"]
    api.say("new/app", "05.000000000Z hello")
    look(feed, pod("new"))
    assert await taken(feed, clock) == ["-new: joins", "new: hello"]
    assert [asked.get("tailLines") for asked in api.asked] == ["500", None]
    feed.look([(Key("default", "old"), None)])
    api.end("old/app")
    assert await taken(feed, clock) == ["-old: has ended: its pod is gone"]
    await feed.close()


async def test_a_container_that_starts_again_is_read_on_without_what_is_known() -> None:
    api, clock = Api(), FakeClock()
    api.say("a/app", "01.000000000Z one")
    feed = made(api, clock)
    look(feed, pod("a"))
    assert await taken(feed, clock) == ["a: one"]
    look(feed, pod("a", state=ENDED))
    api.end("a/app")
    assert await taken(feed, clock) == ["-a: has ended: Error, exit code 3"]
    api.say("a/app", "09.000000000Z two")
    look(feed, pod("a", restarts=1))
    assert await taken(feed, clock) == ["-a: starts again, restart 1", "a: two"]
    await feed.close()


async def test_a_stream_that_ends_before_its_container_is_taken_up() -> None:
    api, clock = Api(), FakeClock()
    api.say("a/app", "01.000000000Z one")
    feed = made(api, clock)
    look(feed, pod("a"))
    assert await taken(feed, clock) == ["a: one"]
    api.end("a/app")
    await clock.advance(0)
    api.say("a/app", "01.300000000Z two")
    await clock.advance(1)
    assert await taken(feed, clock) == ["a: two"]
    await feed.close()


async def test_a_cut_is_told_and_a_stateful_pod_of_the_same_name_is_another_one() -> None:
    api, clock = Api(), FakeClock()
    feed = made(api, clock)
    look(feed, pod("db-0", uid="one"))
    await clock.advance(0)
    api.end("db-0/app", ServiceUnavailable("the agent of node n1 cannot be reached"))
    assert await taken(feed, clock) == ["-db-0: the agent of node n1 cannot be reached; trying again"]
    look(feed, pod("db-0", uid="two"))
    assert await taken(feed, clock) == ["-db-0: joins"]
    assert len(feed.sources) == 1
    await feed.close()


async def test_what_has_not_started_says_why_once() -> None:
    api, clock = Api(), FakeClock()
    feed = made(api, clock)
    waiting = pod("a", state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}})
    look(feed, waiting)
    look(feed, waiting)
    assert await taken(feed, clock) == ["-a: has not started: ImagePullBackOff: Back-off"]
    await feed.close()


async def test_no_more_containers_are_read_than_a_person_can_follow() -> None:
    api, clock = Api(), FakeClock()
    feed = made(api, clock)
    look(feed, *(pod(f"p{number:02}") for number in range(MOST + 4)))
    assert (feed.reading, feed.left_out) == (MOST, 4)
    look(feed, pod("p00", state=ENDED))
    api.end("p00/app")
    await clock.advance(0)
    look(feed, pod("p00", state=ENDED))
    assert (feed.reading, feed.left_out) == (MOST, 3)
    await feed.close()


async def test_the_run_before_is_read_once() -> None:
    api, clock = Api(), FakeClock()
    api.say("a/app", "01.000000000Z last words")
    feed = made(api, clock, previous=True)
    look(feed, pod("a", restarts=2))
    assert await taken(feed, clock) == ["a: last words"]
    look(feed, pod("a", restarts=3))
    assert await taken(feed, clock) == []
    assert [(asked.get("previous"), asked.get("follow")) for asked in api.asked] == [("true", None)]
    await feed.close()


# Names


def test_sources_are_called_by_what_tells_them_apart() -> None:
    def names(*found: tuple[str, str, str]) -> list[str]:
        return labels([Source(Key(space, pod), container) for space, pod, container in found])

    assert names(("d", "web-7c9f-x2k", "app")) == ["app"]
    assert names(("d", "web-7c9f-x2k", "app"), ("d", "web-7c9f-9qd", "app")) == ["x2k", "9qd"]
    assert names(("d", "web-7c9f-x2k", "app"), ("d", "web-8d1a-9qd", "app")) == ["7c9f-x2k", "8d1a-9qd"]
    assert names(("d", "web-0", "app"), ("d", "web-0", "log")) == ["app", "log"]
    assert names(("d", "web", "a"), ("d", "web-2", "b")) == ["web/a", "web-2/b"]
    assert names(("d", "db-0", "app"), ("e", "db-0", "app")) == ["d/db-0", "e/db-0"]


def test_only_what_has_a_node_has_a_log() -> None:
    assert standings([pod("a", node="")]) == []
    assert [item.life.source.container for item in standings([pod("a", "x", "y")], "y")] == ["y"]
    assert only(Key("default", "a"))(pod("a"))
    assert not only(Key("default", "a"))(pod("a", space="other"))


# What is kept and what is shown


def shown(store: LogStore) -> list[str]:
    return [entry.text for entry in store.shown]


def filled() -> LogStore:
    store = LogStore()
    store.extend([
        Entry("GET /", 0), Entry("WARN slow", 1), Entry("ERROR gone", 0),
        Entry("has ended", 1, note=True), Entry('{"msg":"a","b":1}', 0),
    ])  # fmt: skip
    return store


def test_what_is_narrowed_away_is_kept() -> None:
    store = filled()
    assert store.show_with("gone|slow") == ""
    assert shown(store) == ["WARN slow", "ERROR gone", "has ended"]
    store.show_from(Level.ERROR)
    assert shown(store) == ["ERROR gone", "has ended"]
    store.extend([Entry("ERROR gone again", 1), Entry("ERROR else", 1)])
    assert shown(store) == ["ERROR gone", "has ended", "ERROR gone again"]
    store.show_only(0)
    assert shown(store) == ["ERROR gone"]
    assert store.narrowed
    store.show_only(-1)
    store.show_from(Level.UNKNOWN)
    assert store.show_with("!gone") == ""
    assert shown(store)[:2] == ["GET /", "WARN slow"]
    assert store.show_with("") == ""
    assert len(store.shown) == len(store.kept) == 7


def test_a_stack_is_as_serious_as_what_it_belongs_to() -> None:
    store = LogStore()
    store.show_from(Level.ERROR)
    store.extend([Entry("ERROR broke", 0), Entry("INFO fine", 1), Entry("  at x", 0), Entry("  at y", 1)])
    assert shown(store) == ["ERROR broke", "  at x"]
    store.show_from(Level.INFO)
    assert shown(store) == ["ERROR broke", "INFO fine", "  at x", "  at y"]


def test_a_pattern_that_means_nothing_changes_nothing() -> None:
    store = filled()
    store.show_with("gone")
    assert "this filter means nothing" in store.show_with("(")
    assert shown(store) == ["ERROR gone", "has ended"]


def test_json_is_spread_and_brought_together_again() -> None:
    store = filled()
    store.show_spread(True)
    assert shown(store)[-2:] == ["a", "  b: 1"]
    store.extend([Entry('{"msg":"c"}')])
    assert [entry.more for entry in store.shown][-3:] == [False, True, False]
    store.show_spread(False)
    assert shown(store)[-1] == '{"msg":"c"}'


def test_old_lines_of_a_long_log_are_not_looked_at_again() -> None:
    store = LogStore()
    store.extend(Entry(f'{{"msg":"{number}","a":1,"b":2}}') for number in range(MOST_LINES))
    store.show_spread(True)
    assert len(store.shown) == MOST_LINES
    assert shown(store)[-3] == str(MOST_LINES - 1)
