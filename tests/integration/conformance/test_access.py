"""ServiceAccounts, their tokens, and who may do what."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from .plane import MERGE, Plane, until

ROOT = "kube-root-ca.crt"
CONTAINERS = [{"name": "main", "image": "agnhost:1"}]
AUDIENCE = "https://kubernetes.default.svc.cluster.local"


def test_a_service_account_through_its_life(plane: Plane, space: str) -> None:
    path, label = f"{space}/serviceaccounts", f"static-{space.rpartition('/')[2]}"
    start = plane.get(path)["metadata"]["resourceVersion"]
    watch = plane.watch(path, labelSelector=label, resourceVersion=start)
    plane.create(path, {"metadata": {"name": "testserviceaccount", "labels": {label: "true"}}})
    assert watch.next()[0] == "ADDED"
    patched = plane.patch(f"{path}/testserviceaccount", {"automountServiceAccountToken": False}, MERGE)
    assert patched["automountServiceAccountToken"] is False
    (found,) = plane.get("/api/v1/serviceaccounts", labelSelector=label)["items"]
    assert found["automountServiceAccountToken"] is False
    found["automountServiceAccountToken"] = True
    assert plane.update(f"{path}/testserviceaccount", found)["automountServiceAccountToken"] is True
    plane.delete(path, labelSelector=label)
    assert [kind for kind, _ in watch.take(3)] == ["MODIFIED", "MODIFIED", "DELETED"]
    watch.close()


def test_every_namespace_has_the_root_certificate(plane: Plane, space: str) -> None:
    path = f"{space}/configmaps/{ROOT}"

    def is_right() -> bool:
        answer = plane.ask("GET", path)
        return answer.code == 200 and answer.body["data"] == {"ca.crt": plane.authority.decode()}

    until(is_right, "it being made")
    plane.delete(path)
    until(is_right, "it being made again")
    plane.patch(path, {"data": {"ca.crt": ""}}, MERGE)
    until(is_right, "it being mended")


@pytest.mark.parametrize("account", [None, True, False])
@pytest.mark.parametrize("pod", [None, True, False])
def test_a_token_is_mounted_unless_pod_or_account_opt_out(
    plane: Plane, space: str, account: bool | None, pod: bool | None
) -> None:
    def optional(value: bool | None) -> dict[str, bool]:
        return {} if value is None else {"automountServiceAccountToken": value}

    plane.create(f"{space}/serviceaccounts", {"metadata": {"name": "mount"}, **optional(account)})
    spec = {"serviceAccountName": "mount", "containers": CONTAINERS, **optional(pod)}
    made = plane.create(f"{space}/pods", {"metadata": {"name": "pod"}, "spec": spec})
    mounts = [mount["mountPath"] for mount in made["spec"]["containers"][0].get("volumeMounts", [])]
    wanted = pod if pod is not None else account is not False
    assert ("/var/run/secrets/kubernetes.io/serviceaccount" in mounts) is wanted


def test_the_mounted_volume_has_token_certificate_and_namespace(plane: Plane, space: str) -> None:
    spec = plane.create(f"{space}/pods", {"metadata": {"name": "pod"}, "spec": {"containers": CONTAINERS}})["spec"]
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert volume["projected"] == {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": ROOT, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ],
    }  # fmt: skip
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)


def _token(plane: Plane, space: str, account: str = "default", **spec: Any) -> Any:
    return plane.create(f"{space}/serviceaccounts/{account}/token", {"spec": spec})["status"]


def _claims(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_others_find_out_how_to_verify_a_token(plane: Plane, space: str) -> None:
    document = plane.get("/.well-known/openid-configuration")
    keys = plane.get("/openid/v1/jwks")["keys"]
    assert document["id_token_signing_alg_values_supported"] == [keys[0]["alg"]] == ["RS256"], "what all verifiers know"
    assert (document["response_types_supported"], document["subject_types_supported"]) == (["id_token"], ["public"])
    token = _token(plane, space)["token"]
    assert _claims(token)["iss"] == document["issuer"]
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["kid"] in [key["kid"] for key in keys]
    for path in ("/.well-known/openid-configuration", "/openid/v1/jwks"):
        answer = plane.ask_with(token, "GET", path)
        assert (answer.code, answer.headers["Cache-Control"]) == (200, "public, max-age=3600")
    assert plane.ask("GET", "/openid/v1/jwks").headers["Content-Type"].startswith("application/jwk-set+json")


def test_a_token_is_bound_to_its_pod_and_its_audience(plane: Plane, space: str) -> None:
    pod = plane.create(f"{space}/pods", {"metadata": {"name": "pod"}, "spec": {"containers": CONTAINERS}})["metadata"]
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "pod", "uid": pod["uid"]}
    token = _token(plane, space, boundObjectRef=bound, expirationSeconds=600)["token"]
    claims = _claims(token)
    name = space.rpartition("/")[2]
    assert claims["sub"] == f"system:serviceaccount:{name}:default"
    assert claims["exp"] - claims["iat"] == 600
    assert claims["kubernetes.io"]["pod"] == {"name": "pod", "uid": pod["uid"]}
    review = "/apis/authentication.k8s.io/v1/tokenreviews"
    status = plane.create(review, {"spec": {"token": token}})["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == claims["sub"]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{name}", "system:authenticated"]
    assert sorted(status["user"]["groups"]) == sorted(groups)
    assert status["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["pod"]
    other = _token(plane, space, audiences=["vault"])["token"]
    assert "authenticated" not in plane.create(review, {"spec": {"token": other}})["status"]
    asked = plane.create(review, {"spec": {"token": other, "audiences": ["vault", "other"]}})["status"]
    assert (asked["authenticated"], asked["audiences"]) == (True, ["vault"])
    plane.delete(f"{space}/pods/pod", options={"gracePeriodSeconds": 0})
    until(lambda: "authenticated" not in plane.create(review, {"spec": {"token": token}})["status"], "its end")
    assert plane.ask_with(token, "GET", f"{space}/pods").code == 401


@pytest.mark.parametrize("allowed", [False, True])
def test_reviews_say_what_requests_show(plane: Plane, space: str, allowed: bool) -> None:
    name = space.rpartition("/")[2]
    account = plane.create(f"{space}/serviceaccounts", {"metadata": {"name": "e2e"}})["metadata"]
    user = f"system:serviceaccount:{name}:e2e"
    if allowed:
        rbac = space.replace("/api/v1", "/apis/rbac.authorization.k8s.io/v1")
        rule = {"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]}
        plane.create(f"{rbac}/roles", {"metadata": {"name": "reader"}, "rules": [rule]})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        subjects = [{"kind": "ServiceAccount", "name": "e2e", "namespace": name}]
        plane.create(
            f"{rbac}/rolebindings", {"metadata": {"name": "reader"}, "roleRef": reference, "subjects": subjects}
        )
    groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{name}"]
    asked = {"verb": "list", "resource": "configmaps", "namespace": name, "version": "v1"}
    question = {"spec": {"resourceAttributes": asked, "user": user, "groups": groups, "uid": account["uid"]}}
    base = "/apis/authorization.k8s.io/v1"
    assert plane.create(f"{base}/subjectaccessreviews", question)["status"]["allowed"] is allowed
    local = plane.create(f"{base}/namespaces/{name}/localsubjectaccessreviews", question)
    assert (local["status"]["allowed"], local["metadata"]["namespace"]) == (allowed, name)
    as_user = {"Impersonate_User": user, "Impersonate_Uid": account["uid"]}
    answer = plane.ask("GET", f"{space}/configmaps", **as_user)
    assert answer.code == (200 if allowed else 403)
    own = plane.ask("POST", f"{base}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": asked}}, **as_user)
    assert own.body["status"]["allowed"] is allowed
    rules = plane.ask("POST", f"{base}/selfsubjectrulesreviews", {"spec": {"namespace": name}}, **as_user)
    listed = [rule for rule in rules.body["status"]["resourceRules"] if rule["resources"] == ["configmaps"]]
    assert bool(listed) is allowed
    who = plane.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, **as_user)
    assert who.body["status"]["userInfo"]["username"] == user


def test_who_shows_nothing_may_ask_how_the_server_is_and_no_more(plane: Plane) -> None:
    for path in ("/healthz", "/livez", "/readyz?verbose", "/version"):
        assert plane.ask_with("", "GET", path).code == 200
    for path in ("/apis", "/metrics", "/livez/ping", "/openid/v1/jwks"):
        answer = plane.ask_with("", "GET", path)
        assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
        assert answer.body["message"] == f'forbidden: User "system:anonymous" cannot get path "{path}"'
    answer = plane.ask_with("", "GET", "/api/v1/namespaces")
    assert answer.body["message"] == (
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the '
        "cluster scope"
    )
    for path in ("/api/v1/namespaces", "/version", "/healthz"):  # who shows something is asked about it everywhere
        answer = plane.ask_with("nonsense", "GET", path)
        assert (answer.code, answer.body["reason"], answer.body["message"]) == (401, "Unauthorized", "Unauthorized")


def test_what_is_granted_to_nobody_anybody_may_do(plane: Plane, space: str) -> None:
    path, name = "/openid/v1/jwks", f"nobody-{space.rpartition('/')[2]}"
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                 "name": "system:service-account-issuer-discovery"}  # fmt: skip
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}
    plane.create(bindings, {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]})
    assert plane.ask_with("", "GET", path).code == 200
    plane.delete(f"{bindings}/{name}")
    assert plane.ask_with("", "GET", path).code == 403


def test_impersonation_is_a_right_of_its_own(plane: Plane, space: str) -> None:
    token = _token(plane, space)["token"]
    user = f"system:serviceaccount:{space.rpartition('/')[2]}:default"
    answer = plane.ask_with(token, "GET", f"{space}/pods", Impersonate_User="jane")
    assert answer.code == 403
    assert answer.body["message"] == (
        f'pods is forbidden: User "{user}" cannot impersonate-on:user-info:list resource "pods" in API group "" in the '
        f'namespace "{space.rpartition("/")[2]}"'
    )
    answer = plane.ask("GET", f"{space}/pods", Impersonate_Group="devs")
    assert answer.code in (400, 500)
    who = plane.ask(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, Impersonate_User="jane",
        Impersonate_Group="devs", **{"Impersonate_Extra-scopes": "view"},
    )  # fmt: skip
    assert who.body["status"]["userInfo"] == {
        "username": "jane", "groups": ["devs", "system:authenticated"], "extra": {"scopes": ["view"]},
    }  # fmt: skip


def test_the_roles_of_kubernetes_own_parts_are_there(plane: Plane) -> None:
    base = "/apis/rbac.authorization.k8s.io/v1"
    roles = {item["metadata"]["name"] for item in plane.get(f"{base}/clusterroles")["items"]}
    for name in ("deployment-controller", "generic-garbage-collector", "namespace-controller", "pod-garbage-collector"):
        assert f"system:controller:{name}" in roles
        bound = plane.get(f"{base}/clusterrolebindings/system:controller:{name}")
        assert bound["roleRef"]["name"] == f"system:controller:{name}"
        assert bound["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}]
    assert {
        "cluster-admin",
        "admin",
        "edit",
        "view",
        "system:kube-controller-manager",
        "system:node-bootstrapper",
    } <= roles
    locks = plane.get(f"{base}/namespaces/kube-system/roles/system::leader-locking-kube-scheduler")
    assert locks["metadata"]["labels"] == {"kubernetes.io/bootstrapping": "rbac-defaults"}
    asked = {"verb": "delete", "resource": "pods", "namespace": "default"}
    user = "system:serviceaccount:kube-system:pod-garbage-collector"
    question = {"spec": {"user": user, "resourceAttributes": asked}}
    answer = plane.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", question)["status"]
    assert answer["allowed"] is True
    assert answer["reason"] == (
        'RBAC: allowed by ClusterRoleBinding "system:controller:pod-garbage-collector" of ClusterRole '
        '"system:controller:pod-garbage-collector" to ServiceAccount "pod-garbage-collector/kube-system"'
    )


def test_a_node_writes_its_facts_and_no_rights(plane: Plane, space: str) -> None:
    node = f"node-{space.rpartition('/')[2]}"
    path = f"/api/v1/nodes/{node}"
    plane.create("/api/v1/nodes", {"metadata": {"name": node}, "spec": {}})
    as_node = {"Impersonate_User": f"system:node:{node}", "Impersonate_Group": "system:nodes", "Content_Type": MERGE}

    def patch(what: Any, where: str = path) -> Any:
        return plane.ask("PATCH", where, what, **as_node)

    own = {"kubernetes.io/hostname": node, "node.kubernetes.io/instance-type": "big", "team": "blue"}
    assert patch({"metadata": {"labels": own}}).code == 200
    for label in ("node-restriction.kubernetes.io/tier", "node-role.kubernetes.io/control-plane"):
        answer = patch({"metadata": {"labels": {label: "x"}}})
        assert answer.body["message"] == f'nodes "{node}" is forbidden: is not allowed to modify labels: {label}'
    answer = patch({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}})
    assert answer.body["message"] == f'nodes "{node}" is forbidden: node "{node}" is not allowed to modify taints'
    other = f"{node}-other"
    plane.create("/api/v1/nodes", {"metadata": {"name": other}, "spec": {}})
    refused = f'nodes "{other}" is forbidden: node "{node}" is not allowed to modify node "{other}"'
    for where in (f"/api/v1/nodes/{other}", f"/api/v1/nodes/{other}/status"):
        assert patch({"metadata": {"labels": {"a": "b"}}}, where).body["message"] == refused
    assert plane.ask("DELETE", f"/api/v1/nodes/{other}", **as_node).code == 403
    plane.delete(f"/api/v1/nodes/{other}")
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    as_node["Content_Type"] = "application/json"
    answer = plane.ask("POST", leases, {"metadata": {"name": f"{node}-x"}}, **as_node)
    assert answer.body["message"].endswith("can only access node lease with the same name as the requesting node")
    assert plane.ask("POST", leases, {"metadata": {"name": node}}, **as_node).code == 201
    plane.delete(f"{leases}/{node}")
    as_node["Content_Type"] = MERGE
    pod = {"metadata": {"name": "pod"}, "spec": {"nodeName": node, "containers": CONTAINERS}}
    plane.create(f"{space}/pods", pod)
    assert patch({"status": {"phase": "Running"}}, f"{space}/pods/pod/status").code == 200
    answer = patch({"metadata": {"labels": {"app": "x"}}}, f"{space}/pods/pod/status")
    assert answer.code == 403 or "labels" not in answer.body["metadata"]
    plane.delete(f"{space}/pods/pod", options={"gracePeriodSeconds": 0})
    plane.delete(path)
