"""Pod templates, runtime classes, API services, flow control and the second name of events."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from common.api import kinds
from common.api.kinds import PODS
from common.api.meta import Object
from common.errors import Forbidden, Invalid
from console.registry.kinds.apiservices import described
from console.registry.kinds.flowcontrol_defaults import MANDATORY, SUGGESTED

from .builders import REGISTRY, Objects, causes, container, context, created, named, pod, update_causes, updated


def test_a_pod_template_is_defaulted_and_checked() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container()]}}
    made = created(kinds.PODTEMPLATES, named("t", template=template))
    assert made["template"]["spec"]["restartPolicy"] == "Always"
    found = causes(kinds.PODTEMPLATES, named("t", template={"spec": {"containers": []}}))
    assert found == ["template.spec.containers: Required value"]


def with_class(**fields: Any) -> Objects:
    found = Objects()
    found.put(
        kinds.RUNTIMECLASSES, created(kinds.RUNTIMECLASSES, {"metadata": {"name": "box"}, "handler": "box", **fields})
    )
    return found


def test_a_pod_takes_from_its_runtime_class() -> None:
    scheduling = {"nodeSelector": {"box": "yes"}, "tolerations": [{"key": "box", "operator": "Exists"}]}
    where = context(with_class(overhead={"podFixed": {"cpu": "10m"}}, scheduling=scheduling))
    spec = created(PODS, pod(runtimeClassName="box"), where)["spec"]
    assert spec["overhead"] == {"cpu": "10m"}
    assert spec["nodeSelector"] == {"box": "yes"}
    assert {"key": "box", "operator": "Exists"} in spec["tolerations"]
    with pytest.raises(Forbidden, match=r'pod rejected: RuntimeClass "other" not found'):
        created(PODS, pod(runtimeClassName="other"), where)
    with pytest.raises(Forbidden, match="Overhead doesn't match"):
        created(PODS, pod(runtimeClassName="box", overhead={"cpu": "1"}), where)


def test_a_handler_never_changes() -> None:
    old = created(kinds.RUNTIMECLASSES, {"metadata": {"name": "box"}, "handler": "box"})
    new = {**old, "handler": "other"}
    assert update_causes(kinds.RUNTIMECLASSES, new, old) == ['handler: Invalid value: "other": field is immutable']
    assert causes(kinds.RUNTIMECLASSES, {"metadata": {"name": "box"}, "handler": "Box_"})[0].startswith("handler: ")


@pytest.mark.parametrize(("group", "title"), [("", "v1."), ("apps", "v1.apps")])
def test_what_is_served_here_is_available(group: str, title: str) -> None:
    made = created(kinds.APISERVICES, described(group, "v1"))
    assert made["metadata"]["name"] == title
    assert [(item["type"], item["status"], item["reason"]) for item in made["status"]["conditions"]] == [
        ("Available", "True", "Local")
    ]


def test_an_api_service_is_named_after_what_it_serves() -> None:
    wrong = {**described("apps", "v1"), "metadata": {"name": "apps"}}
    assert causes(kinds.APISERVICES, wrong) == [
        'metadata.name: Invalid value: "apps": must be `spec.version+"."+spec.group`: "v1.apps"'
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"matchingPrecedence": 1}, "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt'"),
        ({"verbs": ["*", "get"]}, ".verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not"),
        ({"verbs": ["read"]}, '.verbs: Unsupported value: ["read"]: supported values: "create", "delete"'),
        ({"resources": []}, ".resources: Required value: resource rules must supply at least one resource"),
        ({"apiGroups": ["*", "apps"]}, "if '*' is present, must not specify other api groups"),
        ({"namespaces": []}, ".namespaces: Required value: resource rules that are not cluster scoped must supply"),
        ({"namespaces": ["*", "a"]}, "if '*' is present, must not specify other namespaces"),
        ({"namespaces": ["No"]}, ".namespaces[0]: Invalid value"),
        ({"nonResourceURLs": ["x"]}, '.nonResourceURLs[0]: Invalid value: "x": must start with slash'),
        ({"nonResourceURLs": []}, ".nonResourceURLs: Required value: nonResourceURLs must contain at least one value"),
    ],
)  # fmt: skip
def test_a_wrong_flow_schema_is_named(change: Object, problem: str) -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["default"]}
    paths = {"verbs": ["get"], "nonResourceURLs": ["/healthz"]}
    for part in (rule, paths):
        part.update({key: value for key, value in change.items() if key in part})
    subjects = [{"kind": "User", "user": {"name": "jane"}}]
    spec = {
        "matchingPrecedence": change.get("matchingPrecedence", 9), "priorityLevelConfiguration": {"name": "l"},
        "rules": [{"subjects": subjects, "resourceRules": [rule], "nonResourceRules": [paths]}],
    }  # fmt: skip
    assert problem in causes(kinds.FLOWSCHEMAS, {"metadata": {"name": "s"}, "spec": spec})[0]


@pytest.mark.parametrize(
    ("queuing", "problem"),
    [
        ({"queues": 10_000_001}, "must not be greater than 10000000"),
        ({"queues": 128, "handSize": 10}, "required entropy bits of deckSize 128 and handSize 10 should not be"),
        ({"queues": 2, "handSize": 3}, "should not be greater than queues (2)"),
        ({"queues": 0}, "must be positive"),
        ({"queues": 128, "handSize": 6}, ""),
    ],
)  # fmt: skip
def test_queues_that_cannot_be_dealt_are_refused(queuing: Object, problem: str) -> None:
    level = {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": queuing}}}
    found = causes(kinds.PRIORITYLEVELCONFIGURATIONS, {"metadata": {"name": "l"}, "spec": level})
    assert problem in found[0] if problem else found == []


def test_what_every_cluster_has_is_admitted() -> None:
    for found in (MANDATORY, SUGGESTED):
        for resource, objects in found.items():
            assert [causes(resource, obj) for obj in objects.values()] == [[]] * len(objects)


def test_flow_control_is_defaulted_and_checked() -> None:
    level: Object = {"type": "Limited", "limited": {"limitResponse": {"type": "Queue"}}}
    made = created(kinds.PRIORITYLEVELCONFIGURATIONS, {"metadata": {"name": "l"}, "spec": level})
    assert made["spec"]["limited"]["nominalConcurrencyShares"] == 30
    assert made["spec"]["limited"]["limitResponse"]["queuing"] == {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
    schema = {"matchingPrecedence": 0, "priorityLevelConfiguration": {"name": "l"}, "rules": [{}]}
    assert causes(kinds.FLOWSCHEMAS, {"metadata": {"name": "s"}, "spec": schema}) == [
        "spec.matchingPrecedence: Invalid value: 0: must be a positive value",
        "spec.rules[0].subjects: Required value: subjects must contain at least one value",
        "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
    ]


def test_an_event_has_two_names() -> None:
    view = REGISTRY.row("events.k8s.io", "v1", "events")
    assert view is not None
    shown = {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}, "note": "said", "reason": "Said",
        "type": "Normal", "reportingController": "example.com/c", "reportingInstance": "c-1", "action": "Say",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip
    kept = view.keep(shown)
    assert (kept["apiVersion"], kept["involvedObject"]["name"], kept["message"]) == ("v1", "p", "said")
    assert causes(kinds.EVENTS, kept) == []
    assert view.show(kept) == shown


SAID: Object = {
    "metadata": {"name": "e", "namespace": "default"}, "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal",
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}, "message": "said", "reason": "Said",
    "reportingComponent": "example.com/c", "reportingInstance": "c-1", "action": "Say",
}  # fmt: skip


def test_a_series_without_a_count_is_kept_without_and_shown_with_it_by_the_newer_group() -> None:
    view = REGISTRY.row("events.k8s.io", "v1", "events")
    assert view is not None
    for series in ({"count": 0}, {}):
        kept = view.keep({"metadata": {"name": "e"}, "series": series})
        assert kept["series"] == {}
        assert view.show(kept)["series"] == {"count": 0}
    assert view.show(view.keep({"metadata": {"name": "e"}, "series": {"count": 3}}))["series"] == {"count": 3}


NEWER = dataclasses.replace(context(), api_version="events.k8s.io/v1")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"eventTime": None}, ["eventTime: Required value"]),
        ({"type": "Strange"}, ['type: Invalid value: "": has invalid value: Strange']),
        ({"count": 2}, ['count: Invalid value: "": needs to be unset']),
        (
            {"series": {"count": 1}},
            ['series.count: Invalid value: "": should be at least 2', "series.lastObservedTime: Required value"],
        ),
    ],
)
def test_the_newer_group_asks_more_of_an_event(changes: Object, expected: list[str]) -> None:
    event = {name: value for name, value in {**SAID, **changes}.items() if value is not None}
    assert causes(kinds.EVENTS, event, NEWER) == expected
    if "eventTime" in event:
        assert causes(kinds.EVENTS, event) == []


def test_through_the_newer_group_only_the_series_of_an_event_changes() -> None:
    old = created(kinds.EVENTS, SAID, NEWER)
    series = {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}
    assert updated(kinds.EVENTS, {**old, "series": series}, old, where=NEWER)["series"] == series
    with pytest.raises(Invalid, match='reason: Invalid value: "Other": field is immutable'):
        updated(kinds.EVENTS, {**old, "reason": "Other"}, old, where=NEWER)
    assert updated(kinds.EVENTS, {**old, "reason": "Other"}, old)["reason"] == "Other"


def test_addresses_of_an_unknown_type_are_not_looked_at() -> None:
    slice_ = named("s", addressType="Other", endpoints=[{"addresses": ["127.0.0.1"]}])
    assert causes(kinds.ENDPOINTSLICES, slice_) == [
        'addressType: Unsupported value: "Other": supported values: "FQDN", "IPv4", "IPv6"'
    ]
