"""Reports become statuses: only what changed, never another's field, never a namesake's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common.api.kinds import NODES, PODS
from common.api.meta import Key, Object, metadata, uid
from common.client import Informer
from common.clock import FakeClock
from common.errors import Forbidden, Invalid, ServiceUnavailable
from common.events import Recorder
from common.session import Report
from console.nodes import extended
from console.nodes.epoch import load_epoch
from console.nodes.link import clock_difference
from console.nodes.status import PARALLEL_WRITES, StatusWriter, merge_conditions, merge_pod_status
from tests.fakes import objects
from tests.fakes.api import FakeApi

NOW = "2026-01-01T00:00:00Z"


class Written:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        client = self.api.client()
        self.pods, self.nodes = Informer(client, PODS, self.clock), Informer(client, NODES, self.clock)
        self.overwritten: list[Object] = []
        self.writer = StatusWriter(
            client, self.clock, self.pods, self.nodes, Recorder(client, self.clock, "test"), self.overwritten.append
        )

    def entry(self, pod: Object, **status: object) -> Object:
        return {"namespace": "default", "name": metadata(pod)["name"], "uid": uid(pod), "status": status}

    def stored(self, name: str = "a") -> Object:
        found = self.api.find(PODS, Key("default", name))
        assert found is not None
        return found

    def writes(self) -> int:
        return sum(call.subresource == "status" for call in self.api.calls)


@pytest.fixture
async def written() -> AsyncIterator[Written]:
    found = Written()
    found.api.seed(NODES, objects.node("n1"))
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": NOW}
    pod = objects.pod("a", node="n1")
    pod["status"] |= {"conditions": [scheduled], "qosClass": "BestEffort"}
    found.api.seed(PODS, pod)
    found.pods.start()
    found.nodes.start()
    await found.clock.advance(0.1)
    yield found
    await found.pods.close()
    await found.nodes.close()


async def test_a_status_keeps_what_others_wrote(written: Written) -> None:
    ready = {"type": "Ready", "status": "True"}
    await written.writer.write("n1", Report(1, [written.entry(written.stored(), phase="Running", conditions=[ready])]))
    status = written.stored()["status"]
    assert {condition["type"] for condition in status["conditions"]} == {"Ready", "PodScheduled"}
    assert (status["phase"], status["qosClass"]) == ("Running", "BestEffort")


async def test_a_status_that_others_write_is_noticed_once(written: Written) -> None:
    client, ready = written.api.client(), {"type": "Ready", "status": "True"}

    async def seen() -> list[str]:
        await written.clock.advance(0.1)
        found = [pod["status"]["phase"] for pod in written.overwritten]
        written.overwritten.clear()
        return found

    async def patch(body: Object, subresource: str = "status") -> None:
        await client.patch(PODS, "a", body, "default", subresource=subresource)

    await written.writer.set_node_condition("n1", "Ready", "Unknown", "Silent", "it said nothing")
    await written.clock.advance(0.1)
    await patch({"status": {"phase": "Failed"}})
    assert await seen() == [], "of a node that is not Ready nobody wants to hear"
    await written.writer.set_node_condition("n1", "Ready", "True", "Heard", "it said so")
    await written.clock.advance(0.1)
    for phase in ("Running", "Pending", "Running"):
        entry = written.entry(written.stored(), phase=phase, conditions=[ready])
        await written.writer.write("n1", Report(1, [entry]))
        assert await seen() == [], "what the node says is its own"
    await patch({"metadata": {"labels": {"a": "b"}}}, "")
    assert await seen() == []
    await patch({"status": {"phase": "Failed"}})
    assert await seen() == ["Failed"]
    await written.writer.write("n1", Report(2, [written.entry(written.stored(), phase="Running", conditions=[ready])]))
    await patch({"status": {"phase": "Unknown"}})  # before the mirror has seen what the node said
    assert await seen() == ["Unknown"]


async def test_a_mirror_that_is_behind_costs_nobody_a_label_or_a_condition(written: Written) -> None:
    seen = written.stored()
    disrupted = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": NOW}
    client = written.api.client()
    await written.pods.close()  # what follows does not reach it
    await client.patch(PODS, "a", {"metadata": {"labels": {"new": "label"}, "annotations": {"a": "b"}}}, "default")
    conditions = [*seen["status"]["conditions"], disrupted]
    await client.patch(PODS, "a", {"status": {"conditions": conditions}}, "default", subresource="status")
    assert written.pods.get(Key("default", "a")) == seen
    ready = {"type": "Ready", "status": "True"}
    await written.writer.write("n1", Report(1, [written.entry(seen, phase="Running", conditions=[ready])]))
    stored = written.stored()
    assert stored["metadata"]["labels"]["new"] == "label"
    assert stored["metadata"]["annotations"] == {"a": "b"}
    kinds = {condition["type"] for condition in stored["status"]["conditions"]}
    assert (stored["status"]["phase"], kinds) == ("Running", {"Ready", "PodScheduled", "DisruptionTarget"})


async def test_a_nodes_labels_outlive_the_status_of_a_moment_ago(written: Written) -> None:
    await written.nodes.close()
    await written.api.client().patch(
        NODES, "n1", {"metadata": {"labels": {"zone": "a"}}, "spec": {"unschedulable": True}}
    )
    await written.writer.set_node_condition("n1", "Ready", "True", "Heard", "it said so")
    await written.writer.write_node("n1", {"nodeInfo": {"architecture": "amd64"}})
    found = written.api.find(NODES, Key("", "n1"))
    assert found is not None
    assert found["metadata"]["labels"]["zone"] == "a"
    assert found["spec"]["unschedulable"] is True
    assert found["status"]["nodeInfo"] == {"architecture": "amd64"}
    assert "Heard" in {condition.get("reason") for condition in found["status"]["conditions"]}


async def test_what_others_write_of_a_node_is_put_right(written: Written) -> None:
    ready = {"type": "Ready", "status": "True"}
    said: Object = {
        "capacity": {"cpu": "2"},
        "addresses": [{"type": "Hostname", "address": "n1"}],
        "conditions": [ready],
    }
    await written.writer.write_node("n1", {**said, "images": [{"names": ["a:1"]}]})
    await written.clock.advance(0.1)

    async def patch(status: Object) -> bool:
        client = written.api.client()
        node = await client.patch(NODES, "n1", {"status": status}, subresource="status")
        await written.clock.advance(0.1)
        return written.writer.is_due(node)

    gpu = {"example.com/gpu": "1"}
    assert await patch(
        {"capacity": {"cpu": "77", **gpu}, "addresses": None, "conditions": [{**ready, "status": "False"}]}
    )
    await written.writer.write_node("n1", {})
    await written.clock.advance(0.1)
    found = node_status(written)
    assert (found["capacity"], found["addresses"]) == ({"cpu": "2", **gpu}, said["addresses"])
    assert [item["status"] for item in found["conditions"] if item["type"] == "Ready"] == ["True"]
    assert found["images"] == [{"names": ["a:1"]}]
    assert not written.writer.is_due({"metadata": {"name": "n1"}, "status": found})
    await written.writer.set_node_condition("n1", "Ready", "Unknown", "Silent", "it said nothing")
    await written.clock.advance(0.1)
    assert not await patch({"phase": "Running"}), "what a lost node said is no longer so"


async def test_extended_resources_outlive_reports_and_are_allocatable(written: Written) -> None:
    own = {"capacity": {"cpu": "2", "pods": "110"}, "allocatable": {"cpu": "1", "pods": "110"}}
    await written.writer.write_node("n1", own)

    async def advertised(capacity: Object) -> Object:
        patch = {"status": {"capacity": capacity}}
        node = await written.api.client().patch(NODES, "n1", patch, subresource="status")
        assert extended.is_due(node)
        await written.clock.advance(0.1)
        await written.writer.write_node("n1", {})
        return node_status(written)

    found = await advertised({"example.com/gpu": "3", "scheduling.k8s.io/foo": "1"})
    assert found["allocatable"] == {"cpu": "1", "pods": "110", "example.com/gpu": "3", "scheduling.k8s.io/foo": "1"}
    await written.clock.advance(0.1)
    await written.writer.write_node("n1", {**own, "capacity": {"cpu": "4", "pods": "110"}})
    found = node_status(written)
    assert found["capacity"] == {"cpu": "4", "pods": "110", "example.com/gpu": "3", "scheduling.k8s.io/foo": "1"}
    assert found["allocatable"]["example.com/gpu"] == "3"
    await written.clock.advance(0.1)
    found = await advertised({"example.com/gpu": "5", "scheduling.k8s.io/foo": None})
    assert found["capacity"] == {"cpu": "4", "pods": "110", "example.com/gpu": "5"}
    assert found["allocatable"] == {"cpu": "1", "pods": "110", "example.com/gpu": "5"}
    assert not extended.is_due({"status": found})


def node_status(written: Written) -> Object:
    found = written.api.find(NODES, Key("", "n1"))
    assert found is not None
    status: Object = found["status"]
    return status


async def test_a_status_that_is_refused_costs_other_pods_nothing(written: Written) -> None:
    written.api.seed(PODS, objects.pod("b", node="n1"))
    await written.clock.advance(0.1)
    written.api.fail(Invalid("no"), resource=PODS, subresource="status", name="a")
    entries = [written.entry(written.stored(name), phase="Running", conditions=[]) for name in ("a", "b")]
    await written.writer.write("n1", Report(1, entries))
    assert written.stored("b")["status"]["phase"] == "Running"
    assert written.stored("a")["status"].get("phase") != "Running"


async def test_a_status_that_admission_denies_costs_other_pods_nothing(written: Written) -> None:
    written.api.seed(PODS, objects.pod("b", node="n1"))
    await written.clock.advance(0.1)
    written.api.fail(Forbidden("denied the request"), resource=PODS, subresource="status", name="a")
    entries = [written.entry(written.stored(name), phase="Running", conditions=[]) for name in ("a", "b")]
    await written.writer.write("n1", Report(1, entries))
    assert written.stored("b")["status"]["phase"] == "Running"


async def test_a_status_keeps_the_claims_to_devices(written: Written) -> None:
    made = [{"name": "gpu", "resourceClaimName": "a-gpu-abcde"}]
    client = written.api.client()
    await client.patch(PODS, "a", {"status": {"resourceClaimStatuses": made}}, "default", subresource="status")
    await written.clock.advance(0.1)
    await written.writer.write("n1", Report(1, [written.entry(written.stored(), phase="Running", conditions=[])]))
    status = written.stored()["status"]
    assert (status["phase"], status["resourceClaimStatuses"]) == ("Running", made)


async def test_a_report_that_cannot_be_stored_leaves_nothing_going_on_behind_it(written: Written) -> None:
    others = [f"b{number}" for number in range(3 * PARALLEL_WRITES)]
    for other in others:
        written.api.seed(PODS, objects.pod(other, node="n1"))
    await written.clock.advance(0.1)
    written.api.fail(ServiceUnavailable("not now"), resource=PODS, subresource="status", name="a")
    entries = [written.entry(written.stored(name), phase="Running", conditions=[]) for name in ("a", *others)]
    with pytest.raises(ServiceUnavailable):
        await written.writer.write("n1", Report(1, entries))
    assert {written.stored(other)["status"].get("phase") for other in others} == {"Running"}


async def test_a_namesake_that_came_meanwhile_is_left_alone(written: Written) -> None:
    seen = written.stored()
    await written.pods.close()
    await written.api.client().delete(PODS, "a", "default", grace_period_seconds=0)
    written.api.seed(PODS, objects.pod("a", node="n1"))
    await written.writer.write("n1", Report(1, [written.entry(seen, phase="Failed", conditions=[])]))
    assert written.stored()["status"].get("phase") != "Failed"


async def test_the_same_status_is_written_once_and_a_return_to_an_older_one_again(written: Written) -> None:
    pod = written.stored()
    for phase in ("Running", "Running", "Pending", "Running"):
        await written.writer.write("n1", Report(1, [written.entry(pod, phase=phase, conditions=[])]))
    assert written.stored()["status"]["phase"] == "Running"
    assert written.writes() == 3


@pytest.mark.parametrize(("node", "wrong"), [("n2", {}), ("n1", {"uid": "another"}), ("n1", {"name": "b"})])
async def test_a_pod_that_is_not_the_nodes_own_is_left_alone(
    written: Written, node: str, wrong: dict[str, str]
) -> None:
    entry = {**written.entry(written.stored(), phase="Failed"), **wrong}
    await written.writer.write(node, Report(1, [entry]))
    assert written.writes() == 0


async def test_a_pod_is_removed_only_when_it_was_being_deleted(written: Written) -> None:
    pod = written.stored()
    await written.writer.write("n1", Report(1, gone=[uid(pod)]))
    assert written.api.find(PODS, Key("default", "a")) is not None
    await written.api.client().delete(PODS, "a", "default", grace_period_seconds=30)
    await written.clock.advance(0.1)
    await written.writer.write("n2", Report(1, gone=[uid(pod)]))
    assert written.api.find(PODS, Key("default", "a")) is not None
    await written.writer.write("n1", Report(2, gone=[uid(pod)]))
    assert written.api.find(PODS, Key("default", "a")) is None


async def test_a_report_that_cannot_be_stored_is_not_taken(written: Written) -> None:
    written.api.fail(ServiceUnavailable("the disk is full"), verb="update", resource=PODS)
    report = Report(1, [written.entry(written.stored(), phase="Running", conditions=[])])
    with pytest.raises(ServiceUnavailable):
        await written.writer.write("n1", report)
    await written.writer.write("n1", report)
    assert written.stored()["status"]["phase"] == "Running"


async def test_two_writers_of_a_nodes_conditions_undo_nothing_of_each_other(written: Written) -> None:
    await written.writer.write_node("n1", {"conditions": [{"type": "Ready", "status": "True"}]})
    await written.writer.set_node_condition("n1", "ClockSkewed", "True", "ClocksDiffer", "by an hour")
    await written.writer.write_node("n1", {"conditions": [{"type": "Ready", "status": "False"}]})
    node = written.api.find(NODES, Key("", "n1"))
    assert node is not None
    found = {condition["type"]: condition["status"] for condition in node["status"]["conditions"]}
    assert (found["Ready"], found["ClockSkewed"]) == ("False", "True")


def test_a_resize_that_the_agent_no_longer_speaks_of_is_over() -> None:
    current = {"conditions": [{"type": kind, "status": "True"} for kind in ("PodScheduled", "PodResizeInProgress")]}
    merged = merge_pod_status(current, {"conditions": [{"type": "Ready", "status": "True"}]}, "now")
    assert [item["type"] for item in merged["conditions"]] == ["Ready", "PodScheduled"]


def test_conditions_keep_the_moment_of_their_last_change() -> None:
    before = [{"type": "Ready", "status": "True", "lastTransitionTime": "then"}]
    same = merge_conditions(before, [{"type": "Ready", "status": "True"}], "now")
    other = merge_conditions(before, [{"type": "Ready", "status": "False"}], "now")
    assert (same[0]["lastTransitionTime"], other[0]["lastTransitionTime"]) == ("then", "now")
    assert merge_conditions(before, "nonsense", "now") == before


def test_clock_differences_within_the_round_trip_are_none() -> None:
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    received = sent + timedelta(seconds=2)
    assert clock_difference("2026-01-01T00:00:01Z", sent, received) == 0
    assert clock_difference("2026-01-01T00:00:12Z", sent, received) == 10
    assert clock_difference("2025-12-31T23:59:50Z", sent, received) == -10
    assert clock_difference("nonsense", sent, received) == 0


def test_the_epoch_is_the_same_after_a_restart_and_another_in_a_copy(tmp_path: Path) -> None:
    first = load_epoch(tmp_path / "epoch.json")
    assert load_epoch(tmp_path / "epoch.json") == first
    taken = load_epoch(tmp_path / "epoch.json", takeover=True)
    assert (taken.counter, taken.instance) == (first.counter + 1, first.instance)
    copy = tmp_path / "copy" / "epoch.json"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / "epoch.json").read_bytes())
    assert load_epoch(copy).counter == taken.counter
    assert load_epoch(copy).instance != taken.instance
    copy.write_bytes(b"{")
    with pytest.raises(ValueError, match="is damaged"):
        load_epoch(copy)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b'{"counter": 1}', b'{"counter": "1", "instance": "a", "place": "b"}']
)
def test_a_damaged_epoch_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "epoch.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"epoch\.json is damaged: .*; remove it and start with --takeover"):
        load_epoch(file)
    assert file.read_bytes() == content
