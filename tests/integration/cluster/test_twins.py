"""Every screen of the console has a command that prints the same, as one JSON document for programs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from common.api.kinds import DEPLOYMENTS, SECRETS, SERVICES
from console.tui.actions import Where
from tests.fakes.objects import deployment

from .conftest import Cluster, eventually

QUARTERDECK = Path(sys.executable).with_name("quarterdeck")
MANIFEST = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"
)
TWINS: dict[Where, tuple[str, ...]] = {
    Where.TABLE: ("get pods -A", "get hosts", "discover", "history"),
    Where.TEXT: ("get deploy/web",),
    Where.ROLLOUT: ("rollout status deploy/web", "rollout history deploy/web"),
    Where.WHY: ("why POD",),
    Where.TIMELINE: ("timeline",),
    Where.TOPOLOGY: ("topo",),
    Where.FIT: ("fit nginx cpu=100m mem=64Mi x3",),
    Where.PULSES: ("pulses", "pulses --since 2h"),
    Where.BALANCER: ("lb",),
    Where.DRAIN: ("drain steady --dry-run",),
    Where.KEYS: ("secret get keys",),
    Where.DOCTOR: ("doctor",),
    Where.CHART: ("top nodes --since 1h", "top nodes", "top pods -A"),
    Where.XRAY: ("xray deploy",),
    Where.MANIFESTS: ("apply --dry-run -f MANIFEST",),
}
OF_THE_CONSOLE = {
    Where.FORWARDS: "forwards live in the process that made them: `quarterdeck port-forward` tells its own",
    Where.CLUSTERS: "the contexts of a kubeconfig, which `kubectl config get-contexts` prints",
    Where.THEMES: "how this console looks",
    Where.LOGS: "`quarterdeck logs -o json` prints a document a line: tests/integration/cli/test_logs.py",
}
"""Screens about the console itself, and one whose twin is tested with an agent that has logs."""


def test_every_screen_has_one() -> None:
    assert set(TWINS) | set(OF_THE_CONSOLE) == set(Where)
    assert not set(TWINS) & set(OF_THE_CONSOLE)


async def run(home: Path, *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        str(QUARTERDECK), *words, env={**os.environ, "QUARTERDECK_HOME": str(home)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_each_prints_one_document(cluster: Cluster) -> None:
    await cluster.node("steady")
    await cluster.api.create(DEPLOYMENTS, deployment("web", 2), "default")
    await cluster.api.create(SECRETS, {"metadata": {"name": "keys"}, "stringData": {"user": "anna"}}, "default")
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    await cluster.api.create(SERVICES, service, "default")

    async def placed() -> bool:
        found = await cluster.pods()
        return len(found) == 2 and all(pod["spec"].get("nodeName") for pod in found)

    await eventually(placed, "two pods on the node")
    manifest = cluster.folder / "two.yaml"
    await asyncio.to_thread(manifest.write_text, MANIFEST)
    names = {"POD": (await cluster.pods())[0]["metadata"]["name"], "MANIFEST": str(manifest)}
    seats = asyncio.Semaphore(4)

    async def answer(text: str) -> tuple[int, str, str]:
        words = [names.get(word, word) for word in text.split()]
        async with seats:
            return await run(cluster.home.path, *words, "-o", "json")

    asked = [text for texts in TWINS.values() for text in texts]
    for text, (code, out, err) in zip(asked, await asyncio.gather(*map(answer, asked)), strict=True):
        allowed = {0, 1} if text == "doctor" else {0}  # 1: it found something
        assert code in allowed, f"{text}: {code} {err}"
        assert isinstance(json.loads(out), dict | list), text
