"""PriorityClasses and the priority that pods get from them."""

from __future__ import annotations

import pytest

from common.api.kinds import PRIORITYCLASSES
from common.api.meta import Object
from common.errors import Forbidden

from .builders import PODS, Objects, causes, context, created, pod, update_causes, updated


def priority_class(name: str, value: int, **more: object) -> Object:
    return {"metadata": {"name": name}, "value": value, **more}


def lookup(*classes: Object) -> Objects:
    found = Objects()
    for item in classes:
        found.put(PRIORITYCLASSES, created(PRIORITYCLASSES, item))
    return found


def admitted(found: Objects, **spec: object) -> Object:
    result: Object = created(PODS, pod(**spec), context(found))["spec"]
    return result


def test_a_pod_gets_the_figures_of_its_class() -> None:
    found = lookup(priority_class("high", 1000), priority_class("polite", 5, preemptionPolicy="Never"))
    spec = admitted(found, priorityClassName="high")
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "PreemptLowerPriority")
    spec = admitted(found, priorityClassName="polite", priority=5)
    assert (spec["priority"], spec["preemptionPolicy"]) == (5, "Never")


def test_the_lowest_default_is_for_pods_without_a_class() -> None:
    found = lookup(priority_class("usual", 7, globalDefault=True), priority_class("high", 1000))
    spec = admitted(found)
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)
    assert "priorityClassName" not in admitted(lookup())


def test_the_systems_classes_are_known_at_once() -> None:
    assert admitted(lookup(), priorityClassName="system-node-critical")["priority"] == 2_000_001_000


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        (
            {"priorityClassName": "high", "priority": 3},
            (
                "the integer value of priority (3) must not be provided in pod spec; priority admission controller "
                "computed 1000 from the given PriorityClass name"
            ),
        ),
        (
            {"preemptionPolicy": "Never"},
            (
                "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission "
                "controller computed PreemptLowerPriority from the given PriorityClass name"
            ),
        ),
    ],
)
def test_what_the_class_does_not_say_is_forbidden(spec: Object, why: str) -> None:
    with pytest.raises(Forbidden) as error:
        admitted(lookup(priority_class("high", 1000)), **spec)
    assert str(error.value) == f'pods "p" is forbidden: {why}'


def test_a_replace_without_the_admitted_fields_keeps_them() -> None:
    where = context(lookup(priority_class("usual", 7, globalDefault=True)))
    old = created(PODS, pod(), where)
    spec = updated(PODS, pod(), old, where=where)["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)


def test_there_is_one_default() -> None:
    found = lookup(priority_class("usual", 7, globalDefault=True))
    with pytest.raises(Forbidden, match="PriorityClass usual is already marked as default"):
        created(PRIORITYCLASSES, priority_class("other", 8, globalDefault=True), context(found))


@pytest.mark.parametrize(
    ("obj", "cause"),
    [
        (
            priority_class("top", 1_000_000_001),
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
        ),
        (
            priority_class("system-mine", 1),
            (
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use "
                "only. error: system-mine is not a known system priority class"
            ),
        ),
        (
            priority_class("system-node-critical", 1),
            (
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use "
                "only. error: value of system-node-critical PriorityClass must be 2000001000"
            ),
        ),
        (
            priority_class("odd", 1, preemptionPolicy="Maybe"),
            'preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"',
        ),
    ],
)
def test_bad_classes_are_refused(obj: Object, cause: str) -> None:
    assert causes(PRIORITYCLASSES, obj) == [cause]


def test_value_and_policy_never_change() -> None:
    old = created(PRIORITYCLASSES, priority_class("high", 1000))
    assert update_causes(PRIORITYCLASSES, {**old, "value": 2}, old) == [
        "value: Forbidden: may not be changed in an update."
    ]
    assert update_causes(PRIORITYCLASSES, {**old, "preemptionPolicy": "Never"}, old) == [
        'preemptionPolicy: Invalid value: "Never": field is immutable'
    ]
    assert update_causes(PRIORITYCLASSES, {**old, "description": "new"}, old) == []


def test_label_keys_become_part_of_the_selectors() -> None:
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": ["rev"],
              "labelSelector": {"matchLabels": {"app": "web"}}}  # fmt: skip
    term = {"labelSelector": {}, "topologyKey": "zone", "mismatchLabelKeys": ["rev", "absent"]}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made = pod(topologySpreadConstraints=[spread], affinity=affinity)
    made["metadata"]["labels"] = {"rev": "2"}
    spec = created(PODS, made)["spec"]
    added = {"key": "rev", "operator": "In", "values": ["2"]}
    assert spec["topologySpreadConstraints"][0]["labelSelector"]["matchExpressions"] == [added]
    found = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert found["labelSelector"] == {"matchExpressions": [{**added, "operator": "NotIn"}]}


def test_other_values_of_a_label_may_be_told_apart_further() -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    expression = {"key": "tenant", "operator": "Exists"}

    def asking(field: str) -> Object:
        term = {"labelSelector": {"matchExpressions": [expression]}, "topologyKey": "pool", field: ["tenant"]}
        made = pod(affinity={"podAntiAffinity": {required: [term]}})
        return {**made, "metadata": {**made["metadata"], "labels": {"tenant": "a"}}}

    found = created(PODS, asking("mismatchLabelKeys"))["spec"]["affinity"]["podAntiAffinity"][required][0]
    assert found["labelSelector"]["matchExpressions"] == [
        expression, {"key": "tenant", "operator": "NotIn", "values": ["a"]}
    ]  # fmt: skip
    where = f"spec.affinity.podAntiAffinity.{required}[0].matchLabelKeys[0]"
    assert causes(PODS, asking("matchLabelKeys")) == [
        f'{where}: Invalid value: "tenant": exists in both matchLabelKeys and labelSelector'
    ]


@pytest.mark.parametrize(
    ("constraint", "cause"),
    [
        (
            {
                "matchLabelKeys": ["app"],
                "labelSelector": {
                    "matchLabels": {"app": "web"},
                    "matchExpressions": [{"key": "app", "operator": "Exists"}],
                },
            },
            '.matchLabelKeys[0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector',
        ),
        (
            {"nodeTaintsPolicy": "Maybe"},
            '.nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"',
        ),
        (
            {"labelSelector": None, "matchLabelKeys": ["rev"]},
            ".matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
        ),
    ],
)
def test_bad_spread_constraints_are_refused(constraint: Object, cause: str) -> None:
    whole = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
             "labelSelector": {"matchLabels": {"app": "web"}}, **constraint}  # fmt: skip
    found = causes(PODS, pod(topologySpreadConstraints=[{key: value for key, value in whole.items() if value}]))
    assert found == [f"spec.topologySpreadConstraints[0]{cause}"]
