"""TCP connections made inside a pod's network, where its programs say localhost.

A thread may enter another network namespace, and sockets belong to the one that they were made in. So each connection
is made by a thread of its own that ends afterwards: a thread of a pool would stay in the pod's network, and the event
loop's thread must never go there.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

CLONE_NEWNET = 0x40000000  # linux/sched.h
LOOPBACK = ("127.0.0.1", "::1")  # in kubelet's order


async def connect(
    namespace: str, addresses: Sequence[str], port: int, seconds: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that takes it, as seen from the network `namespace` (a path; empty: the agent's
    own). `seconds` is the limit for each. OSError says what each of them said."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[socket.socket] = loop.create_future()

    def work() -> None:
        try:
            found: socket.socket | OSError = _connect(namespace, addresses, port, seconds)
        except OSError as error:
            found = error
        loop.call_soon_threadsafe(_hand_over, made, found)

    threading.Thread(target=work, name=f"netns-{port}", daemon=True).start()
    return await asyncio.open_connection(sock=await made)


def _hand_over(made: asyncio.Future[socket.socket], found: socket.socket | OSError) -> None:
    if isinstance(found, OSError):
        if not made.done():
            made.set_exception(found)
    elif made.done():  # nobody waits any more
        found.close()
    else:
        made.set_result(found)


def _connect(namespace: str, addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    if namespace:
        _enter(namespace)
    problems = []
    for address in addresses:
        try:
            made = socket.create_connection((address, port), seconds)
        except OSError as error:
            problems.append(f"{address}: {error.strerror or error}")
        else:
            made.setblocking(False)
            return made
    raise ConnectionRefusedError(f"nothing takes a connection to port {port}: {'; '.join(problems)}")


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(Path(namespace), os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"the network of the pod cannot be entered: {os.strerror(code)}")
    finally:
        os.close(descriptor)
