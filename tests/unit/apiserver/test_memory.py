"""What one more pod costs the control plane in memory: packed bytes, one decoded object, and little else.

Traced allocations, not the size of the process, so that the figure hardly depends on the machine. The bounds are a good
third more than what is measured: they are there for what costs half as much again, such as a second decoded copy, bytes
that are not packed, or room left behind them.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from common.api.kinds import EVENTS, PODS
from common.api.meta import Object
from common.client import Client, SharedInformers
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import open_store

COUNT = 300
AT_ONCE = 50
POD_BYTES, EVENT_BYTES = 2_600, 1_600  # each
TABLE_BYTES = 64 * 1024  # of a block that is no object's
FRESH = 8  # events that watchers still have to see: what is measured is what stays


def pod(index: int) -> Object:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    container = {"name": "main", "image": "web:1", "ports": [{"containerPort": 8080}], "readinessProbe": probe}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
    metadata = {"name": f"web-{index:05}", "namespace": "default", "labels": {"app": "web"}, "ownerReferences": [owner]}
    return {"metadata": metadata, "spec": {"containers": [container]}}


def event(index: int) -> Object:
    about = {"kind": "Pod", "apiVersion": "v1", "namespace": "default", "name": f"web-{index:05}", "uid": "u"}
    metadata = {"name": f"web-{index:05}.1", "namespace": "default"}
    return {"metadata": metadata, "involvedObject": about, "reason": "Started", "message": "Started container main"}


async def grown(client: Client, make: Callable[[int], Object], resource: object) -> float:
    """Bytes for each of COUNT objects more."""

    async def create(first: int, count: int) -> None:
        for start in range(first, first + count, AT_ONCE):
            await asyncio.gather(*(client.create(resource, make(index)) for index in range(start, start + AT_ONCE)))  # type: ignore[arg-type]
        gc.collect()

    await create(0, AT_ONCE)  # what is made once, for all of them
    tracemalloc.start()
    try:
        await create(AT_ONCE, COUNT)
        return kept() / COUNT
    finally:
        tracemalloc.stop()


def kept() -> int:
    """Bytes that were taken since the tracing began, and not given back. Tables of the whole process do not count: that
    of interned texts takes megabytes at once when it is full, which has to do with all that ran before."""
    return sum(trace.size for trace in tracemalloc.take_snapshot().traces if trace.size < TABLE_BYTES)


async def test_an_object_more_costs_its_packed_bytes_and_little_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.store.table.FRESH", FRESH)
    registry, clock = default_registry(), SystemClock()
    archived = frozenset(row.resource.group_resource for row in registry.rows() if row.archived)
    store = await open_store(tmp_path / "store.db", archived=archived)
    server = ApiServer(store, registry, clock, ClusterConfig())
    await server.start(tmp_path / "api.sock")
    client = server.local_client("system:kube-controller-manager")
    mirrors = SharedInformers(client, clock)
    mirrored = mirrors.get(PODS)
    mirrors.start()
    await mirrored.synced.wait()
    try:
        of_pod = await grown(client, pod, PODS)
        of_event = await grown(client, event, EVENTS)
        # One decoded object, whoever reads it.
        assert len(mirrored) == COUNT + AT_ONCE
        assert all(obj is store.entries("pods")[place].obj for place, obj in enumerate(mirrored.items()))
    finally:
        await mirrors.close()
        await server.close()
        await store.close()
    assert 1000 < of_pod < POD_BYTES
    assert 500 < of_event < EVENT_BYTES
