"""Descriptions, summaries and YAML tell what matters, in the layout people know, and keep secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.api import kinds
from common.api.meta import LAST_APPLIED, Key
from console.views.capacity import usage
from console.views.containers import rows
from console.views.describe import Related, describe
from console.views.rollouts import progress
from console.views.status import Status, Tone
from console.views.summary import summary
from console.views.yaml_text import to_yaml
from tests.tui.fleet import NOW, Fleet


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet().fill()


def text(fleet: Fleet, resource: kinds.Resource, key: Key, **related: object) -> str:
    obj = fleet.api.find(resource, key)
    assert obj is not None
    return "\n".join(describe(obj, Related(**related), NOW))  # type: ignore[arg-type]


def test_a_crashing_pod_tells_state_restarts_and_events(fleet: Fleet) -> None:
    pod = fleet.pods_of("mqtt-bridge")[0]
    events = [e for e in fleet.api.items(kinds.EVENTS) if e["involvedObject"]["uid"] == pod["metadata"]["uid"]]
    found = "\n".join(describe(pod, Related(events=events), NOW))
    for line in (
        "Status:           CrashLoopBackOff",
        "    State:        Waiting: CrashLoopBackOff: back-off 2m40s restarting failed container",
        "    Last State:   Error, exit code 1, 95s ago",
        "    Restarts:     7",
        "    Readiness:    http-get :8080/ready delay=0s timeout=1s period=5s failures=3",
        "  Warning  BackOff  20s (x14)  quarterdeck  Back-off restarting failed container mqtt-bridge",
    ):
        assert line in found


def test_a_deployment_lists_its_revisions(fleet: Fleet) -> None:
    found = text(
        fleet, kinds.DEPLOYMENTS, Key("default", "checkout-api"), revisions=fleet.replicasets_of("checkout-api")
    )
    assert "shop/checkout:2.4.1" in found
    assert "shop/checkout:2.5.0" in found
    assert "3 desired | 2 updated | 4 total | 3 available | 1 unavailable" in found


def test_a_service_lists_its_endpoints(fleet: Fleet) -> None:
    slices = [
        item
        for item in fleet.api.items(kinds.ENDPOINTSLICES, "default")
        if item["metadata"]["labels"]["kubernetes.io/service-name"] == "web-frontend"
    ]
    found = text(fleet, kinds.SERVICES, Key("default", "web-frontend"), endpointslices=slices)
    assert "30080" in found
    assert found.count(" ready ") == 4


def test_a_node_adds_up_what_its_pods_ask_for(fleet: Fleet) -> None:
    pods = [pod for pod in fleet.api.items(kinds.PODS) if pod["spec"].get("nodeName") == "berth-1"]
    found = text(fleet, kinds.NODES, Key("", "berth-1"), pods=pods)
    assert f"Pods ({len(pods)}):" in found
    node = fleet.api.find(kinds.NODES, Key("", "berth-1")) or {}
    cpu, memory, count = usage(node, pods)
    assert (cpu.text, count.asked) == ("1250m of 4", len(pods))
    assert 0 < memory.percent < 100


def test_a_secret_shows_sizes_and_never_values(fleet: Fleet) -> None:
    found = text(fleet, kinds.SECRETS, Key("default", "checkout-db"))
    assert "DB_PASSWORD:    13 bytes" in found
    assert "corsair" not in found
    assert "Y29yc2Fp" not in found


def test_yaml_of_a_secret_is_masked_when_asked(fleet: Fleet) -> None:
    secret = fleet.api.find(kinds.SECRETS, Key("default", "checkout-db")) or {}
    assert "Y29yc2Fp" not in to_yaml(secret, mask_secrets=True)
    assert "Y29yc2Fp" in to_yaml(secret)


def test_what_was_applied_last_shows_no_secret(fleet: Fleet) -> None:
    secret = fleet.api.find(kinds.SECRETS, Key("default", "checkout-db")) or {}
    notes = {LAST_APPLIED: '{"stringData":{"a":"corsair"}}', "note": "kept"}
    secret = {**secret, "metadata": {**secret["metadata"], "annotations": notes}}
    assert "corsair" not in to_yaml(secret, mask_secrets=True)
    assert "corsair" in to_yaml(secret)
    shown = "\n".join(describe(secret, Related(), NOW))
    assert "corsair" not in shown
    assert "note: kept" in shown


def test_yaml_leaves_out_field_managers_and_keeps_lines() -> None:
    found = to_yaml({"metadata": {"managedFields": [{}], "name": "a"}, "kind": "X", "data": {"f": "a\nb\n"}})
    assert found == "kind: X\nmetadata:\n  name: a\ndata:\n  f: |\n    a\n    b\n"


def test_a_kind_nobody_knows_is_described_by_its_fields() -> None:
    found = describe({"kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}, Related(), NOW)
    assert "spec:" in found
    assert "  size: 3" in found


def test_a_pod_of_nothing_but_a_name_can_be_described_and_summed_up() -> None:
    bare = {"kind": "Pod", "metadata": {"name": "p"}}
    assert describe(bare, Related(), NOW)
    assert ("Status", Status("Pending", Tone.BUSY), Tone.TEXT) in summary(bare, (), NOW)


@pytest.mark.parametrize(
    "resource",
    [kinds.PODS, kinds.DEPLOYMENTS, kinds.REPLICASETS, kinds.SERVICES, kinds.NODES, kinds.NAMESPACES, kinds.CONFIGMAPS,
     kinds.SECRETS, kinds.EVENTS, kinds.ENDPOINTSLICES, kinds.LEASES, kinds.HOSTS],
)  # fmt: skip
def test_every_kind_has_a_description_and_a_summary(resource: kinds.Resource, fleet: Fleet) -> None:
    for obj in fleet.api.items(resource):
        assert describe(obj, Related(), NOW)[0].startswith("Name:")
        assert summary(obj, (), NOW)


def test_containers_become_rows_in_the_order_they_start() -> None:
    pod = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {
            "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
            "containers": [{"name": "app", "livenessProbe": {}}],
        },
    }
    assert [(row["metadata"]["name"], row["role"], row["probes"]) for row in rows(pod)] == [
        ("setup", "init", "---"),
        ("proxy", "sidecar", "---"),
        ("app", "app", "-L-"),
    ]


def test_a_rollout_counts_replicas_and_knows_what_the_strategy_demands(fleet: Fleet) -> None:
    deployment = fleet.api.find(kinds.DEPLOYMENTS, Key("default", "checkout-api")) or {}
    found = progress(
        deployment, fleet.api.items(kinds.REPLICASETS), fleet.api.items(kinds.PODS), NOW + timedelta(seconds=1)
    )
    assert (found.wanted, found.ready_new, found.total, found.needed, found.most) == (3, 1, 5, 3, 4)
    assert [item.new for item in found.replicas] == [True, True, False, False, False]
    assert found.status.word == "Progressing"
    assert not found.complete


def test_a_disruption_budget_tells_what_it_demands_and_what_is_under_way() -> None:
    budget = {
        "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 4,
                   "disruptedPods": {"web-1": "2026-11-22T09:14:00Z"}},
    }  # fmt: skip
    found = "\n".join(describe(budget, Related(), NOW))
    for line in (
        "spent",
        "app=web",
        "50%",
        "0 allowed | 2 healthy | 2 needed | 4 expected",
        "IfHealthyBudget",
        "web-1",
    ):
        assert line in found
