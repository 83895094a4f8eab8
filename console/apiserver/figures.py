"""What this process has and holds, for /metrics: objects, watches, memory, time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from common import settings
from common.build import architecture, this_build
from common.exposition import family
from console.store import Store


def figures(store: Store, watches: int) -> Iterator[str]:
    """`watches` are those that are open."""
    sizes = sorted(store.sizes().items())
    yield from family(
        "apiserver_storage_objects", "gauge",
        "Number of stored objects at the time of last check split by kind.",
        [({"resource": resource}, size) for resource, size in sizes],
    )  # fmt: skip
    yield from family(
        "apiserver_resource_objects", "gauge",
        "Number of stored objects at the time of last check split by kind.",
        [({"group": group, "resource": plural}, size) for (plural, _, group), size in _split(sizes)],
    )  # fmt: skip
    yield from family(
        "apiserver_longrunning_requests", "gauge", "Gauge of all active long-running apiserver requests.",
        [({"component": "apiserver", "verb": "WATCH"}, watches)],
    )  # fmt: skip
    build = {"git_version": settings.VERSION, "git_commit": this_build().digest, "platform": f"linux/{architecture()}"}
    yield from family("kubernetes_build_info", "gauge", "A metric with a constant '1' value.", [(build, 1)])
    yield from family(
        "quarterdeck_store_revision", "gauge", "The newest revision of the store.", [({}, store.revision)]
    )
    yield from _process()


def _split(sizes: list[tuple[str, int]]) -> Iterator[tuple[tuple[str, str, str], int]]:
    return ((resource.partition("."), size) for resource, size in sizes)


def _process() -> Iterator[str]:
    times = os.times()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    values = (
        ("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.",
         times.user + times.system),
        ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
         pages * os.sysconf("SC_PAGE_SIZE")),
        ("process_open_fds", "gauge", "Number of open file descriptors.", len(list(Path("/proc/self/fd").iterdir()))),
    )  # fmt: skip
    for name, kind, about, value in values:
        yield from family(name, kind, about, [({}, value)])
