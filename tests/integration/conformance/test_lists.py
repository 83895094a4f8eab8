"""Lists page by page, at a revision, as Tables: what programs that page and cache rely on."""

from __future__ import annotations

import pytest

from .plane import TABLE, Plane

TEMPLATE = {"spec": {"containers": [{"name": "test", "image": "test2"}]}}


@pytest.fixture
def templates(plane: Plane, space: str) -> str:
    """The path of forty PodTemplates."""
    path = f"{space}/podtemplates"
    for number in range(40):
        plane.create(path, {"metadata": {"name": f"template-{number:04}"}, "template": TEMPLATE})
    return path


def _names(items: list[dict[str, dict[str, str]]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def test_pages_count_down_to_the_last(plane: Plane, templates: str) -> None:
    found: list[str] = []
    revisions = set()
    options: dict[str, object] = {"limit": 7}
    while True:
        page = plane.get(templates, **options)
        metadata = page["metadata"]
        revisions.add(metadata["resourceVersion"])
        found += _names(page["items"])
        if "continue" not in metadata:
            break
        assert len(page["items"]) == 7
        assert metadata["remainingItemCount"] + len(found) == 40
        options = {"limit": 7, "continue": metadata["continue"]}
    assert "remainingItemCount" not in page["metadata"]
    assert found == [f"template-{number:04}" for number in range(40)]
    assert len(revisions) == 1
    assert len(plane.get(templates, limit=41)["items"]) == 40


def test_nobody_counts_what_a_selector_leaves_out(plane: Plane, templates: str) -> None:
    metadata = plane.get(templates, limit=3, labelSelector="!none")["metadata"]
    assert metadata["continue"]
    assert "remainingItemCount" not in metadata


def test_tables_come_in_pages_too(plane: Plane, templates: str) -> None:
    first = plane.ask("GET", f"{templates}?limit=2", Accept=TABLE.replace("v=v1", "v=v1beta1")).body
    assert (first["kind"], first["apiVersion"]) == ("Table", "meta.k8s.io/v1beta1")
    assert [row["cells"][0] for row in first["rows"]] == ["template-0000", "template-0001"]
    token = first["metadata"]["continue"]
    rest = plane.ask("GET", f"{templates}?continue={token}", Accept=TABLE).body
    assert rest["rows"][0]["cells"][0] == "template-0002"
    assert len(rest["rows"]) == 38


def test_what_has_no_table_is_not_acceptable(plane: Plane) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    question = {"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}}
    answer = plane.ask("POST", path, question, Accept=TABLE.partition(",")[0])
    assert (answer.code, answer.body["code"], answer.body["reason"]) == (406, 406, "NotAcceptable")
    assert answer.body["message"].startswith("only the following media types are accepted: application/json")


def test_a_revision_that_is_still_to_come_is_waited_for_in_vain(plane: Plane) -> None:
    for path in ("/api/v1/namespaces", "/api/v1/namespaces/default"):
        answer = plane.ask("GET", f"{path}?resourceVersion=99999999")
        assert (answer.code, answer.body["reason"]) == (504, "Timeout")
        assert answer.body["message"].startswith("Timeout: Too large resource version: 99999999, current: ")
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        assert answer.body["details"] == {"causes": [cause], "retryAfterSeconds": 1}
        assert answer.headers["Retry-After"] == "1"


# {"v":"meta.k8s.io/v1","rv":1,"start":["a","b"]}
TOKEN = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOlsiYSIsImIiXX0"


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ({"resourceVersionMatch": "Exact"}, 422,
         "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ({"resourceVersion": "0", "resourceVersionMatch": "Exact"}, 422,
         'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
        ({"resourceVersion": "1", "resourceVersionMatch": "Other"}, 422,
         'resourceVersionMatch: Unsupported value: "Other": supported values: "Exact", "NotOlderThan", ""'),
        ({"sendInitialEvents": "true"}, 422,
         "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
        ({"continue": TOKEN, "resourceVersion": "1"}, 400,
         "specifying resource version is not allowed when using continue"),
        ({"continue": "x"}, 400, "continue key is not valid: "),
        ({"resourceVersion": "x"}, 400, 'Invalid value: "x"'),
        ({"watch": "1", "resourceVersionMatch": "NotOlderThan"}, 422,
         ("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
         "provided")),
        ({"watch": "1", "sendInitialEvents": "true"}, 422,
         "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    ],
)  # fmt: skip
def test_options_that_contradict_each_other(plane: Plane, query: dict[str, object], code: int, words: str) -> None:
    status = plane.get("/api/v1/namespaces/default/configmaps", code, **query)
    assert words in status["message"]
    assert status["reason"] == {422: "Invalid", 400: "BadRequest"}[code]
