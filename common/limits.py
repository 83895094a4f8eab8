"""Limits that the system sets on a process, and that it sets itself."""

from __future__ import annotations

import ctypes
import gc
import resource
from asyncio import constants, sslproto

_TLS_BUFFER = 32 * 1024  # bytes: two records of TLS
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_LARGE = 512 * 1024  # bytes of a block that has pages of its own, which go back when it is freed
_TLS_UNSENT = 64  # KiB: as much as a connection without TLS takes before its writer has to wait


def allow_many_files() -> None:
    """Raise the number of open files to what the system allows: each node, watch and stream holds one or two, and
    the usual soft limit of 1024 would end with refused connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 1 << 20, hard))


def collect_rarely() -> None:
    """For a process that keeps many objects for as long as it lives: looking through all of them for garbage after
    each burst of new ones, as the default thresholds do, costs more than the work itself."""
    gc.set_threshold(50_000, 20, 50)


def collect_when_told() -> None:
    """For a process that must answer at once: the collector looks through what is young only, which takes about a
    millisecond. What stays is looked through when the process says so (`gc.collect`), at a moment of its choice."""
    gc.set_threshold(5_000, 5, 1_000_000)


def keep_small_buffers() -> None:
    """asyncio gives each TLS connection 256 KiB to read into, 50 MiB for the sessions of 200 nodes; what they carry is
    small, and what is large comes in more than one reading anyway. It also takes 512 KiB before who writes has to wait,
    and whatever was needed once for that stays with the connection."""
    sslproto.SSLProtocol.max_size = _TLS_BUFFER
    constants.FLOW_CONTROL_HIGH_WATER_SSL_WRITE = _TLS_UNSENT  # type: ignore[misc]


def keep_one_arena() -> None:
    """Have all threads take memory from one place, and let large blocks go at once. The C library keeps an arena for
    each thread, and after a block of 20 MB was freed once it keeps twice as much in each, for good: what a thread
    encoded and wrote would stay resident for as long as the process lives. To be called before there are threads; does
    nothing where there is no such library."""
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_M_ARENA_MAX, 1)
        option(_M_MMAP_THRESHOLD, _LARGE)
        option(_M_TRIM_THRESHOLD, _LARGE)


def give_back_memory() -> None:
    """Return to the system what the C library keeps of memory that was freed between what is still used. Takes some
    milliseconds, in which others wait for memory: for a thread, now and then. Does nothing where there is no such
    library."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
