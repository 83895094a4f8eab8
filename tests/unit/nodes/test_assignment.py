"""What nodes are told: all they need, nothing else, each change once, and how far they have come."""

from __future__ import annotations

import copy
import itertools
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from common.api.meta import Object, name
from common.session import Sync
from console.nodes.assignment import Distribution, Feed
from tests.fakes import objects

_uids = itertools.count()


def stored(obj: Object) -> Object:
    """As the API would give it out."""
    made = copy.deepcopy(obj)
    made["metadata"].setdefault("uid", f"uid-{next(_uids)}")
    made["metadata"].setdefault("namespace", "default")
    return made


def changed(obj: Object, **status: Any) -> Object:
    made = copy.deepcopy(obj)
    made["metadata"]["resourceVersion"] = f"{next(_uids)}"
    made["status"] = {**made.get("status", {}), **status}
    return made


def config_map(title: str) -> Object:
    return stored({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": title}, "data": {"a": "1"}})


def names(batch: Sync | None, resource: str) -> list[str]:
    return sorted(name(obj) for obj in (batch.objects.get(resource, []) if batch else []))


@pytest.fixture
def distribution() -> Distribution:
    return Distribution()


def opened(distribution: Distribution, node: str = "n1") -> tuple[Feed, list[str]]:
    woken: list[str] = []
    return distribution.open(node, lambda: woken.append(node)), woken


def storage_of(claim_uid: str = "c1") -> tuple[Object, Object, Object]:
    """A claim, its volume, and the Secret that the volume names."""
    claim = stored(objects.claim("data", volume="pv", uid="c1"))
    volume = stored(objects.volume("pv", claim="default/data", phase="Bound"))
    volume["metadata"]["namespace"] = ""
    volume["spec"]["claimRef"]["uid"] = claim_uid
    volume["spec"]["csi"] = {"nodePublishSecretRef": {"name": "key", "namespace": "vault"}}
    secret = stored({"metadata": {"name": "key", "namespace": "vault"}})
    return claim, volume, secret


def test_a_claim_brings_its_volume_and_the_key_to_it_in_whatever_order_they_come(distribution: Distribution) -> None:
    feed, _ = opened(distribution)
    claim, volume, secret = storage_of()
    parts = [
        ("secrets", secret), ("pods", stored(objects.with_claims(objects.pod("web", node="n1"), "data"))),
        ("persistentvolumes", volume), ("persistentvolumeclaims", claim),
    ]  # fmt: skip
    for order in itertools.permutations(parts):
        distribution = Distribution()
        feed, _ = opened(distribution)
        feed.take()
        for resource, obj in order:
            distribution.change(resource, None, obj)
        batch = feed.take()
        assert [names(batch, resource) for resource, _ in parts] == [["key"], ["web"], ["pv"], ["data"]]
        distribution.change("pods", next(obj for kind, obj in parts if kind == "pods"), None)
        gone = feed.take()
        assert gone is not None
        assert {resource for resource, uids in gone.removed.items() if uids} == {resource for resource, _ in parts}


def test_the_volume_of_another_claim_brings_no_key(distribution: Distribution) -> None:
    feed, _ = opened(distribution)
    claim, volume, secret = storage_of(claim_uid="somebody-else")
    for resource, obj in (
        ("pods", stored(objects.with_claims(objects.pod("web", node="n1"), "data"))),
        ("persistentvolumeclaims", claim), ("persistentvolumes", volume), ("secrets", secret),
    ):  # fmt: skip
        distribution.change(resource, None, obj)
    batch = feed.take()
    assert (names(batch, "persistentvolumeclaims"), names(batch, "persistentvolumes")) == (["data"], [])
    assert names(batch, "secrets") == []


def test_a_claim_that_is_bound_later_brings_its_volume_then(distribution: Distribution) -> None:
    feed, _ = opened(distribution)
    claim, volume, _ = storage_of()
    pending = copy.deepcopy(claim)
    del pending["spec"]["volumeName"]
    distribution.change("pods", None, stored(objects.with_claims(objects.pod("web", node="n1"), "data")))
    distribution.change("persistentvolumes", None, volume)
    distribution.change("persistentvolumeclaims", None, pending)
    assert names(feed.take(), "persistentvolumes") == []
    distribution.change("persistentvolumeclaims", pending, claim)
    assert names(feed.take(), "persistentvolumes") == ["pv"]


def test_the_first_batch_is_everything_even_when_that_is_nothing(distribution: Distribution) -> None:
    feed, _ = opened(distribution)
    batch = feed.take()
    assert batch == Sync(1, True, {}, {})
    assert feed.take() is None


def test_a_session_that_begins_tells_the_older_pods_first(distribution: Distribution) -> None:
    for second, version in ((2, 7), (0, 9), (1, 12), (1, 3)):
        made = stored(objects.pod(f"pod-{second}-{version}", node="n1"))
        made["metadata"] |= {"creationTimestamp": f"2026-05-04T03:02:0{second}Z", "resourceVersion": f"{version}"}
        distribution.change("pods", None, made)
    feed, _ = opened(distribution)
    batch = feed.take()
    assert batch is not None
    assert [name(found) for found in batch.objects["pods"]] == ["pod-0-9", "pod-1-3", "pod-1-12", "pod-2-7"]


def test_a_node_gets_its_own_pods_and_what_they_name(distribution: Distribution) -> None:
    wanted, other = config_map("wanted"), config_map("other")
    for obj in (wanted, other):
        distribution.change("configmaps", None, obj)
    volumes = [{"name": "v", "configMap": {"name": "wanted"}}]
    distribution.change("pods", None, stored(objects.pod("mine", node="n1", volumes=volumes)))
    distribution.change("pods", None, stored(objects.pod("other", node="n2")))
    distribution.change("pods", None, stored(objects.pod("pending")))
    distribution.change("services", None, stored({"metadata": {"name": "web"}}))
    feed, _ = opened(distribution)
    batch = feed.take()
    assert (names(batch, "pods"), names(batch, "configmaps"), names(batch, "services")) == (
        ["mine"],
        ["wanted"],
        ["web"],
    )


def test_a_config_map_follows_the_pods_that_name_it(distribution: Distribution) -> None:
    feed, _ = opened(distribution)
    feed.take()
    shared = config_map("shared")
    distribution.change("configmaps", None, shared)
    assert feed.take() is None
    volumes = [{"name": "v", "configMap": {"name": "shared"}}]
    first, second = (stored(objects.pod(title, node="n1", volumes=volumes)) for title in ("first", "second"))
    distribution.change("pods", None, first)
    assert names(feed.take(), "configmaps") == ["shared"]
    distribution.change("pods", None, second)
    distribution.change("pods", first, None)
    batch = feed.take()
    assert batch is not None
    assert batch.removed == {"pods": [first["metadata"]["uid"]]}
    distribution.change("pods", second, None)
    batch = feed.take()
    assert batch is not None
    assert batch.removed["configmaps"] == [shared["metadata"]["uid"]]


def test_a_status_that_the_node_told_is_not_told_back(distribution: Distribution) -> None:
    pod = stored(objects.pod("a", node="n1"))
    distribution.change("pods", None, pod)
    feed, woken = opened(distribution)
    feed.take()
    running = changed(pod, phase="Running")
    distribution.change("pods", pod, running)
    assert not woken
    ending = changed(running)
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    distribution.change("pods", running, ending)
    assert woken
    assert names(feed.take(), "pods") == ["a"]


def test_a_status_that_others_wrote_is_told_to_the_node(distribution: Distribution) -> None:
    pod = stored(objects.pod("a", node="n1"))
    distribution.change("pods", None, pod)
    feed, woken = opened(distribution)
    feed.take()
    written = {**pod, "status": {"phase": "Failed"}}
    distribution.change("pods", pod, written)
    distribution.again(written)
    distribution.again(stored(objects.pod("b", node="n2")))
    assert woken
    batch = feed.take()
    assert batch is not None
    assert [found["status"] for found in batch.objects["pods"]] == [{"phase": "Failed"}]


def test_a_condition_that_readiness_waits_for_is_told(distribution: Distribution) -> None:
    gates = [{"conditionType": "example.com/lb"}]
    pod = stored(objects.pod("web", node="n1", readinessGates=gates))
    distribution.change("pods", None, pod)
    feed, _ = opened(distribution)
    feed.take()
    for status in ("True", "False"):
        told = changed(pod, conditions=[{"type": "example.com/lb", "status": status}])
        distribution.change("pods", pod, told)
        batch = feed.take()
        assert batch is not None
        assert batch.objects["pods"] == [told]
        pod = told
    beside = changed(pod, conditions=[*pod["status"]["conditions"], {"type": "Ready", "status": "True"}])
    distribution.change("pods", pod, beside)
    assert feed.take() is None


def test_objects_are_kept_as_they_are_and_told_without_the_record_of_managers(distribution: Distribution) -> None:
    pod, service = stored(objects.pod("web", node="n1")), stored({"metadata": {"name": "s"}, "spec": {"clusterIP": ""}})
    for resource, obj in (("pods", pod), ("services", service)):
        obj["metadata"]["managedFields"] = [{"manager": "kubectl"}]
        distribution.change(resource, None, obj)
    batch = opened(distribution)[0].take()
    assert batch is not None
    for resource, obj in (("pods", pod), ("services", service)):
        [told] = batch.objects[resource]
        assert told is obj, "no copy of what others keep"
        for _ in range(2):
            sent = orjson.loads(distribution.encoded(resource, told))
            assert sent["metadata"] == {"name": obj["metadata"]["name"], **sent["metadata"]}
            assert "managedFields" not in sent["metadata"]
            assert sent["spec"] == obj["spec"]


def test_another_owner_of_fields_is_no_news_to_a_node(distribution: Distribution) -> None:
    pod = stored(objects.pod("web", node="n1"))
    distribution.change("pods", None, pod)
    feed, _ = opened(distribution)
    feed.take()
    owned = changed(pod)
    owned["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    distribution.change("pods", pod, owned)
    assert feed.take() is None


def test_beats_of_nodes_do_not_go_to_all_nodes(distribution: Distribution) -> None:
    node = stored(objects.node("n1"))
    distribution.change("nodes", None, node)
    feed, woken = opened(distribution)
    assert "capacity" not in feed.take().objects["nodes"][0]["status"]  # type: ignore[union-attr]
    beat = changed(node, allocatable={"cpu": "3"})
    distribution.change("nodes", node, beat)
    assert not woken
    down = changed(beat, conditions=[{"type": "Ready", "status": "Unknown"}])
    distribution.change("nodes", beat, down)
    assert names(feed.take(), "nodes") == ["n1"]


def test_a_namesake_made_anew_replaces_the_old_one(distribution: Distribution) -> None:
    old = stored(objects.pod("a", node="n1"))
    distribution.change("pods", None, old)
    feed, _ = opened(distribution)
    feed.take()
    new = stored(objects.pod("a", node="n1"))
    distribution.change("pods", old, new)
    batch = feed.take()
    assert batch is not None
    assert batch.removed == {"pods": [old["metadata"]["uid"]]}
    assert batch.objects["pods"] == [new]


def test_many_changes_of_one_object_cost_a_slow_node_one_message(distribution: Distribution) -> None:
    service = stored({"metadata": {"name": "web"}})
    distribution.change("services", None, service)
    feed, _ = opened(distribution)
    feed.take()
    for number in range(100):
        after = {**service, "spec": {"number": number}}
        distribution.change("services", service, after)
        service = after
    batch = feed.take()
    assert batch is not None
    assert [obj["spec"]["number"] for obj in batch.objects["services"]] == [99]


def test_a_node_reflects_a_version_once_it_applied_what_it_was_sent(distribution: Distribution) -> None:
    feed, _ = opened(distribution)
    feed.take()
    feed.applied(1)
    assert feed.reflects(distribution.version)
    distribution.change("services", None, stored({"metadata": {"name": "web"}}))
    version = distribution.version
    assert not feed.reflects(version)
    feed.take()
    assert not feed.reflects(version)
    feed.applied(2)
    assert feed.reflects(version)


def test_what_all_nodes_get_is_not_remembered_for_each(distribution: Distribution) -> None:
    for number in range(1000):
        distribution.change("services", None, stored({"metadata": {"name": f"web-{number}"}}))
    feeds = [opened(distribution, f"n{number}")[0] for number in range(20)]
    tracemalloc.start()
    try:
        assert all(len(names(feed.take(), "services")) == 1000 for feed in feeds)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 20 * 2048


def test_a_slow_node_is_told_what_it_took_and_costs_the_others_no_encoding(distribution: Distribution) -> None:
    """What one still sends may have changed meanwhile: the newest stays encoded once for all."""
    service = stored({"metadata": {"name": "web"}})
    distribution.change("services", None, service)
    slow, _ = opened(distribution)
    taken = slow.take()
    assert taken is not None
    after = {**service, "spec": {"number": 1}}
    distribution.change("services", service, after)
    newest = distribution.encoded("services", after)
    assert orjson.loads(distribution.encoded("services", taken.objects["services"][0])) == service
    assert distribution.encoded("services", after) is newest


def test_a_new_session_takes_the_place_of_an_old_one(distribution: Distribution) -> None:
    old, _ = opened(distribution)
    new, woken = opened(distribution)
    distribution.close(old)
    distribution.change("services", None, stored({"metadata": {"name": "web"}}))
    assert woken
    assert distribution.feed("n1") is new


class Mirrors(RuleBasedStateMachine):
    """Whatever happens in whatever order, a node that took everything knows exactly what `wanted` says."""

    def __init__(self) -> None:
        super().__init__()
        self.distribution = Distribution()
        self.live: dict[tuple[str, str], Object] = {}
        self.feeds = {node: self.distribution.open(node, lambda: None) for node in ("n1", "n2")}
        self.known: dict[str, dict[str, Object]] = {"n1": {}, "n2": {}}

    @rule(title=st.sampled_from("abc"), node=st.sampled_from(["", "n1", "n2"]), ref=st.sampled_from(["x", "y", ""]))
    def put_pod(self, title: str, node: str, ref: str) -> None:
        volumes = [{"name": "v", "secret": {"secretName": ref}}] if ref else []
        old = self.live.get(("pods", title))
        new = stored(objects.pod(title, node=node, volumes=volumes))
        self._change("pods", title, old, new)

    @rule(title=st.sampled_from("xy"))
    def put_secret(self, title: str) -> None:
        old = self.live.get(("secrets", title))
        new = stored({"metadata": {"name": title, **({"uid": old["metadata"]["uid"]} if old else {})}})
        new["data"] = {"n": str(next(_uids))}
        self._change("secrets", title, old, new)

    @rule(resource=st.sampled_from(["pods", "secrets", "services"]), title=st.sampled_from("abcxy"))
    def delete(self, resource: str, title: str) -> None:
        if (old := self.live.get((resource, title))) is not None:
            self._change(resource, title, old, None)

    @rule(title=st.sampled_from("ab"))
    def put_service(self, title: str) -> None:
        old = self.live.get(("services", title))
        self._change("services", title, old, stored({"metadata": {"name": title}}))

    def _change(self, resource: str, title: str, old: Object | None, new: Object | None) -> None:
        self.distribution.change(resource, old, new)
        if new is None:
            self.live.pop((resource, title), None)
        else:
            self.live[resource, title] = new

    @rule(node=st.sampled_from(["n1", "n2"]))
    def take(self, node: str) -> None:
        batch = self.feeds[node].take()
        if batch is None:
            return
        known = {} if batch.full else self.known[node]
        for uids in batch.removed.values():
            for found in uids:
                known.pop(found, None)
        for items in batch.objects.values():
            known |= {obj["metadata"]["uid"]: obj for obj in items}
        self.known[node] = known

    @rule(node=st.sampled_from(["n1", "n2"]))
    def reconnect(self, node: str) -> None:
        self.feeds[node] = self.distribution.open(node, lambda: None)

    @invariant()
    def nodes_that_took_everything_know_what_they_need(self) -> None:
        for node, feed in self.feeds.items():
            if feed.pending:
                continue
            wanted = {item.uid: self.distribution.view(node, item) for item in self.distribution.wanted(node)}
            assert self.known[node] == wanted
            assert {name(obj) for obj in wanted.values() if obj and "containers" in obj.get("spec", {})} == {
                title
                for (resource, title), pod in self.live.items()
                if resource == "pods" and pod["spec"].get("nodeName") == node
            }


TestMirrors = Mirrors.TestCase
TestMirrors.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_peers_of_policies_are_told_while_there_are_policies(distribution: Distribution) -> None:
    near = stored(objects.pod("near", node="n1", ready=True, ip="10.42.1.5", labels={"app": "web"}))
    far = stored(objects.pod("far", node="n2", ready=True, ip="10.42.2.5"))
    new = stored(objects.pod("new", node="n2"))
    for pod in (near, far, new):
        distribution.change("pods", None, pod)
    feed, _ = opened(distribution)
    assert names(feed.take(), "policypeers") == []
    policy = stored({"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}})
    distribution.change("networkpolicies", None, policy)
    batch = feed.take()
    assert (names(batch, "networkpolicies"), names(batch, "policypeers")) == (["deny"], ["far", "near"])
    started = changed(new, podIP="10.42.2.6", podIPs=[{"ip": "10.42.2.6"}])
    distribution.change("pods", new, started)
    assert names(feed.take(), "policypeers") == ["new"]
    distribution.change("pods", started, changed(started, conditions=[]))
    assert feed.take() is None, "nothing that a policy asks changed"
    distribution.change("pods", far, None)
    gone = feed.take()
    assert gone is not None
    assert gone.removed["policypeers"] == [far["metadata"]["uid"]]
    distribution.change("networkpolicies", policy, None)
    last = feed.take()
    assert last is not None
    assert len(last.removed["policypeers"]) == 2
