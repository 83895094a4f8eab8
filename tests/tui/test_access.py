"""What the user may not do is not offered, and the reason is shown."""

from __future__ import annotations

import pytest

from common.api.kinds import DEPLOYMENTS, NODES, PODS, Resource
from common.api.meta import Object
from common.errors import Forbidden, NotFound
from console.tui.access import NEEDS, Need, Rules
from console.tui.actions import ACTIONS, BY_ID
from tests.tui.conftest import running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

LOOK: Object = {"verbs": ["get", "list", "watch"], "apiGroups": ["*"], "resources": ["*"]}
SCALE: Object = {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}


@pytest.fixture
def viewer(fleet: Fleet) -> Fleet:
    """Who may look at everything, and scale the Deployments of iot."""
    fleet.gateway.rules = {space: [LOOK] for space in ("default", "metrics", "network", "kube-system")}
    fleet.gateway.rules["iot"] = [LOOK, SCALE]
    return fleet


async def test_pictures(viewer: Fleet) -> None:
    async with running(viewer) as console:
        await console.press("ctrl+d")
        await portray(console, "denied")
        await console.press("question_mark")
        await portray(console, "denied-help")


async def test_a_key_says_what_may_not_be_done_and_nothing_is_asked_for(viewer: Fleet) -> None:
    async with running(viewer) as console:
        await console.press("ctrl+d")
        assert console.note() == "del: you may not delete pods in namespace default"
        await console.press("s")
        assert console.note() == "shell: you may not create pods/exec in namespace default"
        assert not [call for call in viewer.api.calls if call.verb not in {"get", "list", "watch"}]


async def test_rights_are_those_in_the_namespace_under_the_cursor(viewer: Fleet) -> None:
    async with running(viewer) as console:
        await console.press("colon", *"deploy", "enter")
        await console.press("plus")
        assert "you may not patch deployments.apps/scale in namespace default" in console.note()
        await console.press("colon", *"deploy", "space", *"iot", "enter", "plus")
        assert "replicas wanted" in console.note()


async def test_rights_of_a_namespace_that_was_only_passed_are_known_too(viewer: Fleet) -> None:
    async with running(viewer) as console:
        await console.burst(*["j"] * 17, *["k"] * 17)
        await console.burst("G", "g")
        for key in ("G", "g"):
            await console.press(key, "ctrl+d")
            assert "you may not delete pods in namespace" in console.note()


async def test_palette_and_footer_leave_it_out(viewer: Fleet) -> None:
    async with running(viewer) as console:
        assert "shell" not in console.text().splitlines()[-1]
        assert "logs" in console.text().splitlines()[-1]
        await console.press("ctrl+p")
        assert "shell" not in console.text().lower()


async def test_who_may_not_look_at_nodes_is_connected_all_the_same(viewer: Fleet) -> None:
    viewer.api.fail(Forbidden("nodes is forbidden"), verb="list", resource=NODES, times=1000)
    async with running(viewer) as console:
        await viewer.clock.advance(5)
        await console.settle()
        header = console.text().splitlines()[0]
        assert "no connection" not in header
        assert "connecting" not in header
        assert "no nodes" not in header
        assert f"{len(viewer.api.items(PODS))} pods" in header


async def test_a_namespace_is_no_way_to_what_has_none(viewer: Fleet) -> None:
    viewer.api.fail(Forbidden("nodes is forbidden"), verb="list", resource=NODES, times=1000)
    async with running(viewer, "120x36") as console:
        await console.goto("nodes iot")
        await console.until(lambda: "You may not look at nodes." in console.text())
        before = len(viewer.api.calls)
        for _ in range(3):
            await console.settle()
        assert [call for call in viewer.api.calls[before:] if call.resource == NODES] == []
        assert f"{len(viewer.api.items(PODS))} pods" in console.text().splitlines()[0]


async def test_a_kind_that_is_not_served_confines_nobody(viewer: Fleet) -> None:
    viewer.api.fail(NotFound("the server could not find the requested resource"), verb="list", resource=DEPLOYMENTS,
                    times=1000)  # fmt: skip
    async with running(viewer, "120x36") as console:
        await console.goto("deploy iot")
        await console.until(lambda: "This cluster has no deployments.apps" in console.text())
        assert console.app.session.feeds.confined == ()


@pytest.fixture
def confined(fleet: Fleet) -> Fleet:
    """Whose user may look at what is in iot and metrics, and at nothing of the whole cluster."""
    refusal = Forbidden('pods is forbidden: User "vera" cannot list resource "pods" at the cluster scope')
    fleet.api.fail(refusal, verb="list", namespace="", times=100_000)
    return fleet


async def test_who_may_look_at_a_namespace_sees_it_on_all_screens(confined: Fleet) -> None:
    async with running(confined, "120x36") as console:
        assert "You may not look at the pods of all namespaces." in console.text()
        assert "Type  :pods NAMESPACE" in console.text()
        assert "pods not allowed" in console.text().splitlines()[0]
        assert "no faults" not in console.text()
        await console.press("colon", *"pods", "space", *"iot", "enter")
        await console.until(lambda: bool(console.names()))
        shown = {pod["metadata"]["name"] for pod in confined.api.items(PODS, "iot")}
        assert set(console.names()) == shown
        assert f"{len(shown)} pods" in console.text().splitlines()[0]
        await console.press("colon", *"xray", "space", *"deploy", "space", *"iot", "enter")
        await console.until(lambda: "mqtt-bridge" in console.text())
        await console.press("colon", *"topo", "enter")
        assert "You may not look at nodes" in console.text()
        await console.press("colon", *"pulses", "enter")
        await console.until(lambda: "pods                           " in console.text())
        assert next(line for line in console.text().splitlines() if "nodes  " in line).count("not allowed") == 1
        await console.press("colon", *"doctor", "enter")
        await console.until(lambda: "CrashLoopBackOff" in console.text())
        assert "You may not look at nodes" in console.text()
        assert {call.key.namespace for call in confined.api.calls if call.verb == "watch"} == {"iot"}


async def test_several_namespaces_and_the_way_back(confined: Fleet) -> None:
    async with running(confined, "120x36") as console:
        await console.press("colon", *"pods", "space", *"iot,metrics", "enter")
        await console.until(lambda: bool(console.names()))
        spaces = {pod["metadata"]["namespace"] for pod in confined.api.items(PODS)}
        assert {row.key.namespace for row in console.browse.table.model.rows} == {"iot", "metrics"} < spaces
        await console.press("enter")  # into the containers of a pod, and back
        await console.press("escape")
        assert console.names()
        await console.press("0")
        await console.until(lambda: "You may not look at the pods of all namespaces." in console.text())


async def test_what_is_not_known_is_offered(fleet: Fleet) -> None:
    async with running(fleet) as console:
        assert "shell" in console.text().splitlines()[-1]


def rules(*listed: Object, incomplete: bool = False) -> Rules:
    found = Rules.of({"status": {"resourceRules": list(listed), "incomplete": incomplete}})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rule", "text", "resource", "name", "allowed"),
    [
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, "create pods/exec", PODS, "a", True),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"]}, "patch", DEPLOYMENTS, "a", True),
        ({"verbs": ["patch"], "apiGroups": [""], "resources": ["deployments"]}, "patch", DEPLOYMENTS, "a", False),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"]}, "patch /scale", DEPLOYMENTS, "a",
         False),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["*/scale"]}, "patch /scale", DEPLOYMENTS, "a", True),
        ({"verbs": ["patch"], "apiGroups": [""], "resources": ["nodes"], "resourceNames": ["b"]}, "patch", NODES, "a",
         False),
        ({"verbs": ["patch"], "apiGroups": [""], "resources": ["nodes"], "resourceNames": ["b"]}, "patch", NODES, "b",
         True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": None}, "get", PODS, "a", False),
    ],
)  # fmt: skip
def test_rules(rule: Object, text: str, resource: Resource, name: str, allowed: bool) -> None:
    assert rules(rule).allow(Need.of(text, resource), name) is allowed


def test_rules_that_are_not_whole_forbid_nothing() -> None:
    assert rules(incomplete=True).allow(Need.of("delete", PODS), "a")


@pytest.mark.parametrize("answer", [{}, {"status": None}, {"status": {}}, {"kind": "Status"}, []])
def test_an_answer_that_is_none_forbids_nothing(answer: Object) -> None:
    assert Rules.of(answer) is None


def test_every_action_that_writes_to_the_cluster_says_which_right_it_takes() -> None:
    # Edits of keys are written by `keys.apply`, what a drain lets go by `drain.start`; machines are reached over SSH.
    # What a user may not apply, the server says when it tries each manifest, whatever kind it is.
    elsewhere = {"key.edit", "key.editor", "key.add", "key.delete", "drain.force", "drain.local", "machine",
                 "manifest.apply", "manifest.apply-all"}  # fmt: skip
    assert {action.id for action in ACTIONS if action.writes} - elsewhere == {
        name for name in NEEDS if BY_ID[name].writes
    }
