"""Contexts of kubeconfigs, as other people's clusters have them: authorities, none at all, programs that log in."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.client.contexts import endpoint_of
from common.client.endpoint import Endpoint
from common.client.kubeconfig import ConfigurationError
from common.client.resources import discover
from common.errors import NotFound, ServiceUnavailable

SERVER = {"server": "https://example.com:6443"}
V1 = "client.authentication.k8s.io/v1"


def endpoint(tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any]) -> Endpoint:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump({
        "clusters": [{"name": "c", "cluster": {**SERVER, **cluster}}], "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x",
    }))  # fmt: skip
    return endpoint_of(file)


def test_without_an_authority_the_system_s_count(tmp_path: Path) -> None:
    found = endpoint(tmp_path, {}, {"token": "t"})
    assert found.tls is not None
    assert (found.tls.verify_mode, found.tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert found.tls.minimum_version is ssl.TLSVersion.TLSv1_2


def test_nothing_is_checked_where_the_file_says_so_and_only_there(tmp_path: Path) -> None:
    found = endpoint(tmp_path, {"insecure-skip-tls-verify": True}, {"token": "t"})
    assert found.tls is not None
    assert (found.tls.verify_mode, found.tls.check_hostname) == (ssl.CERT_NONE, False)
    for other in ("true", 1, False):
        checked = endpoint(tmp_path, {"insecure-skip-tls-verify": other}, {"token": "t"})
        assert checked.tls is not None
        assert checked.tls.verify_mode is ssl.CERT_REQUIRED


def program(text: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": V1, "command": sys.executable, "args": ["-c", text], **more}}


def test_a_program_gives_a_token_and_is_told_what_is_wanted(tmp_path: Path) -> None:
    text = (
        "import os, json; info = json.loads(os.environ['KUBERNETES_EXEC_INFO']);"
        "print(json.dumps({'status': {'token': os.environ['PROFILE'] + info['apiVersion'][-3:]}}))"
    )
    found = endpoint(tmp_path, {}, program(text, env=[{"name": "PROFILE", "value": "dev"}]))
    assert found.token == "dev/v1"
    assert "dev" not in repr(found)


@pytest.mark.parametrize(
    ("cluster", "user", "said"),
    [
        ({"proxy-url": "socks5://example.com"}, {}, "neither http:// nor https://"),
        ({"proxy-url": "http://[example"}, {}, "neither http:// nor https://"),
        ({"server": "https://[example"}, {}, "is no https:// address"),
        ({}, {"token": "", "exec": {"apiVersion": V1, "command": ["/bin/login"]}}, "exec names the program"),
        ({}, {"token": "first\nsecond"}, "the token is no text of one line"),
        ({}, {"as": "jane\r\nX-Other: 1"}, "must be texts of one line"),
        ({}, {"as-groups": ["system:masters"]}, "as-uid, as-groups and as-user-extra need as"),
        ({}, {"as": "jane", "as-groups": "devs"}, "as-groups must be a list"),
        ({}, {"as": "jane", "as-user-extra": ["a"]}, "as-user-extra lists of values by name"),
    ],
)
def test_a_way_or_a_role_that_cannot_be_had_is_refused(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        endpoint(tmp_path, cluster, {"token": "t", **user})


def test_a_token_that_may_change_is_asked_for_anew(tmp_path: Path) -> None:
    told = tmp_path / "token"
    told.write_text("first\n")
    text = f"import json; print(json.dumps({{'status': {{'token': open({str(told)!r}).read().strip()}}}}))"
    for user in ({"tokenFile": "token"}, program(text)):
        told.write_text("first\n")
        found = endpoint(tmp_path, {}, user)
        assert found.renew is not None
        told.write_text("second\n")
        assert (found.token, found.renew()) == ("first", "second")
        told.unlink()
        assert found.renew() == ""
    assert endpoint(tmp_path, {}, {"token": "t"}).renew is None


def test_a_program_may_be_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = tmp_path / "bin" / "login"
    login.parent.mkdir()
    login.write_text("""#!/bin/sh\necho '{"status": {"token": "t"}}'\n""")
    login.chmod(0o755)
    user = {"exec": {"apiVersion": V1, "command": "./bin/login"}}
    assert endpoint(tmp_path, {}, user).token == "t"
    monkeypatch.chdir(login.parent)
    user["exec"]["command"] = "./login"
    assert endpoint(Path(), {}, user).token == "t"


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (program("import sys; sys.exit('please log in first')"), "ended with 1: please log in first"),
        (program("print('hello')"), "printed no ExecCredential"),
        (program("print('{\"status\": {}}')"), "gave neither a token nor a certificate"),
        ({"exec": {"apiVersion": V1, "command": "no-such-login", "installHint": "apt install it"}},
         "'no-such-login', which is not there: apt install it"),
        ({"exec": {"apiVersion": "v1alpha1", "command": "x"}}, "apiVersion 'v1alpha1'; known are"),
        (program("", env=["PROFILE=dev"]), "env a list of names with values"),
        (program("", args="login"), "args must be a list of texts"),
        (program("import sys; sys.stdout.buffer.write(bytes([255]))"), "gave no credential"),
        ({}, "neither client-certificate-data nor client-certificate"),
    ],
)  # fmt: skip
def test_what_gives_no_credential_says_why(tmp_path: Path, user: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=str(tmp_path / "config")) as refused:
        endpoint(tmp_path, {}, user)
    assert said in str(refused.value)


# What such clusters serve


def resources(*names: str, **more: Any) -> dict[str, Any]:
    return {"resources": [{"name": name, "kind": name.split("/")[0].title(), "namespaced": True,
                           "verbs": ["list", "watch"], **more} for name in names]}  # fmt: skip


async def test_discovery_of_a_server_that_knows_no_single_document() -> None:
    answers = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": [
            {"name": "batch", "versions": [{"version": "v1beta1"}, {"version": "v1"}],
             "preferredVersion": {"version": "v1"}},
            {"name": "away.example.com", "versions": [{"version": "v1"}]},
        ]},
        "/api/v1": resources("pods", "pods/log", "pods/exec", shortNames=["po"]),
        "/apis/batch/v1": resources("jobs"),
        "/apis/batch/v1beta1": resources("cronjobs"),
    }  # fmt: skip

    async def ask(path: str, accept: str) -> Any:
        if path == "/apis/away.example.com/v1":
            raise ServiceUnavailable("the server is currently unable to handle the request")
        return answers[path]

    found = await discover(ask)
    assert [(item.resource.path("ns"), sorted(item.subresources), item.short_names) for item in found] == [
        ("/api/v1/namespaces/ns/pods", ["exec", "log"], ("po",)),
        ("/apis/batch/v1/namespaces/ns/jobs", [], ()),
        ("/apis/batch/v1beta1/namespaces/ns/cronjobs", [], ()),
    ]


async def test_a_server_that_refuses_discovery_is_no_empty_cluster() -> None:
    async def ask(path: str, accept: str) -> Any:
        raise NotFound("the server could not find the requested resource")

    with pytest.raises(NotFound):
        await discover(ask)
