"""Small objects and shorthands for tests of the store."""

from __future__ import annotations

from typing import Any

from console.store import Entry, Store


def pod(name: str, namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


async def put(store: Store, name: str, namespace: str = "default", resource: str = "pods", **spec: Any) -> Entry:
    newest = store.newest(resource, namespace, name)
    return await store.put(resource, namespace, name, pod(name, namespace, **spec), newest)


async def delete(store: Store, name: str, namespace: str = "default", resource: str = "pods") -> Entry:
    newest = store.newest(resource, namespace, name)
    assert newest is not None
    return await store.delete(resource, newest)


def names(entries: list[Entry]) -> list[str]:
    return [entry.key[1] for entry in entries]
