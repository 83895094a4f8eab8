"""Every action of the registry has a test that runs it by its key; here are those that have no other home."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from common.api import kinds, meta
from common.api.meta import name
from console.tui.actions import BY_ID, Action, Where
from console.tui.screens.logs import LogsScreen
from console.tui.shell import Ended, Wish, default_container, in_container, on_host
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet

HERE = Path(__file__).parent


def marked() -> set[str]:
    """What the marks of all tests of the console name."""
    found: set[str] = set()
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.actions":
                found |= {ast.literal_eval(argument) for argument in node.args}
    return found


def test_every_action_has_a_test_that_runs_it() -> None:
    missing = sorted(BY_ID.keys() - marked())
    assert not missing, f"no test has the mark `actions` with {missing}"


def test_no_mark_names_an_action_that_is_not_there() -> None:
    assert marked() <= BY_ID.keys()


# Moving


@pytest.mark.actions(
    "cursor.down", "cursor.up", "cursor.top", "cursor.bottom", "cursor.page-down", "cursor.page-up", "wide"
)
async def test_the_cursor_moves_by_rows_pages_and_to_the_ends(fleet: Fleet) -> None:
    async with running(fleet, "80x24") as console:
        model = console.browse.table.model
        seen = []
        for key in ("j", "down", "k", "ctrl+f", "pageup", "G", "g", "end", "home"):
            await console.press(key)
            seen.append(model.cursor)
        last = len(model) - 1
        assert seen[:3] == [1, 2, 1]
        assert seen[3] > 10
        assert seen[4:] == [1, last, 0, last, 0]
        assert "LABELS" not in console.text()
        await console.press("ctrl+w")
        assert console.browse.table.wide


@pytest.mark.actions("mark.range", "mark.clear", "refresh")
async def test_a_range_is_marked_and_cleared_and_the_table_listed_again(fleet: Fleet) -> None:
    async with running(fleet) as console:
        model = console.browse.table.model
        await console.press("space", "j", "j", "ctrl+space")
        assert model.marks == {row.key for row in model.rows[:4]}
        await console.press("ctrl+backslash")
        assert not model.marks
        await console.press("ctrl+r")
        assert console.note() == "listed again"
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))


@pytest.mark.actions("header")
async def test_the_tall_header_comes_and_goes(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+e")
        assert "QUARTERDECK" in console.text()
        await console.press("ctrl+e")
        assert "QUARTERDECK" not in console.text()


@pytest.mark.actions("palette")
async def test_the_palette_runs_what_is_chosen(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+p")
        assert console.app.screen is not console.browse
        assert "port-forward" in console.text()


@pytest.mark.actions("quit")
async def test_quit_ends_the_console(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.screen.take_key("ctrl+q", None)
        assert console.app._exit


# Into pods


def lent(console: Console, monkeypatch: pytest.MonkeyPatch, ended: Ended) -> list[Wish]:
    """Stands for the terminal that is lent to a container; what was wished for."""
    wishes: list[Wish] = []

    async def leave_for(wish: Wish) -> Ended:
        wishes.append(wish)
        return ended

    monkeypatch.setattr(console.app, "leave_for", leave_for)
    return wishes


@pytest.mark.actions("shell", "attach", "host.shell")
async def test_shell_and_attach_lend_the_terminal_and_say_how_it_ended(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fleet) as console:
        wishes = lent(console, monkeypatch, Ended("the shell ended", orderly=True))
        await console.press("s")
        assert console.note() == "the shell ended"
        await console.press("a")
        pod = meta.key(console.browse.current() or {})
        container = default_container(console.browse.current() or {})
        await console.goto("nodes")
        await console.press("s")
        assert wishes == [
            in_container(pod, container),
            in_container(pod, container, ()),
            on_host(console.names()[0]),
        ]


@pytest.mark.actions("rollout.logs")
async def test_a_replica_of_a_rollout_shows_its_logs(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("v", "l")
        assert isinstance(console.app.screen, LogsScreen)


# Text and logs


@pytest.mark.actions("search", "search.next", "search.previous", "text.wrap", "copy")
async def test_text_is_searched_wrapped_and_copied(fleet: Fleet) -> None:
    async with running(fleet, "80x24") as console:
        await console.press("y", "slash")
        await console.type("name")
        await console.press("enter")
        first = console.text()
        await console.press("n")
        assert console.text() != first
        await console.press("N")
        assert console.text() == first
        await console.press("w", "w", "c")
        assert console.app.clipboard.startswith("apiVersion: v1\nkind: Pod")


async def logs(console: Console, pattern: str) -> LogsScreen:
    console.browse.search(pattern, final=True)
    await console.settle()
    await console.press("l")
    screen = console.app.screen
    assert isinstance(screen, LogsScreen)
    return screen


@pytest.mark.actions(
    "logs.range.0", "logs.range.1", "logs.range.2", "logs.range.3", "logs.range.4", "logs.range.5", "logs.range.6"
)
async def test_digits_choose_how_far_back_logs_go(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await logs(console, "mqtt.*crash")
        seen = []
        for digit in "0123456":
            await console.press(digit)
            seen.append(fleet.gateway.asked[-1][1])
        assert len({str(sorted(asked.items())) for asked in seen}) == 7
        assert seen[1].get("follow") != "true"


@pytest.mark.actions("logs.level", "logs.filter", "logs.clear", "logs.timestamps", "logs.follow", "logs.json")
async def test_logs_are_narrowed_stopped_and_cleared(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await logs(console, "mqtt.*crash")
        assert "INFO  reading" in console.text()
        await console.press("l", "l")
        assert "INFO  reading" not in console.text()
        assert "ERROR giving up" in console.text()
        await console.press("l", "l", "f")
        await console.type("refused")
        await console.press("enter")
        assert "ERROR giving up" not in console.text()
        assert "connection refused" in console.text()
        await console.press("escape", "t")
        assert "2026-11-22 09:1" in console.text()
        await console.press("s")
        assert "stopped" in console.text()
        await console.press("J", "x")
        assert "connection refused" not in console.text()


@pytest.mark.actions("logs.container", "logs.swap")
async def test_logs_go_from_container_to_container_and_to_the_run_before(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("slash")
        await console.type("web-frontend")
        await console.press("enter", "l")
        before = console.text()
        await console.press("tab")
        assert console.text() != before
        await console.press("p")
        assert fleet.gateway.asked[-1][1].get("previous") == "true"


@pytest.mark.actions("logs.previous", "logs.save")
async def test_logs_of_the_run_before_are_saved(tmp_path: Path, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(fleet) as console:
        console.browse.search("mqtt.*crash", final=True)
        await console.settle()
        await console.press("p")
        assert fleet.gateway.asked[-1][1].get("previous") == "true"
        await console.press("ctrl+s", "enter")
        await until(console, lambda: console.note().startswith("saved to "))
        assert [Path(console.note().removeprefix("saved to "))] == list(tmp_path.glob("*.log"))


async def until(console: Console, holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await console.settle()
    raise AssertionError(f"it did not come to that: {console.text()}")


# Pages


@pytest.mark.actions("block.next", "block.previous", "block.open")
async def test_blocks_of_the_topology_are_walked_and_opened(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("topo")
        await console.press("right")
        first = console.text()
        await console.press("tab")
        assert console.text() != first
        await console.press("shift+tab")
        assert console.text() == first
        await console.press("enter")
        assert console.browse.view.resource == kinds.PODS
        assert len(console.names()) == 1


@pytest.mark.actions("fault.next", "fault.previous", "moment.open")
async def test_the_timeline_goes_back_to_the_fault_before(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("timeline")
        await console.press("n")
        first = console.text()
        await console.press("n")
        assert console.text() != first
        await console.press("N")
        assert console.text() == first
        await console.press("enter")
        assert console.app.screen is console.browse


@pytest.mark.actions("pulse.open")
async def test_a_pulse_opens_the_faults_of_its_kind(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("pulses")
        await console.press("enter")
        assert console.app.screen is console.browse


@pytest.mark.actions("finding.open")
async def test_a_finding_leads_to_its_cause(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("doctor")
        await console.press("enter")
        assert console.app.screen is console.browse
        assert len(console.names()) == 1


@pytest.mark.actions("forward.pod")
async def test_a_forward_leads_to_its_pod(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("F", "enter")
        await until(console, lambda: bool(console.app.session.forwards.running))
        pod = console.names()[0]
        await console.press("f", "enter")
        await console.settle()
        assert console.app.screen is console.browse
        assert [name(row.obj) for row in console.browse.table.model.rows] == [pod]


def test_the_help_of_each_action_is_a_sentence() -> None:
    def odd(action: Action) -> bool:
        return not (action.help[0].isupper() or action.help[0] == "`") or not action.help.endswith((".", "?"))

    assert [action.id for action in BY_ID.values() if odd(action)] == []
    assert all(action.where <= frozenset(Where) for action in BY_ID.values())
