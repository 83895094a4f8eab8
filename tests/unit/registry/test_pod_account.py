"""The ServiceAccount of a new pod, and what its containers get for it."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import PODS, SERVICEACCOUNTS
from common.api.meta import Object
from common.errors import Forbidden

from .builders import Objects, context, created, updated

PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def account(name: str, **fields: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, **fields}


def pod(**spec: Any) -> Object:
    containers = [{"name": "main", "image": "web:1"}]
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": containers, **spec}}


def admitted(found: Object, *accounts: Object) -> Object:
    lookup = Objects()
    for item in accounts:
        lookup.put(SERVICEACCOUNTS, item)
    spec: Object = created(PODS, found, context(lookup))["spec"]
    return spec


def mounts(container: Object) -> list[str]:
    return [mount["mountPath"] for mount in container.get("volumeMounts") or ()]


def test_every_container_gets_token_ca_and_namespace() -> None:
    spec = admitted(pod(initContainers=[{"name": "first", "image": "web:1"}]), account("default"))
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert len(volume["name"]) == len("kube-api-access-") + 5
    assert admitted(pod(), account("default"))["volumes"] == [volume]  # pods of one account stay alike
    token, authority, namespace = volume["projected"]["sources"]
    assert token == {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    assert authority == {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    assert namespace["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"] == "metadata.namespace"
    mount = {"name": volume["name"], "readOnly": True, "mountPath": PATH}
    assert spec["containers"][0]["volumeMounts"] == spec["initContainers"][0]["volumeMounts"] == [mount]


@pytest.mark.parametrize(
    ("of_pod", "of_account", "mounted"),
    [(None, None, True), (False, None, False), (None, False, False), (True, False, True), (False, True, False)],
)
def test_the_pods_word_counts_before_its_accounts(of_pod: bool | None, of_account: bool | None, mounted: bool) -> None:
    wanted = {} if of_pod is None else {"automountServiceAccountToken": of_pod}
    found = account("default", **({} if of_account is None else {"automountServiceAccountToken": of_account}))
    spec = admitted(pod(**wanted), found)
    assert (mounts(spec["containers"][0]) == [PATH]) is mounted
    assert ("volumes" in spec) is mounted


def test_a_container_with_something_there_keeps_it() -> None:
    containers = [
        {"name": "own", "image": "web:1", "volumeMounts": [{"name": "mine", "mountPath": PATH}]},
        {"name": "other", "image": "web:1"},
    ]
    spec = admitted(pod(containers=containers, volumes=[{"name": "mine", "emptyDir": {}}]))
    assert [mount["name"] for mount in spec["containers"][0]["volumeMounts"]] == ["mine"]
    assert mounts(spec["containers"][1]) == [PATH]
    spec = admitted(pod(containers=containers[:1], volumes=[{"name": "mine", "emptyDir": {}}]))
    assert [volume["name"] for volume in spec["volumes"]] == ["mine"]


def test_a_volume_that_came_with_the_pod_is_used() -> None:
    spec = admitted(pod(volumes=[{"name": "kube-api-access-abcde", "emptyDir": {}}]))
    assert [volume["name"] for volume in spec["volumes"]] == ["kube-api-access-abcde"]
    assert spec["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-abcde"


def test_pull_secrets_come_from_the_account_unless_the_pod_has_some() -> None:
    found = account("default", imagePullSecrets=[{"name": "registry"}])
    assert admitted(pod(), found)["imagePullSecrets"] == [{"name": "registry"}]
    own = admitted(pod(imagePullSecrets=[{"name": "mine"}]), found)
    assert own["imagePullSecrets"] == [{"name": "mine"}]


def test_an_account_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Forbidden) as found:
        admitted(pod(serviceAccountName="nobody"), account("default"))
    assert found.value.message == (
        'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found'
    )


def test_the_older_name_of_the_field_counts_too() -> None:
    spec = admitted(pod(serviceAccount="web"), account("web"))
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("web", "web")


def test_a_replace_with_the_first_manifest_changes_nothing() -> None:
    old = created(PODS, pod())
    assert updated(PODS, pod(), old)["spec"] == old["spec"]
