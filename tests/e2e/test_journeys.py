"""The ten main journeys by keys alone, counted: docs/journeys.md says how many each takes, and this test that it is so.

One terminal of 80x24, one shell in it, the real console on real hosts.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.cluster import BIN, CODE, Cluster
from tests.e2e.terminal import Terminal
from tests.lab.host import REPOSITORY, Host

PAGE = REPOSITORY / "docs" / "journeys.md"
ROW = re.compile(r"^\| (?P<name>[^|]+?) \| (?P<keys>[^|]+?) \| (?P<count>\d+) \|", re.MULTILINE)
CANCEL = r"▌\[ Cancel \]"


class Counted:
    """Fingers that count: each key that is pressed and each letter that is typed is one."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.keys = 0

    def press(self, *keys: str) -> None:
        self.keys += len(keys)
        self._terminal.press(*keys)

    def type(self, text: str) -> None:
        self.keys += len(text)
        self._terminal.type(text)

    def line(self, text: str) -> None:
        self.type(text)
        self.press("Enter")

    def until_on(self, name: str) -> None:
        """Move the cursor to the row of that name, at no one's cost: how many others stand there is chance."""
        self._terminal.moves_to(f"{name} ")

    def shows(self, *patterns: str) -> str:
        return self._terminal.shows(*patterns)


def promised() -> dict[str, int]:
    """How many keys the page says that each journey takes."""
    return {found["name"]: int(found["count"]) for found in ROW.finditer(PAGE.read_text())}


@pytest.fixture
def prepared(cluster: Cluster, space: str, tmp_path: Path) -> Iterator[tuple[str, Host]]:
    """A namespace with a Secret and a pod that no node has room for, web.yaml in the folder, and a host to adopt."""
    container = {"name": "app", "image": "app", "resources": {"requests": {"cpu": "900"}}}
    hungry = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hungry", "namespace": space},
              "spec": {"containers": [container]}}  # fmt: skip
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web-login", "namespace": space},
              "stringData": {"password": "before"}}  # fmt: skip
    cluster.apply(hungry, secret)
    (tmp_path / "web.yaml").write_text(json.dumps(manifests.deployment("web", space, 2)))
    host = cluster.lab.hosts[-1]
    codes = len(CODE.findall(host.log("agent")))
    cluster.kubectl("delete", "node", host.name)
    cluster.wait(lambda: len(CODE.findall(host.log("agent"))) > codes, "another pairing code")
    cluster.wait_discovered(host)
    yield space, host
    if not cluster.kubectl("get", "node", host.name, "--ignore-not-found"):
        cluster.adopt(host)
    for node in cluster.lab.hosts:
        cluster.kubectl("uncordon", node.name)


def test_the_ten_journeys(cluster: Cluster, prepared: tuple[str, Host], tmp_path: Path) -> None:
    space, host = prepared
    shell = f"env PS1='$ ' PATH={shlex.quote(str(BIN))}:$PATH sh -c 'cd {shlex.quote(str(tmp_path))}; exec sh'"
    counts: dict[str, int] = {}
    with Terminal(tmp_path, shell, cluster.environment) as terminal:
        terminal.shows(r"^\$")
        Counted(terminal).line("quarterdeck; echo left with $?")
        terminal.shows("Pods · all", r"\d/\d nodes")
        for name, journey in JOURNEYS.items():
            fingers = Counted(terminal)
            journey(fingers, cluster, space, host)
            counts[name] = fingers.keys
            Counted(terminal).line(":pods")  # back to where each begins, at no one's cost
            terminal.shows(r"^─Pods · all · \d+─", r"\d/\d nodes")
        terminal.press("C-q")
        terminal.shows("^left with 0$")
    assert counts == promised()


def deploy(fingers: Counted, cluster: Cluster, space: str, _host: Host) -> None:
    fingers.line(":dir")
    fingers.shows(r"^▌ ● create +Deployment .* web +web.yaml:1", r"^ \+ kind: Deployment")
    fingers.press("a")
    fingers.shows("create +deployment/web in", CANCEL)
    fingers.press("Tab", "Enter")
    fingers.shows("applied: web", r"✔ created +Deployment")
    cluster.wait_ready(space, 2, "app=web")


def adopt(fingers: Counted, cluster: Cluster, _space: str, host: Host) -> None:
    fingers.line(":discover")
    fingers.shows(rf"{host.name} +○ Discovered")
    fingers.line("/disc")
    fingers.shows("^─Hosts not adopted · [1-9].* · /disc─")
    fingers.until_on(host.name)
    fingers.press("a")
    fingers.shows("╭─ Adopt this host ─", "fingerprint")
    fingers.line(cluster.pairing_code(host))
    fingers.shows("3/3 nodes")


def why(fingers: Counted, _cluster: Cluster, _space: str, _host: Host) -> None:
    fingers.press("C-z")
    fingers.shows("faults only", r"^▌.*hungry .*Pending")
    fingers.press("W")
    fingers.shows("fits 0 of 3", "Insufficient cpu")


def scale(fingers: Counted, cluster: Cluster, space: str, _host: Host) -> None:
    _to_web(fingers, "dp", "Deployments")
    fingers.press("+")
    fingers.shows(r"web +3/3 ")
    cluster.wait_ready(space, 3, "app=web")


def roll_out_and_back(fingers: Counted, cluster: Cluster, space: str, _host: Host) -> None:
    _to_web(fingers, "dp", "Deployments")
    fingers.press("i")
    fingers.shows("╭─ Set image ─", "Container web runs")
    fingers.press("BSpace", "2", "Enter")
    fingers.shows("rolls out")
    fingers.press("v")
    fingers.shows(r"Image +\S+:2", "● Complete", "New ready .* 3 of 3")
    fingers.press("C-l")
    fingers.shows("╭─ Roll back ─", r"▌ +\d+ +\S+:1")
    fingers.press("Enter")
    fingers.shows(r"Image +\S+:1", "● Complete", "New ready .* 3 of 3")
    cluster.wait_ready(space, 3, "app=web")


def edit_secret(fingers: Counted, cluster: Cluster, space: str, _host: Host) -> None:
    _to_web(fingers, "sec", "Secrets")
    fingers.press("e")
    fingers.shows(r"^▌ password +✔ as stored")
    fingers.press("Enter")
    fingers.shows("esc cancel")
    fingers.line("s3cret")
    fingers.shows("1 edit not applied")
    fingers.press("s")
    fingers.shows("╭─ Apply to web-login ─", CANCEL)
    fingers.press("Tab", "Enter")
    wanted = base64.b64encode(b"s3cret").decode()
    cluster.wait(lambda: cluster.get("secret", "web-login", space)["data"]["password"] == wanted, "the new password")
    fingers.shows("web-login: applied")


def drain(fingers: Counted, cluster: Cluster, _space: str, _host: Host) -> None:
    node = cluster.lab.hosts[0].name
    cluster.wait(lambda: not _leaving(cluster, node), f"pods of old versions to leave {node}")
    staying = len(_pods_on(cluster, node))
    fingers.line(":no")
    fingers.shows("^─Nodes · 3─", rf"^▌ {node} ")
    fingers.press("r")
    fingers.shows(f"{staying or 'nothing'} to evict")
    fingers.press("Enter")
    cluster.wait(lambda: not _pods_on(cluster, node), f"{node} to be empty")
    fingers.shows(" drained: ")


def read_logs(fingers: Counted, _cluster: Cluster, _space: str, _host: Host) -> None:
    _to_web(fingers, "po", "Pods")
    fingers.press("l")
    fingers.shows("^─Logs", "web-.* listens")


def open_shell(fingers: Counted, _cluster: Cluster, _space: str, _host: Host) -> None:
    _to_web(fingers, "po", "Pods")
    fingers.press("s")
    fingers.shows("~ #")
    fingers.line("hostname")
    fingers.shows(r"^web-\S+$")
    fingers.press("C-d")
    fingers.shows("^─Pods · all")


def undo_delete(fingers: Counted, cluster: Cluster, space: str, _host: Host) -> None:
    _to_web(fingers, "dp", "Deployments")
    fingers.press("C-d")
    fingers.shows("╭─ Delete deployment ─", CANCEL)
    fingers.press("Tab", "Enter")
    fingers.shows("deleted: web")
    fingers.line(":history")
    fingers.shows("^─Changes", "^▌.*delete.*deployment/web")
    fingers.press("U")
    fingers.shows("It is created again", CANCEL)
    fingers.press("Tab", "Enter")
    fingers.shows("undone")
    cluster.wait_ready(space, 3, "app=web")


def _to_web(fingers: Counted, word: str, heading: str) -> None:
    """What is called web, of a kind; the page that was there before may show such a row too."""
    fingers.line(f":{word}")
    fingers.type("/web")
    fingers.press("Enter")
    fingers.shows(rf"^─{heading} · all · [1-9].* · /web─", r"^▌.* web")


def _pods_on(cluster: Cluster, node: str) -> list[dict[str, Any]]:
    told = cluster.kubectl("get", "pods", "-A", "--field-selector", f"spec.nodeName={node}", "-o", "json")
    found: list[dict[str, Any]] = json.loads(told)["items"]
    return found


def _leaving(cluster: Cluster, node: str) -> list[dict[str, Any]]:
    return [pod for pod in _pods_on(cluster, node) if "deletionTimestamp" in pod["metadata"]]


JOURNEYS = {
    "deploy": deploy, "adopt a host": adopt, "find why a pod is pending": why, "scale": scale,
    "roll out and back": roll_out_and_back, "edit a secret": edit_secret, "drain a node": drain,
    "read logs": read_logs, "open a shell": open_shell, "undo a delete": undo_delete,
}  # fmt: skip
