"""Paths, options and Accept headers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from yarl import URL

from common.api.meta import Object
from common.errors import BadRequest, Invalid, NotAcceptable
from console.apiserver.listing import parse_revision
from console.apiserver.negotiation import Form, accepted, negotiate
from console.apiserver.options import DeleteOptions, ListOptions, WriteOptions, parse_bool, parse_int
from console.apiserver.requestinfo import RequestInfo, parse_request
from console.apiserver.streams.logs import log_params
from console.apiserver.watchpaths import older_watch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/pods", RequestInfo("list", "", "v1", "pods")),
        ("GET", "/api/v1/namespaces/", RequestInfo("list", "", "v1", "namespaces")),
        ("GET", "/api/v1/namespaces/a", RequestInfo("get", "", "v1", "namespaces", "", "a")),
        ("PUT", "/api/v1/namespaces/a/finalize", RequestInfo("update", "", "v1", "namespaces", "", "a", "finalize")),
        ("GET", "/api/v1/namespaces/a/status", RequestInfo("get", "", "v1", "namespaces", "", "a", "status")),
        ("GET", "/api/v1/namespaces/a/status/b", RequestInfo("get", "", "v1", "status", "a", "b")),
        ("POST", "/api/v1/namespaces/a/pods", RequestInfo("create", "", "v1", "pods", "a")),
        ("POST", "/api/v1/namespaces/a/pods/b/exec", RequestInfo("create", "", "v1", "pods", "a", "b", "exec")),
        ("DELETE", "/apis/apps/v1/namespaces/a/deployments",
         RequestInfo("deletecollection", "apps", "v1", "deployments", "a")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b/scale/",
         RequestInfo("patch", "apps", "v1", "deployments", "a", "b", "scale")),
        ("GET", "/apis/apps/v1", None),
        ("GET", "/api", None),
        ("GET", "/version", None),
        ("GET", "/api/v1/namespaces/a/pods/b/c/d", RequestInfo("get", "", "v1", "pods", "a", "b", "c", deeper=True)),
        ("POST", "/api/v1/namespaces/a/pods/b/proxy/d", RequestInfo("create", "", "v1", "pods", "a", "b", "proxy")),
    ],
)  # fmt: skip
def test_a_path_says_what_is_asked(method: str, path: str, expected: RequestInfo | None) -> None:
    assert parse_request(method, path) == expected


def test_what_is_kept_of_paths_is_bounded() -> None:
    path = "/api/v1/namespaces/a/pods/b"
    assert parse_request("GET", path) is parse_request("GET", path)
    endless = f"/api/v1/namespaces/a/pods/{'b' * 1000}"
    assert parse_request("GET", endless) == parse_request("GET", endless)
    assert parse_request("GET", endless) is not parse_request("GET", endless)


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "True", "TRUE", "yes", ""])
def test_what_does_not_say_no_means_yes(text: str) -> None:
    assert parse_bool(text)


@pytest.mark.parametrize("text", [None, "0", "false", "False", "FALSE"])
def test_what_says_no(text: str | None) -> None:
    assert not parse_bool(text)


@pytest.mark.parametrize("option", ["limit", "timeoutSeconds"])
def test_an_option_that_is_there_has_a_value(option: str) -> None:
    """Only one that is left out says nothing."""
    with pytest.raises(BadRequest, match=r'^strconv.ParseInt: parsing "": invalid syntax'):
        ListOptions.parse({option: ""})
    with pytest.raises(BadRequest, match=r'^strconv.ParseInt: parsing "": invalid syntax'):
        DeleteOptions.parse({"gracePeriodSeconds": ""}, {})
    with pytest.raises(Invalid, match=r'propagationPolicy: Unsupported value: "": supported values'):
        DeleteOptions.parse({"propagationPolicy": ""}, {})
    assert ListOptions.parse({"watch": ""}).watch
    assert DeleteOptions.parse({"orphanDependents": ""}, {}).propagation == "Orphan"


def test_preconditions_may_be_in_the_query() -> None:
    asked = DeleteOptions.parse({"uid": "a", "resourceVersion": "5"}, {})
    assert (asked.uid, asked.resource_version) == ("a", "5")
    asked = DeleteOptions.parse({"uid": "a", "resourceVersion": "5"}, {"preconditions": {"uid": "b"}})
    assert (asked.uid, asked.resource_version) == ("b", None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"dryRun": "All"}, "string into Go struct field DeleteOptions.dryRun of type []string"),
        ({"gracePeriodSeconds": "5"}, "string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
        ({"gracePeriodSeconds": True}, "bool into Go struct field DeleteOptions.gracePeriodSeconds of type int64"),
        ({"propagationPolicy": 5}, ("number into Go struct field DeleteOptions.propagationPolicy of type "
                                   "v1.DeletionPropagation")),
        ({"orphanDependents": "x"}, "string into Go struct field DeleteOptions.orphanDependents of type bool"),
        ({"preconditions": "x"}, "string into Go struct field DeleteOptions.preconditions of type v1.Preconditions"),
        ({"preconditions": {"uid": 5}}, "number into Go struct field Preconditions.preconditions.uid of type string"),
    ],
)  # fmt: skip
def test_options_of_a_deletion_have_types(body: Object, why: str) -> None:
    with pytest.raises(BadRequest) as caught:
        DeleteOptions.parse({}, body)
    assert caught.value.message == f"json: cannot unmarshal {why}"


def test_wrong_numbers_are_shown() -> None:
    assert parse_int("-1") == -1
    assert parse_int("-9223372036854775808") == -(2**63)
    assert ListOptions.parse({"limit": "-1"}).limit == 0, "as many as there are"
    with pytest.raises(BadRequest, match=r'^strconv.ParseInt: parsing "1e3": invalid syntax'):
        parse_int("1e3")
    with pytest.raises(BadRequest, match="value out of range"):
        parse_int("9223372036854775808")
    for long in (parse_revision, parse_int):
        with pytest.raises(BadRequest, match=r"value out of range|invalid syntax"):
            long("9" * 5000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/api/v1/watch/pods", "/api/v1/pods?watch=true"),
        ("/api/v1/watch/namespaces/a/pods?labelSelector=x", "/api/v1/namespaces/a/pods?labelSelector=x&watch=true"),
        (
            "/api/v1/watch/namespaces/a/pods/web?fieldSelector=status.phase=Running,metadata.name=web",
            "/api/v1/namespaces/a/pods?fieldSelector=status.phase=Running,metadata.name=web&watch=true",
        ),
        ("/api/v1/watch/namespaces/a", "/api/v1/namespaces?watch=true&fieldSelector=metadata.name=a"),
        ("/apis/apps/v1/watch/deployments?watch=0", "/apis/apps/v1/deployments?watch=true"),
    ],
)
def test_older_spellings_of_watches(old: str, new: str) -> None:
    found = older_watch(URL(old))
    assert found is not None
    assert (found.url.path, dict(found.url.query)) == (URL(new).path, dict(URL(new).query))


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/watch", "/api/v1/namespaces/watch/pods", "/watch/a", "/apis/watch/v1/things",
        "/api/v1/watch/namespaces/a/pods/b/log",
    ],
)  # fmt: skip
def test_what_is_no_older_spelling_of_a_watch(path: str) -> None:
    assert older_watch(URL(path)) is None


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form()),
        ("*/*", Form()),
        ("*/*;as=Table;v=v1;g=meta.k8s.io", Form(kind="Table")),
        ("text/html, application/json;q=0", Form()),
        ("application/vnd.kubernetes.protobuf,application/json", Form()),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
         Form(kind="Table")),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Form()),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Form(kind="PartialObjectMetadataList")),
        ("application/json;q=0.5,application/yaml", Form("application/yaml")),
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
         Form(kind="APIGroupDiscoveryList")),
    ],
)  # fmt: skip
def test_the_first_acceptable_form_is_chosen(accept: str, form: Form) -> None:
    assert accepted(accept) == form
    assert negotiate({"Accept": accept}, {}) == form


def test_nothing_acceptable_is_refused() -> None:
    with pytest.raises(NotAcceptable, match="application/json, application/yaml"):
        accepted("text/html, application/vnd.kubernetes.protobuf")


@pytest.mark.parametrize(
    ("client", "asked", "pretty"),
    [
        ("kubectl/v1.36", None, False), ("kubectl/v1.36", "true", True), ("curl/8.5", None, True),
        ("curl/8.5", "", True), ("curl/8.5", "0", False), ("curl/8.5", "perhaps", False), ("Wget/1.21", None, True),
        ("Mozilla/5.0 (X11)", None, True), ("libcurl", None, False),
    ],
)  # fmt: skip
def test_people_read_on_several_lines(client: str, asked: str | None, pretty: bool) -> None:
    form = negotiate({"User-Agent": client}, {} if asked is None else {"pretty": asked})
    assert form == Form(pretty=pretty)
    assert Form(kind="Table", pretty=pretty).plain == form


def test_delete_options_come_from_query_or_body_and_the_body_wins() -> None:
    query = {"gracePeriodSeconds": "5", "propagationPolicy": "Orphan", "dryRun": "All"}
    assert DeleteOptions.parse(query, {}) == DeleteOptions(5, "Orphan", dry_run=True)
    body = {"gracePeriodSeconds": 7, "propagationPolicy": "Foreground",
            "preconditions": {"uid": "u", "resourceVersion": "4"}}  # fmt: skip
    assert DeleteOptions.parse(query, body) == DeleteOptions(7, "Foreground", "u", "4", dry_run=True)
    assert DeleteOptions.parse({}, {"gracePeriodSeconds": -1}).grace_period == 1
    assert DeleteOptions.parse({}, {"orphanDependents": True}).propagation == "Orphan"


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        ({"propagationPolicy": "Sideways"}, {}, 'Unsupported value: "Sideways"'),
        ({"propagationPolicy": "Orphan", "orphanDependents": "true"}, {}, "cannot be both set"),
        ({"dryRun": "Some"}, {}, r'Unsupported value: \["Some"\]'),
    ],
)
def test_wrong_delete_options_are_refused(query: dict[str, str], body: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        DeleteOptions.parse(query, body)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"resourceVersionMatch": "Exact"}, "forbidden unless resourceVersion is provided"),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 'forbidden for resourceVersion "0"'),
        ({"resourceVersionMatch": "Roughly", "resourceVersion": "5"}, 'Unsupported value: "Roughly"'),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "5", "continue": "x"}, "when continue is provided"),
        ({"watch": "1", "sendInitialEvents": "1"}, "requires setting resourceVersionMatch to NotOlderThan"),
        ({"watch": "1", "resourceVersionMatch": "NotOlderThan"}, "unless sendInitialEvents is provided"),
        ({"sendInitialEvents": "1"}, "forbidden for list"),
    ],
)
def test_list_options_that_do_not_go_together_are_refused(query: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        ListOptions.parse(query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"force": "true"}, "force: Forbidden: may not be specified for non-apply patch"),
        (
            {"fieldValidation": "Some"},
            'fieldValidation: Unsupported value: "Some": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        ({"fieldManager": "x" * 129}, "fieldManager: Too long: may not be more than 128 bytes"),
        ({"dryRun": "None"}, 'dryRun: Unsupported value: ["None"]: supported values: "All"'),
    ],
)
def test_options_of_a_write_are_refused_under_their_own_name(query: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        WriteOptions.parse(query, kind="PatchOptions", applies=False)
    assert str(caught.value) == f'PatchOptions.meta.k8s.io "" is invalid: {message}'


def test_dry_run_is_all_or_nothing() -> None:
    assert WriteOptions.parse({"dryRun": "All", "fieldManager": "me", "force": "true"}) == WriteOptions(
        True, "me", True
    )


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ({"tailLines": "-1"}, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ({"limitBytes": "0"}, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": "0"}, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": "-5"}, "sinceSeconds: Invalid value: -5: must be greater than 0"),
    ],
)
def test_wrong_options_of_logs(query: dict[str, str], cause: str) -> None:
    with pytest.raises(Invalid) as caught:
        log_params(query, "p", NOW)
    assert [f"{found.field}: {found.message}" for found in caught.value.causes] == [cause]


def test_logs_may_be_asked_for_from_before_there_were_any() -> None:
    assert log_params({"sinceSeconds": "9" * 15, "tailLines": "0"}, "p", NOW)["since"].startswith("199")


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ({"fieldManager": "a\nb"}, 'fieldManager: Invalid value: "a\\nb": invalid character U+000A (at position 1)'),
        ({"dryRun": "Some"}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
    ],
)
def test_wrong_options_of_writes(query: dict[str, str], cause: str) -> None:
    with pytest.raises(Invalid) as caught:
        WriteOptions.parse(query)
    assert [f"{found.field}: {found.message}" for found in caught.value.causes] == [cause]


def test_a_deletion_says_once_what_becomes_of_dependents() -> None:
    both = {"orphanDependents": True, "propagationPolicy": "Orphan"}
    with pytest.raises(Invalid, match='propagationPolicy: Invalid value: "Orphan": orphanDependents and'):
        DeleteOptions.parse({}, both)
