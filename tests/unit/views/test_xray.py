"""Trees of what objects are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Key, Object
from console.views import xray
from console.views.xray import Branch


def obj(kind: str, name: str, owner: Object | None = None, space: str = "shop", **rest: Any) -> Object:
    metadata: Object = {"name": name, "namespace": space, "uid": f"{kind}/{space}/{name}"}
    if owner is not None:
        metadata["ownerReferences"] = [{"kind": owner["kind"], "name": "x", "uid": owner["metadata"]["uid"]}]
    return {"kind": kind, "metadata": metadata, **rest}


def pod(name: str, owner: Object | None, container: Object, **spec: Any) -> Object:
    spec = {"nodeName": "n1", "containers": [{"name": "web", "image": "web:1", **container}], **spec}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
              "containerStatuses": [{"name": "web", "state": {"running": {}}}]}  # fmt: skip
    return obj("Pod", name, owner, spec=spec, status=status)


_NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEPLOYMENT = obj("Deployment", "web", spec={"replicas": 1}, status={"readyReplicas": 1, "replicas": 1})
NEW = obj("ReplicaSet", "web-2", DEPLOYMENT, spec={"replicas": 1}, status={"readyReplicas": 1, "replicas": 1})
OLD = obj("ReplicaSet", "web-1", DEPLOYMENT, spec={"replicas": 0}, status={"replicas": 0})
CONTAINER = {
    "envFrom": [{"configMapRef": {"name": "there"}}, {"secretRef": {"name": "gone", "optional": True}}],
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "lost", "key": "k"}}}],
    "volumeMounts": [{"name": "data"}, {"name": "kube-api-access-x2k9p"}, {"name": "unknown"}],
}
VOLUMES = [
    {"name": "data", "persistentVolumeClaim": {"claimName": "disk"}},
    {"name": "other", "configMap": {"name": "not-mounted"}},
    {"name": "kube-api-access-x2k9p", "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}},
]
POD = pod("web-2-a", NEW, CONTAINER, volumes=VOLUMES, serviceAccountName="robot")
CLAIM = obj("PersistentVolumeClaim", "disk", status={"phase": "Bound"})


def objects(**more: Any) -> dict[Resource, list[Object]]:
    found: dict[Resource, list[Object]] = {
        kinds.DEPLOYMENTS: [DEPLOYMENT], kinds.REPLICASETS: [OLD, NEW], kinds.PODS: [POD],
        kinds.CONFIGMAPS: [obj("ConfigMap", "there")], kinds.SECRETS: [], kinds.PERSISTENTVOLUMECLAIMS: [CLAIM],
        kinds.SERVICEACCOUNTS: [],
    }  # fmt: skip
    return found | more.get("also", {})


def texts(trees: list[Branch], **how: Any) -> list[str]:
    lines = xray.drawn(trees, **how)
    return [f"{line.text} {line.branch.state.word if line.branch.state else ''}".rstrip() for line in lines]


def test_a_deployment_down_to_what_its_containers_name() -> None:
    assert texts(xray.grow(kinds.DEPLOYMENTS, [DEPLOYMENT], objects())) == [
        "deployment shop/web Progressing",
        "└─ replicaset web-2 Progressing",
        "   └─ pod web-2-a Running",
        "      ├─ container web Running",
        "      │  ├─ configmap there",
        "      │  ├─ secret gone missing",
        "      │  ├─ secret lost missing",
        "      │  └─ persistentvolumeclaim disk Bound",
        "      └─ serviceaccount robot missing",
    ]


def test_what_is_missing_is_a_fault_unless_it_is_optional() -> None:
    trees = xray.grow(kinds.PODS, [POD], objects())
    assert [line.branch.place.name for line in xray.drawn(trees) if line.branch.faulty] == ["lost", "robot"]
    assert texts(trees, faults_only=True) == [
        "pod shop/web-2-a Running",
        "├─ container web Running",
        "│  └─ secret lost missing",
        "└─ serviceaccount robot missing",
    ]


def test_what_may_not_be_looked_at_is_not_called_missing() -> None:
    known = {resource: items for resource, items in objects().items() if resource != kinds.SECRETS}
    lines = texts(xray.grow(kinds.PODS, [POD], known))
    assert "│  ├─ secret lost" in lines


def test_folded_branches_say_how_much_they_hide_and_ascii_draws_the_same() -> None:
    trees = xray.grow(kinds.DEPLOYMENTS, [DEPLOYMENT], objects())
    top = xray.drawn(trees)[0].path
    folded = xray.drawn(trees, frozenset({top}))
    assert [line.path for line in folded] == [top]
    column = xray.COLUMNS[0]
    shown = column.value(xray.rows(folded)[0], _NOW)
    assert shown == "deployment shop/web (+8)"
    assert all(line.text.isascii() for line in xray.drawn(trees, ascii_only=True))


def test_services_choose_and_nodes_carry_pods() -> None:
    service = obj("Service", "web", spec={"selector": {"app": "web"}})
    labelled = {**POD, "metadata": {**POD["metadata"], "labels": {"app": "web"}}}
    also = {kinds.PODS: [labelled, obj("Pod", "else", spec={}, status={})]}
    node = obj("Node", "n1", space="")
    del node["metadata"]["namespace"]
    for resource, root in ((kinds.SERVICES, service), (kinds.NODES, node)):
        (tree,) = xray.grow(resource, [root], objects(also=also))
        assert [branch.place for branch in tree.branches] == [Key("shop", "web-2-a")]
    headless = obj("Service", "none", spec={})
    assert xray.grow(kinds.SERVICES, [headless], objects())[0].branches == []


def test_a_namespace_has_what_nothing_owns() -> None:
    space = {"kind": "Namespace", "metadata": {"name": "shop", "uid": "u"}}
    (tree,) = xray.grow(kinds.NAMESPACES, [space], objects())
    assert [branch.place for branch in tree.branches] == [Key("shop", "web")]


def test_owners_that_point_at_each_other_end_the_tree() -> None:
    one, two = obj("Deployment", "one"), obj("StatefulSet", "two")
    one["metadata"]["ownerReferences"] = [{"uid": two["metadata"]["uid"]}]
    two["metadata"]["ownerReferences"] = [{"uid": one["metadata"]["uid"]}]
    found = {kinds.DEPLOYMENTS: [one], kinds.STATEFULSETS: [two]}
    (tree,) = xray.grow(kinds.DEPLOYMENTS, [one], found)
    assert [(branch.place.name, branch.branches) for branch in tree.branches] == [("two", [])]


def test_the_tree_as_data() -> None:
    (found,) = xray.document(xray.grow(kinds.PODS, [POD], objects()))
    assert (found["kind"], found["name"], found["status"], found["fault"]) == ("Pod", "web-2-a", "Running", False)
    assert [child["kind"] for child in found["children"]] == ["Container", "ServiceAccount"]
    assert found["children"][0]["children"][2] == {
        "kind": "Secret", "namespace": "shop", "name": "lost", "status": "missing", "fault": True, "info": "",
        "children": [],
    }  # fmt: skip
