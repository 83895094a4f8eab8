"""kubectl drain, which evicts, and kubectl attach and cp, which stream."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from common.api.kinds import PODS
from common.api.meta import is_deleting
from common.client.http import HttpClient
from common.errors import NotFound

from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl


async def _running(client: HttpClient, name: str) -> None:
    spec = {"containers": [{"name": "main", "image": "x"}]}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "u", "controller": True}
    metadata = {"name": name, "namespace": "default", "ownerReferences": [owner]}
    await client.create(PODS, {"metadata": metadata, "spec": spec})
    await client.post(PODS, name, "binding", {"target": {"name": "node-1"}}, "default")
    status = {"phase": "Running", "containerStatuses": [
        {"name": "main", "image": "x", "imageID": "", "ready": True, "restartCount": 0,
         "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}  # fmt: skip
    await client.patch(PODS, name, {"status": status}, "default", subresource="status")


async def test_drain_evicts_and_waits(kubectl: Kubectl, client: HttpClient) -> None:
    await kubectl("create", "-f", "-", stdin="apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n")
    await kubectl("create", "-f", "-", stdin=REPLICASET)
    await _running(client, "web-1")
    draining = await kubectl.start("drain", "node-1", "--timeout=30s")
    async with asyncio.timeout(60):
        while not is_deleting(await client.get(PODS, "web-1", "default")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await client.delete(PODS, "web-1", "default", grace_period_seconds=0)
    out, err = await draining.communicate()
    assert draining.returncode == 0, err
    assert b"node/node-1 drained" in out
    assert "SchedulingDisabled" in await kubectl("get", "node", "node-1")
    with pytest.raises(NotFound):
        await client.get(PODS, "web-1", "default")


async def test_cp_and_attach(kubectl: Kubectl, client: HttpClient, tmp_path: Path) -> None:
    await _running(client, "web-1")
    (tmp_path / "here").write_text("copied")
    await kubectl("cp", str(tmp_path / "here"), f"web-1:{tmp_path}/there")
    assert (tmp_path / "there").read_text() == "copied"
    await kubectl("cp", f"web-1:{tmp_path}/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "copied"
    assert "through attach" in await kubectl("attach", "-i", "web-1", stdin="through attach\n")


REPLICASET = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: x}]}
"""
