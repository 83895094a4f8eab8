"""From view to view, filters, order and marks: keys in, rows and messages out."""

from __future__ import annotations

import pytest

from common.api import kinds
from common.api.meta import Key, name
from console.tui.screens.help import Help
from tests.tui.conftest import running
from tests.tui.fleet import Fleet


async def test_it_opens_on_the_pods_of_all_namespaces(fleet: Fleet) -> None:
    async with running(fleet) as console:
        assert console.browse.view.resource == kinds.PODS
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))


@pytest.mark.actions("command")
@pytest.mark.parametrize(
    ("command", "resource"),
    [
        ("po", kinds.PODS),
        ("pod", kinds.PODS),
        ("deploy", kinds.DEPLOYMENTS),
        ("deployments.apps", kinds.DEPLOYMENTS),
        ("svc", kinds.SERVICES),
        ("nodes", kinds.NODES),
        ("ns", kinds.NAMESPACES),
        ("discover", kinds.HOSTS),
        ("sa", kinds.SERVICEACCOUNTS),
    ],
)
async def test_a_command_goes_to_a_kind(command: str, resource: kinds.Resource, fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto(command)
        assert console.browse.view.resource == resource


async def test_a_command_takes_a_namespace_and_zero_shows_all_again(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("pods iot")
        assert {row.key.namespace for row in console.browse.table.model.rows} == {"iot"}
        await console.press("0")
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))


async def test_tab_completes_kinds_and_namespaces(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon")
        await console.type("depl")
        await console.press("tab")
        await console.type(" kub")
        await console.press("tab", "enter")
        assert (console.browse.view.resource, console.browse.view.namespaces) == (kinds.DEPLOYMENTS, ("kube-system",))


async def test_an_unknown_command_says_so_and_stays(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("podz")
        assert "'podz'" in console.note()
        assert "pods" in console.note()
        assert console.browse.view.resource == kinds.PODS


@pytest.mark.actions("back")
async def test_enter_drills_from_deployment_to_containers_and_escape_comes_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("deploy")
        await console.press("j", "enter")
        assert console.names()
        assert all(pod.startswith("image-resizer-") for pod in console.names())
        await console.press("enter")
        assert console.names() == ["image-resizer"]
        await console.press("escape", "escape")
        assert console.browse.view.resource == kinds.DEPLOYMENTS
        assert console.browse.current() is not None
        assert name(console.browse.current() or {}) == "image-resizer"


async def test_a_node_shows_its_pods_and_a_service_its_endpoints(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nodes")
        await console.press("enter")
        assert {row.obj["spec"]["nodeName"] for row in console.browse.table.model.rows} == {"berth-1"}
        await console.goto("svc")
        await console.press("enter")
        assert all(pod.startswith("checkout-api-") for pod in console.names())


@pytest.mark.actions("history.back", "history.forward", "history.last")
async def test_the_history_of_views(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nodes")
        await console.goto("svc")
        await console.press("left_square_bracket")
        assert console.browse.view.resource == kinds.NODES
        await console.press("right_square_bracket")
        assert console.browse.view.resource == kinds.SERVICES
        await console.press("minus")
        assert console.browse.view.resource == kinds.NODES


@pytest.mark.actions("events", "node", "owner")
async def test_from_a_pod_to_its_owner_node_and_events(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("o")
        assert console.names() == ["berth-3"]
        await console.press("escape", "J")
        assert console.browse.view.resource == kinds.REPLICASETS
        await console.goto("deploy")
        await console.press("E")
        assert console.browse.view.resource == kinds.EVENTS
        assert {row.obj["involvedObject"]["name"] for row in console.browse.table.model.rows} == {"checkout-api"}


async def test_keys_typed_faster_than_the_screen_changes_reach_what_they_were_meant_for(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.burst("colon", *"nodes", "enter", "question_mark")
        assert console.browse.view.resource == kinds.NODES
        assert isinstance(console.app.screen, Help)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("grafana", 2),
        ("^iot .*crash", 1),
        ("!running", 4),
        ("-l app=ledger", 2),
        ("-f mqttbrg", 2),
    ],
)
async def test_filters(typed: str, expected: int, fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search(typed, final=True)
        await console.settle()
        assert len(console.names()) == expected


@pytest.mark.actions("filter")
async def test_the_filter_works_while_it_is_typed_and_escape_drops_it(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("slash")
        await console.type("graf")
        assert len(console.names()) == 2
        await console.press("enter", "escape")
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))


async def test_a_bad_filter_says_what_is_wrong_and_hides_nothing(fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search("web(", final=True)
        await console.settle()
        assert "means nothing" in console.note()
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))


async def test_shift_letters_sort_and_turn_round(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("A")
        assert console.names()[0].startswith("web-frontend") or console.names()[-1].startswith("web-frontend")
        first = console.names()
        await console.press("A")
        assert console.names()[0] == first[-1]


async def test_the_cursor_stays_on_its_object_when_rows_come_and_go(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("j", "j")
        current = name(console.browse.current() or {})
        fleet.api.vanish(kinds.PODS, Key("default", console.names()[0]))
        await console.settle()
        assert name(console.browse.current() or {}) == current


@pytest.mark.actions("faults")
async def test_faults_only(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+z")
        assert len(console.names()) == 2
        await console.press("ctrl+z")
        assert len(console.names()) == len(fleet.api.items(kinds.PODS))


async def test_enter_goes_from_a_cronjob_to_its_jobs_and_from_a_job_to_its_pods(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("cronjobs")
        assert console.names() == ["nightly-backup", "weekly-report"]
        await console.press("enter")
        assert console.browse.view.resource == kinds.JOBS
        assert console.names() == ["nightly-backup-29402010"]
        await console.press("enter")
        assert console.browse.view.resource == kinds.PODS
        assert console.names() == []
