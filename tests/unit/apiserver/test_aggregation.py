"""API servers of users in the discovery documents, and the words in which they are told who asks."""

from __future__ import annotations

from common.api.meta import Object
from console.apiserver.aggregation import remote
from console.apiserver.aggregation.frontproxy import headers, is_claim
from console.apiserver.aggregation.remote import Remote
from console.apiserver.caller import Caller

FLUNDERS: Object = {
    "name": "flunders",
    "singularName": "flunder",
    "namespaced": True,
    "kind": "Flunder",
    "verbs": ["get"],
}


def server(group: str, version: str, priority: int = 100, *, available: bool = True) -> Remote:
    status = {**FLUNDERS, "name": "flunders/status", "verbs": ["update"]}
    return Remote(group, version, 2000, priority, available, (FLUNDERS, status))


def test_versions_of_others_come_in_the_order_of_their_priority() -> None:
    groups = {"": ["v1"], "apps": ["v1"]}
    remotes = [server("a.io", "v1", 10), server("a.io", "v2alpha1", 20), server("apps", "v1"), server("apps", "v9")]
    found = remote.with_groups(groups, remotes)
    assert found == {"": ["v1"], "apps": ["v9", "v1"], "a.io": ["v2alpha1", "v1"]}
    assert groups == {"": ["v1"], "apps": ["v1"]}


def test_a_server_that_does_not_answer_is_stale_in_aggregated_discovery() -> None:
    remotes = [server("a.io", "v1", available=False)]
    document = {"kind": "APIGroupDiscoveryList", "items": []}
    (group,) = remote.aggregated(document, remotes, remote.with_groups({}, remotes))["items"]
    (version,) = group["versions"]
    (resource,) = version["resources"]
    assert (group["metadata"]["name"], version["version"], version["freshness"]) == ("a.io", "v1", "Stale")
    assert (resource["resource"], resource["scope"], resource["singularResource"]) == (
        "flunders",
        "Namespaced",
        "flunder",
    )
    assert resource["responseKind"] == {"group": "a.io", "version": "v1", "kind": "Flunder"}
    assert [item["subresource"] for item in resource["subresources"]] == ["status"]


def test_a_servers_part_of_openapi_v2_is_its_own_paths() -> None:
    swagger = {"paths": {"/apis/a.io/v1/flunders": 1, "/api/v1/pods": 2}, "definitions": {"mine": 3, "ours": 4}}
    remotes = [Remote("a.io", "v1", 1, 1, swagger=swagger)]
    (others,) = remote.swaggers([*remotes, Remote("silent.io", "v1", 1, 1)])
    assert dict(others.paths()) == {"/apis/a.io/v1/flunders": 1}
    assert dict(others.definitions()) == {"mine": 3, "ours": 4}


def test_nonsense_of_a_server_spoils_nothing() -> None:
    body = b'{"resources": [{"name": "good", "verbs": ["get"]}, {"name": 1}, "x", {"name": "bad", "verbs": "all"}]}'
    assert [item["name"] for item in remote.resources_of(body)] == ["good"]
    assert [remote.resources_of(text) for text in (b"", b"[]", b'{"resources": 1}', b"{")] == [()] * 4
    assert remote.swagger_of(b'{"paths": [], "definitions": {"a": 1}, "info": {}}') == {"definitions": {"a": 1}}
    assert [remote.is_object(text) for text in (b"{}", b"[1]", b"<html>", b'{"a": 1}')] == [False, False, False, True]


def test_the_caller_goes_into_headers() -> None:
    extra = (("example.com/Project ä", ("a", "b")),)
    caller = Caller("jane", frozenset({"crew", "system:authenticated"}), uid="1", extra=extra)
    assert list(headers(caller)) == [
        ("X-Remote-User", "jane"), ("X-Remote-Uid", "1"),
        ("X-Remote-Group", "crew"), ("X-Remote-Group", "system:authenticated"),
        ("X-Remote-Extra-example.com%2Fproject%20%C3%A4", "a"), ("X-Remote-Extra-example.com%2Fproject%20%C3%A4", "b"),
    ]  # fmt: skip
    assert all(is_claim(name.upper()) for name, _ in headers(caller))
    assert not is_claim("X-Requested-With")
