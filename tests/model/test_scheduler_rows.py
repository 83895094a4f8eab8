"""Rows of scores choose what a loop over all nodes chooses, whatever happens to nodes and pods meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from console.scheduler.core.evaluation import choose_naively
from console.scheduler.core.model import Classes, NodeFacts, PodClass, PodInfo
from console.scheduler.core.rows import Rows
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod

NAMES = [f"n{index}" for index in range(6)]
TAINTS: list[Any] = [
    [], [{"key": "a", "effect": "NoSchedule"}], [{"key": "a", "effect": "PreferNoSchedule"}],
    [{"key": "b", "effect": "NoExecute"}],
]  # fmt: skip
WISH = {"preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["x"]}]}, "weight": 3}
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def term(app: str, key: str, **more: Any) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def spread(app: str, key: str, when: str = "DoNotSchedule", **more: Any) -> dict[str, Any]:
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when,
            "labelSelector": {"matchLabels": {"app": app}}, **more}  # fmt: skip


SPECS: list[dict[str, Any]] = [
    {}, {"nodeSelector": {"zone": "x"}}, {"tolerations": [{"key": "a", "operator": "Exists"}]},
    {"affinity": {"nodeAffinity": {_PREFERRED: [WISH]}}},
    {"affinity": {"podAffinity": {_REQUIRED: [term("a", ZONE)]}}},
    {"affinity": {"podAffinity": {_REQUIRED: [term("a", ZONE), term("b", HOST, namespaceSelector={})]}}},
    {"affinity": {"podAntiAffinity": {_REQUIRED: [term("a", HOST)]}}},
    {"affinity": {"podAntiAffinity": {_REQUIRED: [term("b", ZONE, namespaceSelector={"matchLabels": {"t": "1"}})]}}},
    {"affinity": {
        "podAffinity": {_PREFERRED: [{"weight": 5, "podAffinityTerm": term("a", ZONE)}]},
        "podAntiAffinity": {_PREFERRED: [{"weight": 50, "podAffinityTerm": term("b", HOST)}]},
    }},
    {"topologySpreadConstraints": [spread("a", ZONE)]},
    {"topologySpreadConstraints": [spread("a", ZONE, minDomains=2), spread("b", HOST, "ScheduleAnyway")]},
    {"topologySpreadConstraints": [spread("b", HOST, nodeTaintsPolicy="Honor", nodeAffinityPolicy="Ignore")],
     "nodeSelector": {"zone": "x"}},
    {"schedulerName": "quarterdeck-spread", "topologySpreadConstraints": [spread("c", ZONE, "ScheduleAnyway")]},
]  # fmt: skip


TEMPLATES = st.builds(
    lambda cpu, spec, app, namespace: {"cpu": cpu, "labels": {"app": app}, "namespace": namespace, **spec},
    st.sampled_from(["", "100m", "700m", "2"]), st.sampled_from(SPECS), st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["default", "default", "other"]),
)  # fmt: skip


class RowsAgainstLoop(RuleBasedStateMachine):
    @initialize(
        name=st.sampled_from(["pack", "spread"]), limit=st.sampled_from([4, 65536]),
        templates=st.lists(TEMPLATES, min_size=4, max_size=4), zones=st.lists(st.sampled_from("xyz"), max_size=5),
    )  # fmt: skip
    def begin(self, name: str, limit: int, templates: list[dict[str, Any]], zones: list[str]) -> None:
        # A log that forgets early makes rows start over in the middle of things.
        self.state = ClusterState(limit)
        self.profile = profile(name)
        self.rows = Rows(self.state, self.profile)
        self.classes = Classes()
        self.pods: dict[str, PodInfo] = {}
        self.asked: dict[int, PodClass] = {}
        self.serial = 0
        self.templates = templates
        for title, zone in zip(NAMES, zones, strict=False):
            self.state.set_node(NodeFacts.of(node(title, labels={"zone": zone, ZONE: zone})))

    @rule(
        name=st.sampled_from(NAMES), cpu=st.sampled_from(["1", "2", "4"]), zone=st.sampled_from(["x", "y"]),
        taints=st.sampled_from(TAINTS), cordoned=st.booleans(), ready=st.sampled_from([True, True, True, False]),
        pods=st.sampled_from([3, 110]), zoned=st.sampled_from([True, True, False]),
    )  # fmt: skip
    def set_node(
        self, name: str, cpu: str, zone: str, taints: Any, cordoned: bool, ready: bool, pods: int, zoned: bool
    ) -> None:
        labels = {"zone": zone, **({ZONE: zone} if zoned else {})}
        made = node(name, cpu=cpu, labels=labels, taints=taints, unschedulable=cordoned, ready=ready, pods=pods)
        self.state.set_node(NodeFacts.of(made))

    @rule(name=st.sampled_from(NAMES))
    def remove_node(self, name: str) -> None:
        self.state.remove_node(name)

    @rule(template=st.integers(0, 3), count=st.integers(1, 4))
    def schedule(self, template: int, count: int) -> None:
        """Few templates a run, so that rows live on while things happen around them."""
        more = dict(self.templates[template])
        for _ in range(count):
            self.serial += 1
            made = pod(f"p{self.serial}", owner={"uid": f"w{template}", "controller": True}, **more)
            made["metadata"]["uid"] = f"p{self.serial}"
            info = self.classes.info(made)
            self.asked[template] = info.kind
            expected = choose_naively(self.state, self.profile, info.kind)
            chosen = self.rows.choose(info.kind)
            assert chosen == expected
            if chosen is not None:
                self.state.place(info, chosen)
                self.pods[info.uid] = info

    @rule(labels=st.sampled_from([None, {}, {"t": "1"}]))
    def label_namespace(self, labels: dict[str, str] | None) -> None:
        if labels is not None or "other" in self.state.namespaces:
            self.state.set_namespace("other", labels)

    @rule(data=st.data())
    def mark_deleted(self, data: st.DataObject) -> None:
        if self.pods:
            uid = data.draw(st.sampled_from(sorted(self.pods)))
            self.pods[uid] = replace(self.pods[uid], deleting=True)
            self.state.place(self.pods[uid], self.state.where(uid) or "n0")

    @rule(data=st.data())
    def try_something(self, data: st.DataObject) -> None:
        """What is tried out leaves no trace."""
        if self.pods:
            before = {uid: self.state.where(uid) for uid in self.pods}
            with self.state.trial() as trial:
                trial.remove(data.draw(st.sampled_from(sorted(self.pods))))
                trial.place(self.pods[data.draw(st.sampled_from(sorted(self.pods)))], data.draw(st.sampled_from(NAMES)))
            assert {uid: self.state.where(uid) for uid in self.pods} == before

    @rule(data=st.data())
    def end_pod(self, data: st.DataObject) -> None:
        if self.pods:
            uid = data.draw(st.sampled_from(sorted(self.pods)))
            del self.pods[uid]
            self.state.remove(uid)

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def move_pod(self, data: st.DataObject, name: str) -> None:
        """The API may say that a pod is elsewhere than it was believed to be."""
        if self.pods:
            self.state.place(self.pods[data.draw(st.sampled_from(sorted(self.pods)))], name)

    @invariant()
    def rows_are_what_the_loop_says(self) -> None:
        for kind in self.asked.values() if hasattr(self, "asked") else ():
            assert self.rows.choose(kind) == choose_naively(self.state, self.profile, kind)

    @invariant()
    def accounts_are_the_sum_of_the_pods(self) -> None:
        for info in self.state.nodes() if hasattr(self, "state") else ():
            cpu = sum(dict(entry.kind.requests).get("cpu", 0) for entry in info.pods.values())
            assert info.requested.get("cpu", 0) == cpu
            assert info.free["cpu"] == info.allocatable["cpu"] - cpu
            assert sum(info.workloads.values()) == len(info.pods)


TestRowsAgainstLoop = RowsAgainstLoop.TestCase
TestRowsAgainstLoop.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
