"""The network between the hosts: one bridge in a namespace of its own, with a port for each and one for the machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.lab.commands import reap, run, start, wait_until


class Switch:
    """`prefix` names what it makes on this machine; addresses are `<net4>.N` and `<net6>::N`, this machine is 254."""

    def __init__(self, folder: Path, prefix: str, net4: str, net6: str) -> None:
        self._pid_file = folder / "switch.pid"
        self.uplink = f"{prefix}0"
        self._net4 = net4
        self._net6 = net6

    @property
    def pid(self) -> int | None:
        """The process that keeps the namespace, when it lives."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if Path(f"/proc/{pid}").exists() else None

    def up(self) -> None:
        if self.pid is not None:
            return
        keeper = start(["unshare", "--net", "sleep", "infinity"])
        own = Path("/proc/self/ns/net").readlink()
        wait_until(lambda: _net_namespace(keeper.pid) not in {None, own}, "the switch's namespace", 5)
        self._pid_file.write_text(str(keeper.pid))
        self._inside("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        self._inside("ip", "link", "set", "br0", "up")
        run("ip", "link", "add", self.uplink, "type", "veth", "peer", "name", "uplink", "netns", str(keeper.pid))
        self._inside("ip", "link", "set", "uplink", "master", "br0", "up")
        run("ip", "addr", "add", f"{self._net4}.254/24", "dev", self.uplink)
        run("ip", "-6", "addr", "add", f"{self._net6}::254/64", "dev", self.uplink, "nodad")
        run("ip", "link", "set", self.uplink, "up")

    def attach(self, port: str, host_pid: int, number: int) -> None:
        """Give the host with that first process an `eth0` on the switch."""
        self._inside("ip", "link", "del", port, check=False)
        run("ip", "link", "add", port, "netns", str(self.pid), "type", "veth",
            "peer", "name", "eth0", "netns", str(host_pid))  # fmt: skip
        self._inside("ip", "link", "set", port, "master", "br0", "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("link", "set", "eth0", "address", f"02:77:00:00:00:{number:02x}"),
            ("addr", "add", f"{self._net4}.{number}/24", "dev", "eth0"),
            ("-6", "addr", "add", f"{self._net6}::{number}/64", "dev", "eth0", "nodad"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", f"{self._net4}.254"),
        ):
            run("nsenter", "-t", str(host_pid), "-n", "ip", *words)

    def cut_off(self, port: str) -> None:
        """Lose every frame of a port while its carrier stays up, as a failing switch does."""
        self._inside("ip", "link", "set", port, "nomaster")

    def reconnect(self, port: str) -> None:
        self._inside("ip", "link", "set", port, "master", "br0", "up")

    def down(self) -> None:
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not _alive(pid), "the switch to end", 5)
        run("ip", "link", "del", self.uplink, check=False)
        self._pid_file.unlink(missing_ok=True)

    def _inside(self, *command: str, check: bool = True) -> str:
        return run("nsenter", "-t", str(self.pid), "-n", *command, check=check)


def _net_namespace(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/net").readlink()
    except OSError:
        return None


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    reap()
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
