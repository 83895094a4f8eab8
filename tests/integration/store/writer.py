"""Writes to a store for as long as it lives and prints each acknowledged write; killed by the test that started it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from console.store import Store, open_store

HOSTS = "hosts.quarterdeck.io"


async def _write(store: Store, resource: str, name: str) -> None:
    count = 0
    while True:
        count += 1
        based_on = store.newest(resource, "default", name)
        obj = {"metadata": {"name": name, "namespace": "default"}, "count": count}
        if based_on is not None and count % 10 == 0:
            entry = await store.delete(resource, based_on)
            count_after = 0
        else:
            entry = await store.put(resource, "default", name, obj, based_on)
            count_after = count
        sys.stdout.write(f"{resource} {name} {entry.revision} {count_after}\n")
        sys.stdout.flush()


async def main(path: Path) -> None:
    store = await open_store(path, frozenset({HOSTS}))
    await asyncio.gather(*(_write(store, "pods", f"pod-{index}") for index in range(20)), _write(store, HOSTS, "host"))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
