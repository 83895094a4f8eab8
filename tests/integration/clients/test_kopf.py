"""kopf: retries and progress in the status, finalizers, timers, daemons, fields, indexes, and admission webhooks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.clock import SystemClock
from common.pki import Authority, Subject

from .server import Server, free_port, program

OPERATOR = Path(__file__).with_name("kopf_operator.py")
SECONDS = 60
Kubectl = Callable[..., str]


def _certificates(folder: Path) -> None:
    now = SystemClock().now()
    authority = Authority.create("webhooks", now)
    identity = authority.issue(Subject("webhooks", names=("127.0.0.1", "localhost"), server=True), now)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(identity.certificate_pem)
    (folder / "server.key").write_bytes(identity.key_pem)


@pytest.fixture
def kubectl(server: Server, space: str) -> Kubectl:
    return lambda *words: program(server.environment, "kubectl", "-n", space, *words).stdout


@pytest.fixture
def operator(server: Server, space: str, tmp_path: Path, kubectl: Kubectl) -> Iterator[Path]:
    """The operator, at work; the file of what it says."""
    _certificates(tmp_path)
    log = tmp_path / "kopf.log"
    more = {"CERTIFICATES": str(tmp_path), "WEBHOOK_PORT": str(free_port())}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", space, str(OPERATOR)],
            env={**server.environment, **more}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        kubectl(
            "wait", "--for=create", "mutatingwebhookconfigurations/kopf.clients.example.com", f"--timeout={SECONDS}s"
        )
        yield log
    finally:
        process.terminate()
        process.wait(30)
        print(log.read_text()[-4000:])
        for kind in ("mutating", "validating"):
            kubectl("delete", f"{kind}webhookconfigurations", "kopf.clients.example.com", "--ignore-not-found")


def _widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "clients.example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def _save(folder: Path, widget: dict[str, Any]) -> str:
    path = folder / f"{widget['metadata']['name']}.json"
    path.write_text(json.dumps(widget))
    return str(path)


def test_an_operator_keeps_what_it_does_in_the_status(operator: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    wait = ("wait", "widget/one", f"--timeout={SECONDS}s")
    kubectl("apply", "-f", _save(tmp_path, _widget("one", size=2)))
    kubectl(*wait, "--for=jsonpath={.status.made.retries}=1")
    kubectl(*wait, "--for=jsonpath={.status.ticks}=3")
    _until("its daemon", lambda: "the daemon of one runs" in operator.read_text())
    found = json.loads(kubectl("get", "widget", "one", "-o", "json"))
    assert found["spec"]["color"] == "blue"  # by the mutating webhook
    assert found["metadata"]["finalizers"] == ["clients.example.com/kopf"]
    kubectl("apply", "-f", _save(tmp_path, _widget("other", size=1, color="red")))
    kubectl("wait", "widget/other", f"--timeout={SECONDS}s", "--for=jsonpath={.status.made.size}=1")
    kubectl("scale", "widget/one", "--replicas=5")
    kubectl(*wait, "--for=jsonpath={.status.resized}=2 to 5")
    _until("its index", lambda: "other" in kubectl("get", "widget", "one", "-o", "jsonpath={.status.colors.red}"))
    kubectl("delete", "widget", "one", f"--timeout={SECONDS}s")
    _until("the end of its daemon", lambda: "the daemon of one ended" in operator.read_text())
    assert "one is cleaned up" in operator.read_text()
    assert "Cleaned" in kubectl("get", "events", "--field-selector=involvedObject.kind=Widget")


def test_an_operator_admits_and_refuses(
    operator: Path, server: Server, space: str, kubectl: Kubectl, tmp_path: Path
) -> None:
    words = ("kubectl", "-n", space, "create", "-f")
    refused = subprocess.run(
        [*words, _save(tmp_path, _widget("huge", size=101))],
        env=server.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "denied the request: too large for anybody" in refused.stderr
    warned = program(server.environment, *words, _save(tmp_path, _widget("large", size=51)))
    assert "Warning: this is a large one" in warned.stderr
    kubectl("delete", "widget", "large", f"--timeout={SECONDS}s")


def _until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.1)
