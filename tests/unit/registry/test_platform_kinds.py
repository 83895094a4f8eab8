"""Pod templates, runtime classes, API services, flow control and the second name of events."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import kinds
from common.api.kinds import PODS
from common.api.meta import Object
from common.errors import Forbidden
from console.registry.kinds.apiservices import described
from console.registry.kinds.flowcontrol_defaults import MANDATORY, SUGGESTED

from .builders import REGISTRY, Objects, causes, container, context, created, named, pod, update_causes


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
