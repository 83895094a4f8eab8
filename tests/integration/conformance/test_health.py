"""The version, health and figures of the API server, as programs ask for them."""

from __future__ import annotations

import re

import pytest

from .plane import Plane


def test_the_version_is_a_real_one(plane: Plane) -> None:
    found = plane.get("/version")
    assert (found["major"], found["minor"]) == ("1", "36")
    assert found["gitVersion"] == "v1.36.0"
    assert len(found["gitCommit"]) == 40
    assert (found["emulationMinor"], found["minCompatibilityMinor"]) == ("36", "35")
    assert found["gitTreeState"] == "archive"
    assert found["platform"].startswith("linux/")
    assert found["buildDate"] > "2026"
    assert found["goVersion"]
    assert found["compiler"]
    assert plane.get("/version/") == found


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_told_in_parts(plane: Plane, path: str) -> None:
    assert plane.get(path) == "ok"
    lines = plane.get(f"{path}?verbose").splitlines()
    assert lines[0] == "[+]ping ok"
    assert all(line.startswith("[+]") and line.endswith(" ok") for line in lines[:-1])
    assert lines[-1] == f"{path.strip('/')} check passed"
    for line in lines[:-1]:
        assert plane.get(f"{path}/{line.removeprefix('[+]').removesuffix(' ok')}") == "ok"
    spared = plane.get(f"{path}?verbose&exclude=ping").splitlines()
    assert spared[0] == "[+]ping excluded: ok"
    wrong = plane.get(f"{path}?verbose&exclude=nothing").splitlines()
    assert wrong[-2] == 'warn: some health checks cannot be excluded: no matches for "nothing"'
    assert plane.get(f"{path}/nothing", 404)["reason"] == "NotFound"


def test_requests_and_objects_are_counted_under_known_names(plane: Plane, space: str) -> None:
    plane.create(f"{space}/configmaps", {"metadata": {"name": "a"}})
    plane.get("/apis/example.com/v1/namespaces/x/nonsense", 404)
    text = plane.get("/metrics")
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \S+ .+|[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.e+-]+', line), line
    asked = 'resource="configmaps",scope="namespace",subresource="",verb="POST",version="v1"}'
    counter = 'apiserver_request_total{code="201",component="apiserver",dry_run="",group="",'
    histogram = 'apiserver_request_duration_seconds_count{component="apiserver",dry_run="",group="",'
    assert f"{counter}{asked} " in text
    assert f"{histogram}{asked} " in text
    assert 'apiserver_storage_objects{resource="configmaps"} ' in text
    assert 'apiserver_resource_objects{group="apps",resource="deployments"} ' in text
    assert 'apiserver_current_inflight_requests{request_kind="readOnly"} 1\n' in text  # this one
    assert "nonsense" not in text
    assert "example.com" not in text


def test_no_cache_keeps_what_was_for_one(plane: Plane) -> None:
    for path in ("/version", "/api/v1/namespaces/kube-system/secrets", "/api/v1/nothing"):
        assert plane.ask("GET", path).headers["Cache-Control"] == "no-cache, private"
    watch = plane.watch("/api/v1/namespaces/default/configmaps", timeoutSeconds=1)
    assert watch.headers["Cache-Control"] == "no-cache, private"
