"""Whatever runs where: victims have lower priority, they make room, and none of them leaves for nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.api.selectors import from_labels
from console.scheduler.core.evaluation import Evaluation
from console.scheduler.core.model import Classes, NodeFacts, PodInfo
from console.scheduler.core.preemption import Budget, Preemption, preempt
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from console.scheduler.core.verdict import first_refusals
from tests.fakes.objects import node, pod

HOST = "kubernetes.io/hostname"
TERM = {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": HOST}
APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}}
SPREAD = [
    {"maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": TERM["labelSelector"]}
]
ASKED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"cpu": st.sampled_from(["", "500m", "1", "2"]), "priority": st.integers(0, 3), "app": st.sampled_from("ab")}
)
SPECS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"affinity": APART}, {"topologySpreadConstraints": SPREAD}]
)


def info(classes: Classes, name: str, asked: dict[str, Any], **spec: Any) -> PodInfo:
    more = {key: value for key, value in asked.items() if key != "app"}
    made = pod(name, labels={"app": asked["app"]}, **more, **spec)
    made["metadata"]["uid"] = name
    return classes.info(made)


@settings(max_examples=150, deadline=None)
@given(
    running=st.lists(st.tuples(st.integers(0, 2), ASKED, SPECS), max_size=9), asked=ASKED, spec=SPECS,
    allowed=st.integers(0, 2),
)  # fmt: skip
def test_victims_are_needed_and_enough(
    running: list[tuple[int, dict[str, Any], dict[str, Any]]], asked: dict[str, Any], spec: dict[str, Any], allowed: int
) -> None:
    classes, state, chosen = Classes(), ClusterState(), profile("pack")
    for index in range(3):
        state.set_node(NodeFacts.of(node(f"n{index}", cpu="2")))
    for index, (place, other, more) in enumerate(running):
        state.place(info(classes, f"p{index}", other, **more), f"n{place}")
    new = info(classes, "new", {**asked, "priority": asked["priority"] + 1}, **spec)
    refusals = first_refusals(Evaluation(new.kind, state, chosen), state)
    if len(refusals) < len(state):
        return  # it fits somewhere: nobody has to leave
    before = {found.name: set(found.pods) for found in state.nodes()}
    way = preempt(new, state, chosen, refusals, [Budget("default", from_labels({"app": "b"}), allowed, frozenset())])
    assert {found.name: set(found.pods) for found in state.nodes()} == before
    if not isinstance(way, Preemption):
        return
    assert way.victims
    assert all(victim.priority < new.priority for victim in way.victims)
    target = state.node(way.node)
    assert target is not None
    with state.trial() as trial:
        for victim in way.victims:
            trial.remove(victim.uid)
        assert Evaluation(new.kind, state, chosen).fits(target)
        for victim in way.victims:
            trial.place(victim, way.node)
            assert not Evaluation(new.kind, state, chosen).fits(target)
            trial.remove(victim.uid)
