"""The agent's Unix socket `agent.sock`: for programs on this host, known by the credentials of the process.

Root, the agent's own user, the user behind sudo and members of the group `quarterdeck` may call; the others get 403.
The socket itself is open to all, so that they get that answer and not a riddle.
"""

from __future__ import annotations

import grp
import logging
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from .server import Handler

log = logging.getLogger(__name__)
GROUP = "quarterdeck"


@dataclass(frozen=True, slots=True)
class Peer:
    uid: int
    groups: frozenset[str]


def allowed(peer: Peer, own_uid: int, environment: Mapping[str, str]) -> bool:
    """Whether that process may command the agent of this host."""
    behind_sudo = environment.get("SUDO_UID", "")
    return peer.uid in {0, own_uid} or str(peer.uid) == behind_sudo or GROUP in peer.groups


class LocalSocket:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._app = web.Application()
        self._runner: web.AppRunner | None = None

    def add_route(self, method: str, path: str, handler: Handler) -> None:
        async def guarded(request: web.Request) -> web.StreamResponse:
            peer = _peer(request)
            if peer is None or not allowed(peer, os.getuid(), os.environ):
                raise web.HTTPForbidden(
                    text=f"only root, the agent's user, the user behind sudo and group {GROUP} may use this socket"
                )
            return await handler(request)

        self._app.router.add_route(method, path, guarded)

    async def start(self) -> None:
        """Listen. A socket that a killed agent left behind is replaced; the agent's own lock says who may."""
        self._path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._path.parent.chmod(0o711)  # every file in it has mode 0600, the socket must be reachable
        self._path.unlink(missing_ok=True)
        self._runner = web.AppRunner(self._app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self._path)).start()
        self._path.chmod(0o666)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._path.unlink(missing_ok=True)


def _peer(request: web.Request) -> Peer | None:
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is None:
        return None
    size = struct.calcsize("3i")
    _pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer(uid, _groups(uid, gid))


def _groups(uid: int, gid: int) -> frozenset[str]:
    try:
        numbers = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        numbers = [gid]  # a user without an entry, as in containers
    names = set()
    for number in numbers:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return frozenset(names)
