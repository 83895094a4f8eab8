"""What every action does: keys in, requests and messages out."""

from __future__ import annotations

import pytest

from common.api import kinds, meta
from common.api.meta import Key, key, name
from common.errors import Conflict, Forbidden, ServiceUnavailable
from console.tui.screens.dialogs import Ask, Choose, Confirm
from console.tui.screens.help import Help
from console.tui.screens.logs import LogsScreen
from console.tui.screens.rollout import RolloutScreen
from console.tui.screens.text import TextScreen
from console.tui.screens.timeline import TimelineScreen
from console.tui.screens.why import WhyScreen
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet


async def goto(console: Console, command: str) -> None:
    await console.press("colon")
    await console.type(command)
    await console.press("enter")


def writes(fleet: Fleet) -> list[tuple[str, str, str]]:
    """(verb, resource/name, subresource) of every request that changes something."""
    return [
        (call.verb, f"{call.resource.plural}/{call.key.name}", call.subresource)
        for call in fleet.api.calls
        if call.verb not in {"get", "list", "watch"}
    ]


# Views


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
        await goto(console, command)
        assert console.browse.view.resource == resource


async def test_a_command_takes_a_namespace_and_zero_shows_all_again(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "pods iot")
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
        await goto(console, "podz")
        assert "'podz'" in console.note()
        assert "pods" in console.note()
        assert console.browse.view.resource == kinds.PODS


@pytest.mark.actions("back")
async def test_enter_drills_from_deployment_to_containers_and_escape_comes_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
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
        await goto(console, "nodes")
        await console.press("enter")
        assert {row.obj["spec"]["nodeName"] for row in console.browse.table.model.rows} == {"berth-1"}
        await goto(console, "svc")
        await console.press("enter")
        assert all(pod.startswith("checkout-api-") for pod in console.names())


@pytest.mark.actions("history.back", "history.forward", "history.last")
async def test_the_history_of_views(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "nodes")
        await goto(console, "svc")
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
        await goto(console, "deploy")
        await console.press("E")
        assert console.browse.view.resource == kinds.EVENTS
        assert {row.obj["involvedObject"]["name"] for row in console.browse.table.model.rows} == {"checkout-api"}


async def test_keys_typed_faster_than_the_screen_changes_reach_what_they_were_meant_for(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.burst("colon", *"nodes", "enter", "question_mark")
        assert console.browse.view.resource == kinds.NODES
        assert isinstance(console.app.screen, Help)


# Filters, sorting, marks


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


# Changing things


@pytest.mark.actions("scale")
async def test_scale_asks_and_uses_the_scale_subresource(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("s")
        assert isinstance(console.app.screen, Ask)
        await console.press("backspace", "7", "enter")
        assert writes(fleet) == [("patch", "deployments/checkout-api", "scale")]
        assert (fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {})["spec"]["replicas"] == 7


async def test_scale_refuses_what_is_not_a_number(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("s", "x", "enter")
        assert isinstance(console.app.screen, Ask)
        assert "whole number" in console.text()
        await console.press("escape")
        assert writes(fleet) == []


@pytest.mark.actions("scale.down", "scale.up")
async def test_plus_and_minus_scale_by_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("plus")
        assert (fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {})["spec"]["replicas"] == 4
        await console.press("minus", "minus")
        assert (fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {})["spec"]["replicas"] == 2


async def test_delete_does_nothing_on_a_single_enter(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+d")
        assert isinstance(console.app.screen, Confirm)
        await console.press("enter")
        assert writes(fleet) == []


@pytest.mark.actions("delete")
async def test_delete_takes_all_marked_pods_by_their_uids(fleet: Fleet) -> None:
    async with running(fleet) as console:
        marked = console.names()[:2]
        await console.press("space", "space", "ctrl+d", "tab", "enter")
        assert writes(fleet) == [("delete", f"pods/{pod}", "") for pod in marked]
        assert not console.browse.table.model.marks


async def test_what_the_api_refuses_is_shown(fleet: Fleet) -> None:
    async with running(fleet) as console:
        fleet.api.fail(Forbidden("pods is forbidden: this cluster is read-only"), verb="delete")
        await console.press("ctrl+d", "tab", "enter")
        assert "read-only" in console.note()


@pytest.mark.actions("undo")
async def test_undo_chooses_a_revision(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("ctrl+l")
        assert isinstance(console.app.screen, Choose)
        await console.press("enter")
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/checkout:2.4.1"


@pytest.mark.actions("restart")
async def test_restart_annotates_the_template(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("r", "tab", "enter")
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert "kubectl.kubernetes.io/restartedAt" in deployment["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.actions("image")
async def test_set_image_asks_with_the_present_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("i", "ctrl+u")
        await console.type("shop/checkout:3")
        await console.press("enter")
        patches = [call.body for call in fleet.api.calls if call.verb == "patch"]
        assert patches == [
            {"spec": {"template": {"spec": {"containers": [{"name": "checkout-api", "image": "shop/checkout:3"}]}}}}
        ]


@pytest.mark.actions("cordon", "uncordon")
async def test_cordon_and_uncordon(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "nodes")
        await console.press("c")
        assert (fleet.api.find(kinds.NODES, Key("", "berth-1")) or {})["spec"]["unschedulable"] is True
        assert "SchedulingDisabled" in console.text()
        await console.press("u")
        assert not (fleet.api.find(kinds.NODES, Key("", "berth-1")) or {})["spec"].get("unschedulable")


@pytest.mark.actions("adopt")
async def test_adopt_sends_the_pairing_code_and_shows_a_wrong_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "discover")
        fleet.api.fail(Forbidden("the pairing code is wrong; the agent has printed a new one"), subresource="adopt")
        await console.press("a")
        await console.type("4821")
        await console.press("enter")
        assert "code is wrong" in console.note()
        call = next(call for call in fleet.api.calls if call.subresource == "adopt")
        assert (call.key.name, call.body) == ("attic-pi", {"code": "4821"})


# Screens


@pytest.mark.actions("rollout", "rollout.pause", "rollout.resume")
async def test_the_rollout_screen_pauses_and_resumes(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("v", "p")
        assert isinstance(console.app.screen, RolloutScreen)
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert deployment["spec"]["paused"] is True
        assert "Paused" in console.text()
        await console.press("u")
        deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
        assert "paused" not in deployment["spec"]


@pytest.mark.actions("rollout.undo")
async def test_the_rollout_screen_takes_the_last_write_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("slash", *"checkout", "enter", "v", "U")
        assert isinstance(console.app.screen, Confirm)
        assert "shop/checkout:2.4.1 -> shop/checkout:2.5.0" in " ".join(console.text().replace("│", "").split())
        await console.press("tab", "enter")
        (write,) = writes(fleet)
        assert (write[0], write[2]) == ("post", "undo")
        assert isinstance(console.app.screen, RolloutScreen)


async def test_the_rollout_screen_shows_how_it_went(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("v")
        await fleet.clock.advance(30)
        await console.settle()
        old = [pod for pod in fleet.api.items(kinds.PODS) if meta.name(pod).startswith("checkout-api-4g8v9")]
        for pod in old[:2]:
            fleet.api.vanish(kinds.PODS, meta.key(pod))
        await console.settle()
        line = next(line for line in console.text().splitlines() if "So far" in line)
        bars = line.partition(" ready  ")[2].partition(" old")[0].strip()
        assert line.split("│")[-2].split()[0:3] == ["So", "far", "102s"], "it began before the page was opened"
        assert bars[0] > bars[-1], "fewer old ones are left than when it began"


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
        await goto(console, "secrets")
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


async def test_a_conflict_leaves_everything_as_it_was(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        fleet.api.fail(Conflict("the object has been modified"), verb="patch")
        await console.press("plus")
        assert "modified" in console.note()


# What was recorded


@pytest.mark.actions("write.undo")
async def test_undo_shows_the_last_write_to_the_object_and_takes_it_back(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("slash")
        await console.type("checkout")
        await console.press("enter", "U")
        assert isinstance(console.app.screen, Confirm)
        assert "shop/checkout:2.4.1 -> shop/checkout:2.5.0" in " ".join(console.text().replace("│", "").split())
        await console.press("tab", "enter")
        (write,) = writes(fleet)
        assert (write[0], write[2]) == ("post", "undo")
        assert "undone" in console.note()


@pytest.mark.actions("change.undo")
async def test_undo_is_cancelled_by_enter_alone(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "history")
        await console.press("U", "enter")
        assert writes(fleet) == []


async def test_undo_says_when_nothing_is_recorded(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "nodes")
        await console.press("U")
        assert "no write to berth-1 is recorded" in console.note()


@pytest.mark.actions("history")
async def test_the_history_of_an_object_is_a_timeline_of_events_and_writes(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "deploy")
        await console.press("slash")
        await console.type("checkout")
        await console.press("enter", "H")
        assert isinstance(console.app.screen, TimelineScreen)
        shown = console.text()
        assert "ScalingReplicaSet" in shown
        assert "update" in shown
        assert "mqtt-bridge" not in shown


async def test_the_timeline_goes_from_fault_to_fault_and_to_their_objects(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "timeline iot")
        await console.press("n", "n")
        assert "no more faults" in console.note()
        await console.press("enter")
        assert (console.browse.view.resource, len(console.names())) == (kinds.PODS, 1)
        assert console.names()[0].startswith("mqtt-bridge")


async def test_a_timeline_of_nothing_known_is_refused(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "timeline pods/")
        assert "no KIND/NAME" in console.note()
        await goto(console, "timeline a b")
        assert "one word" in console.note()


async def test_a_statefulset_rolls_out_restarts_and_goes_back(fleet: Fleet) -> None:
    owner = fleet.stateful("default", "orders-db", 3, ("db:1", "db:2"))
    async with running(fleet) as console:
        await goto(console, "sts")
        await console.press("v")
        assert isinstance(console.app.screen, RolloutScreen)
        assert "StatefulSet default/orders-db" in console.text()
        assert console.text().count("orders-db-") >= 3
        await console.press("p")
        assert "only a Deployment can be held" in console.note()
        await console.press("ctrl+l")
        assert "db:1" in console.text()
        await console.press("enter")
        found = fleet.api.find(kinds.STATEFULSETS, key(owner)) or {}
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "db:1"


async def test_the_rollout_screen_tells_why_a_deployment_went_back(fleet: Fleet) -> None:
    deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
    message = "Rolled back from revision 2 to revision 1: container main of pod x ended 2 times, last with Error"
    condition = {"type": "RolledBack", "status": "True", "reason": "CrashLoop", "message": message}
    status = {**deployment["status"], "conditions": [condition]}
    notes = {**deployment["metadata"]["annotations"], "quarterdeck.io/auto-rollback": "true"}
    metadata = {**deployment["metadata"], "annotations": notes}
    fleet.api.seed(kinds.DEPLOYMENTS, {**deployment, "metadata": metadata, "status": status})
    async with running(fleet, "80x24") as console:
        await goto(console, "deploy")
        await console.press("v")
        shown = " ".join(console.text().replace("│", " ").split())
        assert "Rolled back Rolled back from revision 2 to revision 1" in shown
        assert "last with Error" in shown


# Jobs and CronJobs


async def test_enter_goes_from_a_cronjob_to_its_jobs_and_from_a_job_to_its_pods(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "cronjobs")
        assert console.names() == ["nightly-backup", "weekly-report"]
        await console.press("enter")
        assert console.browse.view.resource == kinds.JOBS
        assert console.names() == ["nightly-backup-29402010"]
        await console.press("enter")
        assert console.browse.view.resource == kinds.PODS
        assert console.names() == []


@pytest.mark.actions("trigger")
async def test_a_cronjob_is_run_by_key_after_a_question(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await goto(console, "cronjobs")
        await console.press("t", "enter")
        assert writes(fleet) == [], "Cancel is focused"
        await console.press("t", "tab", "enter")
        made = [job for job in fleet.api.items(kinds.JOBS) if name(job).startswith("nightly-backup-manual-")]
        assert len(made) == 1
        assert made[0]["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
        assert made[0]["metadata"]["ownerReferences"][0]["name"] == "nightly-backup"
        assert name(made[0]) in console.text()


@pytest.mark.actions("suspend")
@pytest.mark.parametrize(
    ("command", "row", "resource"), [("jobs", "import", kinds.JOBS), ("cj", "night", kinds.CRONJOBS)]
)
async def test_a_job_is_suspended_and_resumed_by_key(
    command: str, row: str, resource: kinds.Resource, fleet: Fleet
) -> None:
    async with running(fleet) as console:
        await goto(console, command)
        await console.press("slash")
        await console.type(row)
        await console.press("enter")
        found = console.names()[0]
        for wanted in (True, False):
            await console.press("s", "tab", "enter")
            obj = fleet.api.find(resource, Key("default", found))
            assert obj is not None
            assert obj["spec"]["suspend"] is wanted
