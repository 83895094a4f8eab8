"""Requests of every sort, from plausible to garbage."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from common.api.meta import Object
from common.client.base import PatchType
from console.registry.catalog import default_registry
from console.registry.row import Row
from tests.model.registry.shapes import instances

NAMESPACE = "fuzz"
NAMES = ("a", "a", "b")
_JSON = {"Content-Type": "application/json"}
# Questions are answered by parts that are not there; hosts are nobody's to make.
ROWS = [row for row in default_registry().rows() if not row.computed and row.resource.group != "quarterdeck.io"]
_STREAMS = frozenset({"exec", "attach", "portforward", "proxy", "log", "images", "shell"})
_KINDS = tuple(kind.value for kind in PatchType)


_POD = {
    "containers": [
        {"name": "a", "image": "a:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}
    ]
}
_TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": _POD}
_RESTARTED = {"spec": {**_POD, "restartPolicy": "Never"}}
_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
_APP = {"selector": {"matchLabels": {"app": "a"}}, "template": _TEMPLATE}
SEEDS: dict[str, Object] = {
    "configmaps": {"data": {"a": "1", "b": "2"}},
    "secrets": {"stringData": {"a": "1"}},
    "pods": {"spec": _POD},
    "services": {"spec": {"selector": {"app": "a"}, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}},
    "deployments.apps": {"spec": _APP},
    "statefulsets.apps": {"spec": {**_APP, "serviceName": "a"}},
    "jobs.batch": {"spec": {"template": _RESTARTED}},
    "cronjobs.batch": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _RESTARTED}}}},
    "horizontalpodautoscalers.autoscaling": {"spec": {"scaleTargetRef": _TARGET, "maxReplicas": 3}},
    "clusterroles.rbac.authorization.k8s.io": {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    "nodes": {},
    "leases.coordination.k8s.io": {"spec": {"holderIdentity": "a"}},
}
"""What is there before: objects that most requests are about."""
_SEEDED = [row for row in ROWS if row.resource.group_resource in SEEDS]


@dataclass(frozen=True)
class Wanted:
    method: str
    target: str
    body: bytes | None
    headers: dict[str, str]


def seeds() -> list[Wanted]:
    """The requests that make them, in their namespace, which comes first."""
    found = [Wanted("POST", "/api/v1/namespaces", _encoded({"metadata": {"name": NAMESPACE}}), dict(_JSON))]
    for row in _SEEDED:
        path = row.resource.path(NAMESPACE if row.resource.namespaced else None)
        if row.view is None:
            made = {**SEEDS[row.resource.group_resource], "metadata": {"name": "a", "finalizers": ["example.com/a"]}}
            found.append(Wanted("POST", path, _encoded(made), dict(_JSON)))
    return found


texts = st.one_of(
    st.sampled_from(["", "a", "default", "0", "-1", "1", "True", "All", "metadata.name=a", "a in (b,c)", "a==b,c"]),
    st.text(max_size=8),
)  # fmt: skip
_numbers = st.one_of(
    st.integers(-2, 3), st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 0.5, -0.0])
)
wild: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
_QUERIES = st.dictionaries(
    st.sampled_from(
        ["dryRun", "fieldManager", "fieldValidation", "force", "pretty", "labelSelector", "fieldSelector", "limit",
         "continue", "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "allowWatchBookmarks",
         "sendInitialEvents", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "includeObject"]
    ),
    texts,
    max_size=3,
)  # fmt: skip
_ACCEPT = st.sampled_from(
    ["*/*", "application/json", "application/yaml", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
     "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "application/vnd.kubernetes.protobuf", "text/html",
     "application/json;q=x", ";;,", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"]
)  # fmt: skip
_TYPES = st.sampled_from(
    ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "", "a", *_KINDS]
)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")


def _twice(obj: Object) -> bytes:
    """An object in which each field comes twice."""
    fields = [_encoded(name) + b":" + _encoded(value) for name, value in obj.items()] * 2
    return b"{" + b",".join(fields) + b"}"


garbage = st.one_of(
    st.binary(max_size=40),
    st.builds(lambda rest: b"k8s\0" + rest, st.binary(max_size=60)),
    st.sampled_from(
        [b"", b"null", b"[]", b"NaN", b'{"metadata":NaN}', b'{"spec":{"replicas":1e999}}', b'{"a":"\\ud800"}',
         b"\xff\xfe{}", b'{"a":' * 300 + b"1" + b"}" * 300, b"[" * 2000, b"&a [*a,*a]", b"a: &x {b: *x}",
         b"? {a: 1} : 2", b"- 1\n- 2", b"!!python/object:os.system {}", b"a: .inf", b"a: 2026-01-01", b"0x1p5",
         b'{"kind":"List","items":[]}']
    ),
)  # fmt: skip
_POINTERS = st.sampled_from(
    ["", "/", "/metadata", "/metadata/labels", "/metadata/labels/a", "/metadata/name", "/metadata/finalizers/-",
     "/metadata/managedFields", "/metadata/managedFields/0", "/metadata/ownerReferences/0", "/data/a", "/status",
     "/spec", "/kind",
     "/spec/replicas", "/spec/template/spec/containers/0", "/metadata/resourceVersion", "a", "/~2", "/spec/-1"]
)  # fmt: skip
_OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]), "path": _POINTERS},
        optional={"from": _POINTERS, "value": wild},
    ),
    max_size=4,
)
_DIRECTIVES = st.dictionaries(
    st.sampled_from(
        ["$patch", "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "containers"]
    ),
    wild,
    max_size=2,
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> Wanted:
    row = draw(st.one_of(st.sampled_from(ROWS), st.sampled_from(_SEEDED)))
    method = draw(st.sampled_from(["GET", "POST", "POST", "PUT", "PATCH", "PATCH", "PATCH", "DELETE"]))
    name = draw(st.sampled_from(NAMES))
    is_collection = method == "POST" or draw(st.integers(0, 5)) == 0
    path = row.resource.path(NAMESPACE if row.resource.namespaced else None, None if is_collection else name)
    if draw(st.integers(0, 4)) == 0:
        beside = sorted(row.subresources - _STREAMS) or ["x"]
        path = (
            f"{row.resource.path(NAMESPACE if row.resource.namespaced else None, name)}/{draw(st.sampled_from(beside))}"
        )
    query = draw(_QUERIES) if draw(st.integers(0, 2)) == 0 else {}
    headers = {"Accept": draw(_ACCEPT)} if draw(st.integers(0, 3)) == 0 else {}
    body: bytes | None = None
    if method in {"POST", "PUT"}:
        body = _body(draw, row, name)
        headers["Content-Type"] = "application/json"
    elif method == "PATCH":
        kind = draw(st.sampled_from(_KINDS))
        body = _patch(draw, row, name, kind)
        headers["Content-Type"] = kind
        query = {"fieldManager": "fuzz", **query}
    elif method == "DELETE":
        body = draw(st.none() | st.builds(_encoded, _DELETE_OPTIONS))
        headers["Content-Type"] = "application/json"
    if body is not None and draw(st.integers(0, 9)) == 0:
        body, headers = _spoilt(draw, body, headers)
    target = quote(path) + (f"?{urlencode(query, errors='replace')}" if query else "")
    return Wanted(method, target, body, headers)


_DELETE_OPTIONS = st.one_of(
    wild,
    st.fixed_dictionaries(
        {},
        optional={
            "gracePeriodSeconds": _numbers | texts,
            "propagationPolicy": st.sampled_from(["Orphan", "Background", "Foreground", "x", 1]),
            "preconditions": wild | st.fixed_dictionaries({"uid": texts, "resourceVersion": texts}),
            "orphanDependents": st.booleans() | texts,
            "dryRun": st.just(["All"]) | wild,
        },
    ),
)


def _body(draw: st.DrawFn, row: Row, name: str) -> bytes:
    choice = draw(st.integers(0, 9))
    if choice == 0:
        return draw(garbage)
    if choice == 1:
        return _encoded(draw(wild))
    obj = draw(instances(row))
    obj["metadata"]["name"] = name
    if row.resource.namespaced:
        obj["metadata"]["namespace"] = NAMESPACE
    if choice < 4:
        # Only a few fields of metadata: the rest must not keep everything from being made.
        obj["metadata"] = {
            key: value for key, value in obj["metadata"].items() if key in {"name", "namespace", "labels"}
        }
    if choice == 4 and obj:
        obj[draw(st.sampled_from(sorted(obj)))] = draw(wild)
    return _twice(obj) if choice == 5 else _encoded(obj)


def _patch(draw: st.DrawFn, row: Row, name: str, kind: str) -> bytes:
    choice = draw(st.integers(0, 7))
    if choice == 0:
        return draw(garbage)
    if kind == PatchType.JSON.value:
        return _encoded(draw(_OPERATIONS))
    if choice == 1:
        return _encoded(draw(wild))
    patch: Object = draw(instances(row))
    patch["metadata"] = {"labels": {draw(st.sampled_from("abc")): draw(st.sampled_from(["", "x", None]))}}
    if kind == PatchType.APPLY.value:
        patch |= {"apiVersion": row.resource.api_version, "kind": row.resource.kind}
        patch["metadata"]["name"] = name
    elif choice == 2:
        patch["spec"] = draw(_DIRECTIVES)
    elif choice == 3:
        patch["metadata"] = {"managedFields": draw(wild | st.just([{}]) | st.just([]))}
    return _encoded(patch)


def _spoilt(draw: st.DrawFn, body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    match draw(st.integers(0, 3)):
        case 0:
            return gzip.compress(body), {**headers, "Content-Encoding": draw(st.sampled_from(["gzip", "deflate", "x"]))}
        case 1:
            return body, {**headers, "Content-Encoding": "gzip"}
        case 2:
            return body, {**headers, "Content-Type": draw(_TYPES)}
    return body[: len(body) // 2], headers
