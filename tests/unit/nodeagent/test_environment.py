"""A container's environment, with kubelet's rules and words."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import Object
from nodeagent.environment import MissingReference, Surroundings, build, expand

from .fakes import Objects, config_map, pod, secret, service

AROUND = Surroundings("n1", ("192.0.2.1", "2001:db8::1"), ("10.42.0.5", "fd00::5"), {"cpu": "2", "memory": "1Gi"})


def values(container: Object, lookup: Objects | None = None, **spec: Any) -> dict[str, str]:
    subject = pod(container, **{"enableServiceLinks": False, **spec})
    return build(subject, subject["spec"]["containers"][0], lookup or Objects(), AROUND)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)b", "1b"), ("$(NO)", "$(NO)"), ("$$(A)", "$(A)"), ("$A", "$A"), ("$$$(A)", "$1"), ("$(A", "$(A")],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_values_may_use_earlier_ones() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)"}, {"name": "C", "value": "3"}]
    assert values({"env": env}) == {"A": "1", "B": "1$(C)", "C": "3"}


def test_keys_of_config_maps_and_secrets() -> None:
    env = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "sec", "key": "p"}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "none", "key": "p", "optional": True}}},
    ]
    lookup = Objects(configmaps=[config_map(k="v")], secrets=[secret(p="hunter2")])
    assert values({"env": env}, lookup) == {"A": "v", "B": "hunter2"}


def test_sources_with_prefix_and_single_values_over_them() -> None:
    container = {
        "envFrom": [
            {"prefix": "P_", "configMapRef": {"name": "cm"}},
            {"secretRef": {"name": "none", "optional": True}},
        ],
        "env": [{"name": "P_k", "value": "mine"}],
    }
    assert values(container, Objects(configmaps=[config_map(k="v", j="w")])) == {"P_k": "mine", "P_j": "w"}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"envFrom": [{"configMapRef": {"name": "x"}}]}, 'configmap "x" not found'),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "k"}}}]}, 'secret "x" not found'),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "no"}}}]},
            "couldn't find key no in ConfigMap default/cm",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]},
            'unsupported fieldPath: "spec.x"',
        ),
    ],
)
def test_what_is_missing_is_named(container: Object, message: str) -> None:
    with pytest.raises(MissingReference, match=message):
        values(container, Objects(configmaps=[config_map(k="v")]))


def test_a_secret_that_is_not_base64_is_named_without_its_value() -> None:
    broken = {**secret(), "data": {"p": "hunter2!"}}
    with pytest.raises(MissingReference, match="key p") as caught:
        values(
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "sec", "key": "p"}}}]},
            Objects(secrets=[broken]),
        )
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web-1"),
        ("metadata.uid", "u1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels", 'a="q\\"x"\napp="web"'),
        ("spec.nodeName", "n1"),
        ("spec.serviceAccountName", "default"),
        ("status.hostIP", "192.0.2.1"),
        ("status.podIPs", "10.42.0.5,fd00::5"),
    ],
)
def test_fields_of_the_pod(path: str, expected: str) -> None:
    assert values({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}) == {"A": expected}


@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [
        ("limits.cpu", None, "1"),
        ("limits.cpu", "1m", "500"),
        ("requests.memory", "1Mi", "64"),
        ("limits.memory", "1Mi", "1024"),
    ],
)
def test_resources_are_divided_and_rounded_up(resource: str, divisor: str | None, expected: str) -> None:
    ref = {"resource": resource, **({"divisor": divisor} if divisor else {})}
    container = {
        "resources": {"limits": {"cpu": "500m"}, "requests": {"memory": "64Mi"}},
        "env": [{"name": "A", "valueFrom": {"resourceFieldRef": ref}}],
    }
    assert values(container) == {"A": expected}


def test_service_links() -> None:
    lookup = Objects(
        services=[
            service("my-db", "10.43.0.7", {"port": 5432, "name": "sql"}),
            service("headless", "None", {"port": 1}),
            service("other", "10.43.0.8", {"port": 1}, namespace="elsewhere"),
            service("kubernetes", "10.43.0.1", {"port": 443, "name": "https"}),
        ]
    )
    found = values({}, lookup, enableServiceLinks=True)
    assert found["MY_DB_SERVICE_HOST"] == "10.43.0.7"
    assert found["MY_DB_SERVICE_PORT_SQL"] == "5432"
    assert found["MY_DB_PORT"] == found["MY_DB_PORT_5432_TCP"] == "tcp://10.43.0.7:5432"
    assert found["KUBERNETES_SERVICE_HOST"] == "10.43.0.1"
    assert not any(name.startswith(("HEADLESS", "OTHER")) for name in found)
    without = values({}, lookup)
    assert without["KUBERNETES_SERVICE_HOST"] == "10.43.0.1"
    assert all(name.startswith("KUBERNETES_") for name in without)
