"""What the health paths answer when something is wrong, and that clients cannot make counters grow."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from common.errors import NotFound
from console.apiserver.health import Check, checks, overall, single
from console.apiserver.instruments import Asked, Instruments
from console.apiserver.requestinfo import parse_request
from console.apiserver.requestlabels import asked_of
from console.registry.catalog import default_registry

FULL = checks(store=lambda: "no space left on device", closing=lambda: True)


def test_a_failed_check_is_named_without_its_reason() -> None:
    found = overall(FULL, "/livez", {}, [])
    assert not found.healthy
    lines = found.text.splitlines()
    assert lines[:3] == ["[+]ping ok", "[+]log ok", "[-]etcd failed: reason withheld"]
    assert lines[-1] == "livez check failed"
    assert "no space left" not in found.text
    assert overall(FULL, "/livez", {}, ["etcd"]).text == "ok"


def test_a_server_that_closes_is_alive_and_not_ready() -> None:
    known = checks(store=str, closing=lambda: True)
    assert overall(known, "/livez", {}, []).text == "ok"
    ready = overall(known, "/readyz", {}, [])
    assert not ready.healthy
    assert "[-]shutdown failed: reason withheld" in ready.text


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_what_the_start_has_done_is_listed(path: str) -> None:
    lines = overall(checks(store=str, closing=lambda: False), path, {"verbose": ""}, []).text.splitlines()
    for name in (
        "generic-apiserver-start-informers", "crd-informer-synced", "scheduling/bootstrap-system-priority-classes",
        "priority-and-fairness-config-producer", "apiservice-registration-controller", "rbac/bootstrap-roles",
    ):  # fmt: skip
        assert f"[+]poststarthook/{name} ok" in lines
    assert "[+]autoregister-completion ok" in lines


def test_a_check_can_be_asked_for_alone() -> None:
    assert single(FULL, "/healthz/ping").text == "ok"
    assert single(FULL, "/livez/poststarthook/rbac/bootstrap-roles").healthy
    assert single(FULL, "/readyz/etcd").text == "internal server error: no space left on device\n"
    for path in ("/livez/shutdown", "/healthz/nothing"):
        with pytest.raises(NotFound):
            single([Check("ping")], path)


def test_labels_name_only_what_is_served() -> None:
    registry = default_registry()

    def labels(method: str, path: str) -> Asked:
        return asked_of(make_mocked_request(method, path), parse_request(method, path.partition("?")[0]), registry)

    pods = "/api/v1/namespaces/x/pods"
    assert labels("GET", f"{pods}?watch=1") == Asked("WATCH", "", "", "v1", "pods", "", "namespace")
    assert labels("POST", f"{pods}/a/exec") == Asked("CONNECT", "", "", "v1", "pods", "exec", "resource")
    assert labels("DELETE", f"{pods}?dryRun=All") == Asked("DELETECOLLECTION", "All", "", "v1", "pods", "", "namespace")
    assert labels("GET", f"{pods}/a/nonsense") == Asked("GET", "", "", "v1", "pods", "", "resource")
    assert labels("GET", "/apis/any/v1/thing") == Asked("GET")
    assert labels("BREW", "/any") == Asked("OTHER")


def test_durations_fall_into_their_buckets() -> None:
    counted = Instruments()
    for seconds in (0.001, 0.03, 99.0):
        counted.ended(Asked("GET"), 200, seconds)
    lines = [line for line in counted.lines() if line.startswith("apiserver_request_duration_seconds_bucket")]
    assert [line.rsplit(" ", 1)[1].strip() for line in lines[:3]] == ["1", "1", "2"]
    assert 'le="+Inf"' in lines[-1]
    assert lines[-1].endswith(" 3\n")
