"""Which configuration pods are made of, when a change of it replaces them, and who is named as its user."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.configuration import NOTED, RESTART, User, fingerprint, made_of, users, will_restart
from common.api.meta import Object
from common.api.references import Reference, configuration, references

WEB, DB = ("configmaps", "default", "web"), ("secrets", "default", "db")
SPEC: Object = {
    "imagePullSecrets": [{"name": "registry"}],
    "volumes": [
        {"name": "web", "configMap": {"name": "web"}},
        {"name": "all", "projected": {"sources": [{"secret": {"name": "extra", "optional": True}}]}},
    ],
    "containers": [
        {
            "name": "main",
            "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
            "volumeMounts": [{"name": "web", "mountPath": "/a"}, {"name": "web", "mountPath": "/b", "subPath": "b"}],
        }
    ],
}


def workload(noted: str = "", kind: str = "Deployment", spec: Object = SPEC, **annotations: str) -> Object:
    metadata = {"name": "web", "namespace": "default", "annotations": {NOTED: noted, **annotations}}
    return {"kind": kind, "metadata": metadata, "spec": {"replicas": 3, "selector": {}, "template": {"spec": spec}}}


def config(uid: str = "u1", **data: str) -> Object:
    return {"metadata": {"uid": uid, "resourceVersion": "7"}, "data": data}


def test_pull_secrets_are_references_but_no_configuration() -> None:
    pod = {"metadata": {"namespace": "default"}, "spec": SPEC}
    assert configuration(pod) == {WEB: True, ("secrets", "default", "extra"): False, DB: True}
    assert references(pod) == {WEB, DB, ("secrets", "default", "extra"), ("secrets", "default", "registry")}


def test_the_first_look_notes_and_a_change_restarts() -> None:
    world: dict[Reference, Object] = {WEB: config(a="1"), DB: config(password="x")}
    first = made_of(workload(), world.get)
    assert first is not None
    assert first.changed == ()
    assert "secrets/extra=absent" in first.noted
    world[DB] = config(password="y")
    second = made_of(workload(first.noted), world.get)
    assert second is not None
    assert (second.changed, second.words) == ((DB,), "Secret db")
    assert second.stamp != first.stamp
    world[("secrets", "default", "extra")] = config(a="new")
    third = made_of(workload(second.noted), world.get)
    assert third is not None
    assert third.words == "Secret extra"


def test_what_is_missing_and_needed_is_waited_for() -> None:
    assert made_of(workload(), {WEB: config()}.get) is None


def test_a_fingerprint_tells_of_content_alone_and_nobody_can_compare_values_by_it() -> None:
    one = config(password="hunter2")
    relabelled: Object = {**one, "metadata": {**one["metadata"], "resourceVersion": "8", "labels": {"a": "b"}}}
    assert fingerprint(one) == fingerprint(relabelled)
    assert fingerprint(one) != fingerprint(config(uid="u2", password="hunter2"))


@pytest.mark.parametrize(
    ("obj", "reference", "how", "pods"),
    [
        (workload(), WEB, ("files", "files (fixed)"), 3),
        (workload(), DB, ("env",), 3),
        (workload(), ("secrets", "default", "registry"), ("image pulls",), 3),
        ({"kind": "Pod", "metadata": {"name": "web", "namespace": "default"}, "spec": SPEC}, DB, ("env",), 1),
        (
            {"kind": "CronJob", "metadata": {"name": "web", "namespace": "default"},
             "spec": {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}}}, DB, ("env",), 0,
        ),
        (
            {"kind": "Ingress", "metadata": {"name": "web", "namespace": "default"},
             "spec": {"tls": [{"secretName": "db"}]}}, DB, ("TLS",), 0,
        ),
        (
            {"kind": "ServiceAccount", "metadata": {"name": "web", "namespace": "default"},
             "imagePullSecrets": [{"name": "db"}]}, DB, ("image pulls",), 0,
        ),
        (
            {"kind": "DaemonSet", "metadata": {"name": "web", "namespace": "default"},
             "spec": {"selector": {}, "template": {"spec": SPEC}}, "status": {"desiredNumberScheduled": 5}},
            DB, ("env",), 5,
        ),
    ],
)  # fmt: skip
def test_users_of_an_object(obj: Any, reference: Reference, how: tuple[str, ...], pods: int) -> None:
    assert users(reference, [obj]) == [User(obj["kind"], "web", how, pods, False)]


def test_pods_of_a_controller_and_other_namespaces_are_not_listed() -> None:
    metadata = {
        "name": "web-1",
        "namespace": "default",
        "ownerReferences": [{"kind": "ReplicaSet", "controller": True}],
    }
    owned = {"kind": "Pod", "spec": SPEC, "metadata": metadata}
    elsewhere = workload()
    elsewhere["metadata"]["namespace"] = "other"
    assert users(WEB, [owned, elsewhere]) == []


def test_only_those_that_asked_restart_and_not_for_a_pull_secret() -> None:
    asked = workload(**{RESTART: "true"})
    assert will_restart(users(DB, [asked, workload()])) == 3
    assert will_restart(users(("secrets", "default", "registry"), [asked])) == 0
