"""What the host has for confining containers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from common.api.meta import Object
from nodeagent.confinement import Confinement, of_host
from nodeagent.runtime.base import RuntimeFailure

OWN: Object = {"seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/own.json"}}


def pod(**context: object) -> Object:
    return {"metadata": {"name": "p"}, "spec": {"securityContext": context, "containers": []}}


def test_the_kernel_says_whether_apparmor_is_on(tmp_path: Path) -> None:
    switch = tmp_path / "enabled"
    assert not of_host(switch).apparmor
    switch.write_text("N\n")
    assert not of_host(switch).apparmor
    switch.write_text("Y\n")
    assert of_host(switch).apparmor


def test_a_profile_of_the_node_is_read_where_it_is_named(tmp_path: Path) -> None:
    host = Confinement(seccomp=tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/own.json").write_text("{}")
    assert host.seccomp_of(pod(), {"securityContext": OWN}) == "{}"
    assert host.seccomp_of(pod(**OWN), {}) == "{}"
    assert host.seccomp_of(pod(**OWN), {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}) == ""
    assert host.seccomp_of(pod(**OWN), {"securityContext": {"privileged": True}}) == ""
    assert host.seccomp_of(pod(), {}) == ""


@pytest.mark.parametrize(("content", "why"), [(None, "no such file or directory"), (b"\xff", "it is no text")])
def test_a_profile_that_cannot_be_read_is_not_left_out(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "profiles/own.json"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    message = f'cannot load seccomp profile "{path}": open {path}: {why}'
    with pytest.raises(RuntimeFailure, match=re.escape(message)) as caught:
        Confinement(seccomp=tmp_path).seccomp_of(pod(**OWN), {})
    assert caught.value.reason == "CreateContainerError"
