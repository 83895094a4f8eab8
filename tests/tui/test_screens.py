"""What screens that show one object tell: reasons, texts, logs, help, and a connection that is gone."""

from __future__ import annotations

import pytest

from common.api import kinds
from common.errors import ServiceUnavailable
from console.tui.screens.help import Help
from console.tui.screens.logs import LogsScreen
from console.tui.screens.text import TextScreen
from console.tui.screens.why import WhyScreen
from tests.tui.conftest import running
from tests.tui.fleet import Fleet


@pytest.mark.actions("why")
async def test_why_shows_the_reasons_of_the_node_under_the_cursor(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search("pending", final=True)
        await console.settle()
        await console.press("W", "j")
        assert isinstance(console.app.screen, WhyScreen)
        assert "taint node.kubernetes.io/unschedulable:NoSchedule is not tolerated" in console.text()


@pytest.mark.actions("describe")
async def test_describe_searches_and_goes_from_hit_to_hit(fleet: Fleet) -> None:
    async with running(fleet, "80x24") as console:
        await console.press("d", "slash")
        await console.type("readiness")
        await console.press("enter")
        assert isinstance(console.app.screen, TextScreen)
        assert "▌    Readiness:" in console.text()
        await console.press("escape", "escape")
        assert console.app.screen is console.browse


@pytest.mark.actions("yaml")
async def test_a_secret_never_shows_its_values(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("secrets")
        for key in ("d", "y"):
            await console.press(key)
            assert "DB_PASSWORD" in console.text()
            assert "Y29yc2Fp" not in console.text()
            assert "corsair" not in console.text()
            await console.press("escape")


@pytest.mark.actions("logs")
async def test_logs_follow_and_stop_and_search(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search("mqtt.*crash", final=True)
        await console.settle()
        await console.press("l")
        assert isinstance(console.app.screen, LogsScreen)
        source = next(source for source in fleet.gateway.logs if source.startswith("mqtt"))
        fleet.gateway.feed(source, "2026-11-22T09:14:03.000000000Z INFO  back again")
        await console.settle()
        assert "INFO  back again" in console.text()
        await console.press("slash")
        await console.type("refused")
        await console.press("enter")
        assert "1 lines have it" in console.text()


async def test_a_broken_log_stream_is_taken_up_where_it_stopped(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search("mqtt.*crash", final=True)
        await console.settle()
        fleet.gateway.broken_streams = 1
        await console.press("l")
        await fleet.clock.advance(1)
        await console.settle()
        assert [asked.get("sinceTime", "") for _, asked in fleet.gateway.asked] == [
            "", "2026-11-22T09:13:56Z",
        ]  # fmt: skip
        assert console.text().count("giving up after 5 tries") == 1


async def test_logs_of_a_pod_without_a_node_say_why_there_are_none(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search("pending", final=True)
        await console.settle()
        await console.press("l")
        assert "no container has started" in console.note()


@pytest.mark.actions("help")
async def test_help_lists_what_can_be_done_here(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("question_mark")
        assert isinstance(console.app.screen, Help)
        await console.press("escape")
        assert console.app.screen is console.browse


async def test_a_lost_connection_is_said_and_forgotten_when_it_is_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        for verb in ("list", "watch"):
            fleet.api.fail(ServiceUnavailable("gone"), verb=verb, times=1000)
        fleet.api.cut()
        await console.settle()
        await fleet.clock.advance(3)
        await console.settle()
        assert "no connection for 3s, retrying" in console.text()
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))
        fleet.api.heal()
        await fleet.clock.advance(5)
        await console.settle()
        assert "no connection" not in console.text()
