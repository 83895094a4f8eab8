"""Host files, pull secrets, pull policy, stream frames, the agent's lock and its command line."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import cast

import pytest

from common.clock import FakeClock
from nodeagent import cli, hosts
from nodeagent.images import Images
from nodeagent.lock import AgentLock, Locked
from nodeagent.pull_secrets import credentials, registry_of
from nodeagent.runtime.base import ImageInfo, Runtime, RuntimeFailure
from nodeagent.runtime.streams import Demultiplexer, exit_status
from nodeagent.state.events import ImageFailed, ImageReady

from .fakes import Objects, pod


def test_host_names() -> None:
    assert hosts.hostname(pod()) == "web-1"
    assert hosts.hostname(pod(hostname="own")) == "own"
    assert hosts.hostname(pod(hostname="own", hostnameOverride="over.all")) == "over.all"
    assert len(hosts.hostname({"metadata": {"name": "x" * 100}})) == 63


def test_a_pod_may_have_its_full_name_for_its_kernel() -> None:
    whole = pod(hostname="own", subdomain="sub", setHostnameAsFQDN=True)
    assert hosts.kernel_name(whole, "cluster.local") == "own.sub.default.svc.cluster.local"
    assert hosts.kernel_name(pod(hostname="own", subdomain="sub"), "cluster.local") == "own"
    assert hosts.kernel_name(pod(hostname="own", setHostnameAsFQDN=True), "cluster.local") == "own"
    with pytest.raises(ValueError, match=r"is too long \(64 characters is the max, 85 characters requested\)"):
        hosts.kernel_name(whole, "x" * 63 + ".y")
    assert hosts.full_name(pod(subdomain="db"), "cluster.local") == "web-1.db.default.svc.cluster.local"
    assert hosts.full_name(pod(), "cluster.local") == ""


def test_the_hosts_file() -> None:
    subject = pod(subdomain="db", hostAliases=[{"ip": "192.0.2.7", "hostnames": ["a", "b"]}])
    lines = hosts.hosts_file(subject, ("10.42.0.5",), "cluster.local").splitlines()
    assert "10.42.0.5\tweb-1.db.default.svc.cluster.local\tweb-1" in lines
    assert lines[-1] == "192.0.2.7\ta\tb"


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("web", "docker.io"), ("org/web:1", "docker.io"), ("localhost/web", "localhost"),
        ("registry.example:5000/web", "registry.example:5000"), ("registry.example/web@sha256:0", "registry.example"),
    ],
)  # fmt: skip
def test_registries(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def pull_secret(auths: object, key: str = ".dockerconfigjson") -> dict[str, object]:
    data = base64.b64encode(json.dumps(auths).encode()).decode()
    return {"kind": "Secret", "metadata": {"name": "pull", "namespace": "default"}, "data": {key: data}}


def test_credentials_for_a_registry() -> None:
    subject = pod(imagePullSecrets=[{"name": "absent"}, {"name": "pull"}])
    encoded = base64.b64encode(b"ann:hunter2").decode()
    lookup = Objects(secrets=[pull_secret({"auths": {"https://registry.example/v1/": {"auth": encoded}}})])
    assert credentials(subject, "registry.example/web", lookup) == {"username": "ann", "password": "hunter2"}
    assert credentials(subject, "other.example/web", lookup) is None
    old = Objects(secrets=[pull_secret({"index.docker.io": {"username": "b", "password": "c"}}, ".dockercfg")])
    assert credentials(subject, "web", old) == {"username": "b", "password": "c"}


@pytest.mark.parametrize(
    ("image", "user"),
    [
        ("registry.example/team/web", "team"),
        ("registry.example/other/web", "all"),
        ("registry.example:5000/team/web", "port"),
        ("eu.registry.example/web", "wild"),
        ("a.eu.registry.example/web", None),
        ("registry.example:5001/web", None),
    ],
)
def test_the_most_specific_credentials_count(image: str, user: str | None) -> None:
    servers = {"registry.example": "all", "registry.example/team": "team", "registry.example:5000": "port",
               "https://*.registry.example/v2/": "wild"}  # fmt: skip
    auths = {server: {"username": name, "password": "p"} for server, name in servers.items()}
    found = credentials(
        pod(imagePullSecrets=[{"name": "pull"}]), image, Objects(secrets=[pull_secret({"auths": auths})])
    )
    assert (found or {}).get("username") == user


@pytest.mark.parametrize("auths", [[], {"auths": 3}, {"auths": {"registry.example": {"auth": "%%%"}}}])
def test_a_broken_pull_secret_counts_as_none(auths: object) -> None:
    subject = pod(imagePullSecrets=[{"name": "pull"}])
    assert credentials(subject, "registry.example/web", Objects(secrets=[pull_secret(auths)])) is None


class Registry:
    """An engine with these images, which pulls these others."""

    def __init__(self, present: tuple[str, ...] = (), remote: tuple[str, ...] = ()) -> None:
        self.present = set(present)
        self.remote = remote
        self.pulls = 0

    async def find_image(self, image: str) -> ImageInfo | None:
        if "@@" in image:
            raise RuntimeFailure("InvalidImageName", "invalid reference format")
        return ImageInfo("sha256:1", (image,), 7) if image in self.present else None

    async def pull_image(self, image: str, auth: object) -> ImageInfo:
        self.pulls += 1
        if image not in self.remote:
            raise RuntimeFailure("ErrImagePull", "not found")
        self.present.add(image)
        return ImageInfo("sha256:1", (image,), 7)


@pytest.mark.parametrize(
    ("policy", "present", "remote", "outcome", "pulls"),
    [
        ("IfNotPresent", True, False, "ready", 0),
        ("IfNotPresent", False, True, "pulled", 1),
        ("IfNotPresent", False, False, "ErrImagePull", 1),
        ("Never", True, False, "ready", 0),
        ("Never", False, True, "ErrImageNeverPull", 0),
        ("Always", True, True, "pulled", 1),
        ("Always", True, False, "ErrImagePull", 1),
    ],
)
async def test_pull_policies(policy: str, present: bool, remote: bool, outcome: str, pulls: int) -> None:
    registry = Registry(("web:1",) * present, ("web:1",) * remote)
    images = Images(cast("Runtime", registry), Objects(), FakeClock())
    said: list[str] = []
    container = {"name": "web", "imagePullPolicy": policy}
    result = await images.ensure(pod(), container, "web:1", lambda: said.append("pulling"))
    assert registry.pulls == len(said) == pulls
    if isinstance(result, ImageFailed):
        assert result.reason == outcome
    else:
        assert isinstance(result, ImageReady)
        assert (result.pulled_seconds is not None) is (outcome == "pulled")


@pytest.mark.parametrize("policy", ["Always", "IfNotPresent", "Never"])
async def test_what_is_no_name_is_never_pulled(policy: str) -> None:
    registry = Registry()
    images = Images(cast("Runtime", registry), Objects(), FakeClock())
    result = await images.ensure(pod(), {"name": "web", "imagePullPolicy": policy}, "WEB@@", lambda: None)
    assert isinstance(result, ImageFailed)
    assert (result.reason, registry.pulls) == ("InvalidImageName", 0)


def test_frames_in_any_pieces() -> None:
    stream = b"\x01\0\0\0\0\0\0\x03out" + b"\x02\0\0\0\0\0\0\x03err" + b"\x01\0\0\0\0\0\0\0"
    splitter = Demultiplexer()
    found = [part for index in range(len(stream)) for part in splitter.feed(stream[index : index + 1])]
    assert found == [(1, b"out"), (2, b"err"), (1, b"")]
    assert exit_status(0) == {"metadata": {}, "status": "Success"}


def test_one_agent_a_folder(tmp_path: Path) -> None:
    with AgentLock(tmp_path), pytest.raises(Locked, match=r"process \d+"), AgentLock(tmp_path):
        pass
    with AgentLock(tmp_path):
        assert (tmp_path / "agent.lock").read_text().strip().isdecimal()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "--cpus", "none"], "'none' is not a positive number of cores"),
        (["run", "--memory", "1x"], "'1x' is not a quantity"),
        (["run", "--memory", "1Mi"], "less than 32Mi"),
        (["run", "--name", "Bad_Name"], "'Bad_Name' is not a node name"),
        (["run", "--listen", "host:0"], "the port '0'"),
        (["run", "--listen", "127.0.0.1:99999"], "99999"),
        (["run", "--max-pods", "-3"], "'-3' is not"),
        (["hollow", "0"], "'0' is not"),
        (["hollow", "2", "--delay", "-1"], "'-1' is not"),
        (["hollow"], "N"),
        ([], "COMMAND"),
    ],
)
def test_wrong_usage_is_explained(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def test_status_without_an_agent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--home", str(tmp_path)]) == 3
    assert "no agent runs here" in capsys.readouterr().err


def test_reset_asks_before_it_acts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reset", "--home", str(tmp_path)]) == 1
    assert "--yes" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(command in text for command in ("run", "status", "hollow", "reset"))
