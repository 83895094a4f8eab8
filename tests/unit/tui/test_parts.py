"""The small pure parts of the console: typing, buffers, the header's figures, words of commands, looks, endings."""

from __future__ import annotations

import orjson
import pytest

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Key
from common.client.resources import ApiResource
from console.tui import shell
from console.tui.catalogue import Catalogue, Unknown
from console.tui.editor import LineEditor
from console.tui.facts import Tally
from console.tui.history import ViewHistory
from console.tui.pages import PAGES, words_of
from console.tui.view import View, opening
from console.tui.widgets.buffer import LONGEST, Entry, LineBuffer
from console.views.columns.column import once_a_row
from console.views.loglines import parse

# Typing


def test_a_line_is_edited_as_in_a_shell() -> None:
    line = LineEditor()
    line.insert("pods kube-system")
    line.press("ctrl+w", None)
    line.press("home", None)
    line.press("delete", None)
    line.press("P", "P")
    assert (line.text, line.cursor) == ("Pods ", 1)


def test_pasted_control_characters_are_left_out() -> None:
    line = LineEditor()
    line.insert("a\x1b[2Jb\n")
    assert line.text == "a[2Jb"


# Buffers


def test_a_buffer_is_bounded_in_lines_and_bytes_and_numbers_its_lines_for_good() -> None:
    buffer = LineBuffer(most_lines=3, most_bytes=100)
    buffer.extend(Entry(str(number)) for number in range(5))
    assert (buffer.start, buffer.end, buffer.get(3).text) == (2, 5, "3")
    buffer.extend([Entry("x" * 99)])
    assert len(buffer) == 2


def test_a_very_long_line_is_cut() -> None:
    buffer = LineBuffer([Entry("x" * 10 * LONGEST)])
    assert len(buffer.get(0).text) < LONGEST + 10


def test_a_log_line_cannot_steer_the_terminal() -> None:
    entry = parse(b"2026-11-22T09:14:02.000000001Z \x1b]0;owned\x07\x1b[31mred\x1b[0m\x08")
    assert (entry.text, entry.time) == ("red", "2026-11-22T09:14:02.000000001Z")


def test_a_line_without_a_time_is_kept_whole() -> None:
    assert parse(b"no time here \xff").text == "no time here \ufffd"


# Figures


def node(name: str, *, ready: bool = True, hollow: bool = False) -> tuple[Key, dict[str, object]]:
    labels = {"quarterdeck.io/hollow": "true"} if hollow else {}
    return Key("", name), {
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDRs": ["10.42.0.0/24", "fd00::/64"]},
        "status": {
            "allocatable": {"cpu": "2", "memory": "4Gi"},
            "conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}],
        },
    }


def pod(name: str, cpu: str, phase: str = "Running") -> tuple[Key, dict[str, object]]:
    return Key("default", name), {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def test_figures_follow_every_change() -> None:
    tally = Tally()
    tally.nodes([node("n1"), node("n2", ready=False)])
    tally.pods([pod("a", "500m"), pod("b", "500m"), pod("c", "1", "Failed")])
    facts = tally.facts()
    assert (facts.ready, facts.nodes, facts.cpu, facts.faults) == (1, 2, 50, 2)
    assert facts.families == ("v4", "v6")
    tally.pods([pod("a", "1"), (Key("default", "b"), None), (Key("default", "c"), None)])
    assert (tally.facts().cpu, tally.facts().faults, tally.facts().pods) == (50, 1, 1)


def test_what_a_pod_asks_is_read_anew_while_its_node_holds_something_else_for_it() -> None:
    tally = Tally()
    tally.nodes([node("n1")])
    key, first = pod("a", "500m")
    tally.pods([(key, first)])
    tally.pods([(key, {**first, "status": {"phase": "Running"}})])  # the spec is the very same object
    assert tally.facts().cpu == 25
    held = {"phase": "Running", "containerStatuses": [{"name": "c", "allocatedResources": {"cpu": "1"}}]}
    tally.pods([(key, {**first, "status": held})])
    assert tally.facts().cpu == 50
    tally.pods([(key, {**first, "status": {"phase": "Running"}})])
    assert tally.facts().cpu == 25
    tally.pods([(key, {**first, "status": {"phase": "Succeeded"}})])
    assert tally.facts().cpu == 0


def test_columns_of_a_row_ask_once_and_never_get_what_was_said_of_another_object() -> None:
    asked: list[object] = []
    read = once_a_row(lambda obj: asked.append(obj) or len(asked))
    one, twin = {"a": 1}, {"a": 1}
    assert [read(one), read(one), read(twin), read(one)] == [1, 1, 2, 3]


def test_one_hollow_node_makes_it_a_simulation() -> None:
    tally = Tally()
    tally.nodes([node("n1"), node("n2", hollow=True)])
    assert tally.facts().simulated


# Commands


@pytest.mark.parametrize(("text", "plural"), [("po", "pods"), ("Deployment", "deployments"), ("rs", "replicasets")])
def test_kinds_are_known_before_discovery_has_answered(text: str, plural: str) -> None:
    command = Catalogue({}).resolve(text)
    assert command.resource is not None
    assert command.resource.plural == plural


def test_a_beginning_that_only_one_kind_has_is_enough() -> None:
    command = Catalogue({}).resolve("dep shop")
    assert (command.resource, command.namespaces) == (kinds.DEPLOYMENTS, ("shop",))


def test_a_page_is_known_by_its_words_and_completed() -> None:
    catalogue = Catalogue({"lb": "lb", "balancer": "lb"})
    command = catalogue.resolve("balancer shop web")
    assert (command.word, command.arguments) == ("lb", ("shop", "web"))
    assert "lb" in catalogue.complete("l", [])


def test_an_unknown_word_names_what_is_near() -> None:
    with pytest.raises(Unknown, match="no kind and no page is called 'sev'; near it: services"):
        Catalogue({}).resolve("sev")
    with pytest.raises(Unknown, match="near it: doctor"):
        Catalogue(words_of(PAGES)).resolve("docctor")


MEANT = {
    "pods": "po pod pods", "nodes": "no node nodes", "services": "svc svcs service services",
    "deployments": "dp deploy deploys deployment deployments", "hosts": "discover discovery host hosts",
    "changes": "history histories change changes", "topo": "topo topos topology topologies",
    "timeline": "timeline timelines tl", "lb": "lb lbs loadbalancer loadbalancers balancer",
    "pulses": "pulses pulse pu hz", "doctor": "doctor doctors dr", "fit": "fit fits what-if whatif",
    "xray": "xray xrays x", "apply": "apply dir d manifests", "ctx": "ctx context contexts cluster clusters",
    "forwards": "forwards forward pf portforward portforwards port-forwards", "logs": "log logs",
    "theme": "theme themes", "help": "help h ?", "quit": "quit q q! qa exit", "namespaces": "ns namespace namespaces",
    "secrets": "sec secret secrets", "configmaps": "cm configmap", "statefulsets": "sts", "daemonsets": "ds",
    "replicasets": "rs", "jobs": "jo job jobs", "cronjobs": "cj cronjob", "roles": "ro role", "rolebindings": "rb",
    "clusterroles": "cr", "clusterrolebindings": "crb", "networkpolicies": "np", "serviceaccounts": "sa",
    "persistentvolumes": "pv", "persistentvolumeclaims": "pvc", "endpointslices": "eps", "events": "ev event",
}  # fmt: skip
"""What words of the command bar mean: those of `kubectl` and of habit, one and many."""


@pytest.mark.parametrize(("word", "meant"), [(word, meant) for meant, words in MEANT.items() for word in words.split()])
def test_words_that_hands_and_scripts_know(word: str, meant: str) -> None:
    found = Catalogue(words_of(PAGES)).resolve(word.upper() if len(word) > 2 else word)
    assert (found.word or (found.resource and found.resource.plural)) == meant


def test_somebody_s_kind_comes_before_another_word_for_a_page() -> None:
    clusters = Resource("cluster.x-k8s.io", "v1", "clusters", "Cluster")
    catalogue = Catalogue(words_of(PAGES), [ApiResource(clusters, "cluster", ("cl",))])
    assert [catalogue.resolve(word).resource for word in ("clusters", "cluster", "cl", "cls")] == [clusters] * 4
    assert catalogue.resolve("contexts").word == "ctx"


def test_completion_offers_whole_commands() -> None:
    catalogue = Catalogue({})
    assert catalogue.complete("dep", [])[0] == "deployments"
    assert catalogue.complete("pods k", ["default", "kube-system"]) == ["pods kube-system"]
    assert catalogue.complete("nodes k", ["kube-system"]) == []


# History


def test_the_history_forgets_what_lay_ahead() -> None:
    first, second, third = opening(kinds.PODS), opening(kinds.NODES), opening(kinds.SERVICES)
    history = ViewHistory(first)
    history.go(second)
    assert history.back() is first
    assert history.back() is None
    history.go(third)
    assert history.forward() is None
    assert history.last() is first


def test_a_view_says_where_it_is() -> None:
    assert View(kinds.PODS).crumbs() == ["all", "pods"]
    assert View(kinds.PODS, ("iot",)).crumbs() == ["iot", "pods"]
    assert View(kinds.NODES).crumbs() == ["nodes"]


# Shells


@pytest.mark.parametrize(
    ("status", "text", "orderly"),
    [
        ({"status": "Success"}, "the shell has ended", True),
        ({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}},
         "ended with exit code 3", True),
        ({"status": "Failure", "message": "container is gone"}, "container is gone", False),
    ],
)  # fmt: skip
def test_how_a_shell_ended(status: dict[str, object], text: str, orderly: bool) -> None:
    assert shell.ending(orjson.dumps(status)) == shell.Ended(text, orderly)


def test_an_ending_that_is_no_status_is_shown_as_it_is() -> None:
    assert shell.ending(b"broken pipe") == shell.Ended("broken pipe", orderly=False)


def test_the_annotated_container_is_the_default_one() -> None:
    pod = {
        "metadata": {"annotations": {shell.DEFAULT_CONTAINER: "b"}},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
    }
    assert shell.default_container(pod) == "b"
    pod["metadata"] = {"annotations": {shell.DEFAULT_CONTAINER: "gone"}}
    assert shell.default_container(pod) == "a"


def test_an_empty_command_attaches() -> None:
    wish = shell.in_container(Key("default", "web"), "c", ())
    assert wish.path == "/api/v1/namespaces/default/pods/web/attach"
    assert "command" not in dict(wish.params)
    assert wish.can_detach


def test_a_shell_on_a_host_ends_with_the_console() -> None:
    assert not shell.on_host("berth-1").can_detach
