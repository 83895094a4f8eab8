"""Network file systems: mounted once a node for all pods that use them, unmounted after the last.

sshfs keeps its mount over an outage of the server by itself (`reconnect`): requests fail after some seconds and work
again when the server is back, and containers keep what they have mounted.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Protocol

from common.files import write_atomic
from common.mounts import is_mounted

from .attachments import NFS, SSHFS, Attachment, Staged, VolumeFailure
from .commands import Tools
from .paths import safe_name

KERNEL_FILE_SYSTEMS = Path("/proc/filesystems")
MOUNT_SECONDS = 20.0
TOUCH_SECONDS = 10.0
REMOVE_SECONDS = 300.0
# A server that does not answer for 15 s is away: requests that wait for it fail then, instead of for ever.
_SSHFS_OPTIONS = (
    "reconnect", "ServerAliveInterval=5", "ServerAliveCountMax=3", "BatchMode=yes", "ConnectTimeout=8", "allow_other",
    "dcache_timeout=1", "attr_timeout=1", "entry_timeout=1",
)  # fmt: skip
_SERVER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(@[A-Za-z0-9\[][A-Za-z0-9_.:%\]-]*)?")
_SYSTEMD = Path("/run/systemd/system")  # there while systemd is the init
_KEY, _KNOWN_HOSTS = "ssh-privatekey", "known_hosts"


class TmpfsMounter(Protocol):
    def tmpfs(self, path: Path, size: int | None) -> None: ...

    def unmount(self, path: Path) -> None: ...


class NetworkMounts:
    """`folder` is the agent's; mounts are below `mounts`, keys to servers on a tmpfs at `keys`."""

    def __init__(self, folder: Path, mounter: TmpfsMounter, tools: Tools, kernel: Path = KERNEL_FILE_SYSTEMS) -> None:
        self._mounts = folder / "mounts"
        self._keys = folder / "keys"
        self._mounter = mounter
        self._tools = tools
        self._kernel = kernel

    def place(self, wanted: Attachment) -> Staged:
        mount = self._mounts / safe_name(wanted.key, "the volume's name")
        below = wanted.attributes.get("folder", "") if wanted.driver == SSHFS else ""
        source = mount / safe_name(below, "the volume's folder") if below else mount
        return Staged(
            wanted.volume, wanted.claim, wanted.driver, wanted.key, str(source), str(mount), wanted.read_only
        )  # fmt: skip

    async def stage(self, wanted: Attachment, staged: Staged) -> None:
        mount = Path(staged.mount)
        if await asyncio.to_thread(is_mounted, mount):
            await self._keep_or_drop(mount)
        if not await asyncio.to_thread(is_mounted, mount):
            await asyncio.to_thread(mount.mkdir, mode=0o700, parents=True, exist_ok=True)
            await (self._mount_nfs if wanted.driver == NFS else self._mount_sshfs)(wanted, mount)
        if staged.source != staged.mount:
            await self._tools.run("mkdir", "-p", "-m", "0777", "--", staged.source, seconds=TOUCH_SECONDS)

    async def _keep_or_drop(self, mount: Path) -> None:
        """A mount whose daemon died answers with an error at once and has to be made anew."""
        try:
            await self._tools.look(str(mount), TOUCH_SECONDS)
        except VolumeFailure as failure:
            if "not connected" not in str(failure):
                raise
            await asyncio.to_thread(self._mounter.unmount, mount)

    async def unstage(self, staged: Staged) -> None:
        """Also while the server is away: the mount point is free at once, the rest goes with the last user."""
        mount = Path(staged.mount)
        if await asyncio.to_thread(is_mounted, mount):
            await asyncio.to_thread(self._mounter.unmount, mount)
        await asyncio.to_thread(self._forget, mount)

    def _forget(self, mount: Path) -> None:
        if mount.is_dir():
            mount.rmdir()
        for path in (self._keys / mount.name, self._keys / f"{mount.name}.hosts"):
            path.unlink(missing_ok=True)

    async def destroy(self, wanted: Attachment) -> None:
        """Remove the volume's folder on the server; a volume that is a whole server folder stays."""
        if wanted.driver != SSHFS or not wanted.attributes.get("folder"):
            return
        staged = self.place(wanted)
        try:
            await self.stage(wanted, staged)
            await self._tools.run("rm", "-rf", "--one-file-system", "--", staged.source, seconds=REMOVE_SECONDS)
        finally:
            await self.unstage(staged)

    async def _mount_nfs(self, wanted: Attachment, mount: Path) -> None:
        known = await asyncio.to_thread(self._kernel.read_text)
        if not re.search(r"\bnfs4?$", known, re.MULTILINE):
            raise VolumeFailure("this node's kernel has no NFS client (no nfs in /proc/filesystems): load its module")
        options = ",".join([*wanted.options, *(["ro"] if wanted.read_only else [])])
        where = f"{wanted.attributes['server']}:{wanted.attributes['path']}"
        command = ["mount", "-t", "nfs", *(["-o", options] if options else []), "--", where, str(mount)]
        await self._tools.run(*command, seconds=MOUNT_SECONDS)

    async def _mount_sshfs(self, wanted: Attachment, mount: Path) -> None:
        server, path = wanted.attributes.get("server", ""), wanted.attributes.get("path", "")
        if not _SERVER.fullmatch(server):
            raise VolumeFailure(f"server {server!r} is not of the form HOST or USER@HOST")
        if not path.startswith("/"):
            raise VolumeFailure(f"path {path!r} is not absolute")
        options = [*_SSHFS_OPTIONS, *wanted.options, *await asyncio.to_thread(self._key_options, wanted)]
        if port := wanted.attributes.get("port"):
            if not port.isdecimal():
                raise VolumeFailure(f"port {port!r} is not a number")
            options.append(f"port={port}")
        command = ["sshfs", "-o", ",".join(options), "--", f"{server}:{path}", str(mount)]
        # A unit of its own, where units end everything that they began: the mount outlives the agent.
        if await asyncio.to_thread(_SYSTEMD.is_dir):
            command = ["systemd-run", "--quiet", "--scope", "--collect", "--", *command]
        await self._tools.run(*command, seconds=MOUNT_SECONDS)

    def _key_options(self, wanted: Attachment) -> list[str]:
        if _KEY not in wanted.secret:
            raise VolumeFailure(f"the volume's Secret has no {_KEY}")
        self._keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_mounted(self._keys):
            self._mounter.tmpfs(self._keys, None)
        key, hosts = self._keys / wanted.key, self._keys / f"{wanted.key}.hosts"
        content = wanted.secret[_KEY]
        write_atomic(key, content if content.endswith(b"\n") else content + b"\n")
        trusted = wanted.secret.get(_KNOWN_HOSTS)
        if trusted is not None:
            write_atomic(hosts, trusted)
        # Without known hosts the first key that the server shows is believed, and no other after it.
        strict = "accept-new" if trusted is None else "yes"
        known = self._known_hosts() if trusted is None else hosts
        return [f"IdentityFile={key}", f"UserKnownHostsFile={known}", f"StrictHostKeyChecking={strict}"]

    def _known_hosts(self) -> Path:
        path = self._mounts.parent / "known_hosts"
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        return path
