"""One host of the lab: boot, run programs in it, cut it off, freeze it, kill it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.lab.cgroups import HostCgroups
from tests.lab.commands import LabError, reap, run, start, wait_until
from tests.lab.switch import Switch

REPOSITORY = Path(__file__).resolve().parents[2]
PATH = f"{REPOSITORY}/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_SECONDS = 20.0
ENGINE_SECONDS = 60.0  # a loaded machine with two cores starts three engines at once


class Host:
    """A host keeps its disk (`upper`, `data`) over `kill` and `start`, as a machine does over a power loss."""

    def __init__(self, lab: str, folder: Path, data: Path, switch: Switch, name: str, facts: Mapping[str, str]) -> None:
        self.name = name
        self.number = int(name.rpartition("-")[2].removeprefix("h"))
        self.folder = folder
        self.address = facts["net4"] + f".{self.number}"
        self.address6 = facts["net6"] + f"::{self.number}"
        self._facts = facts
        self._data = data
        self._switch = switch
        self._cgroups = HostCgroups(lab, name)
        self._port = f"port-{name}"
        self._lab = lab

    # -- life ------------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """The host's first process as this machine sees it; None when the host is down."""
        try:
            pid = int((self.folder / "init.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if Path(f"/proc/{pid}/ns/pid").exists() and _namespace(pid) is not None else None

    def boot(self, *, engine: bool = True) -> None:
        """Start namespaces, network, SSH server and (without waiting for it) the engine."""
        for path in (self.folder / "upper", self.folder / "work", self.folder / "root", self._data):
            path.mkdir(parents=True, exist_ok=True)
        self._cgroups.create()
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        log_path = self.folder / "init.log"
        with log_path.open("ab") as log:
            namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
            guest = [sys.executable, "-m", "tests.lab.guest", self._spec(ready)]
            command = ["unshare", *namespaces, "--fork", "--propagation", "private", *guest]
            parent = self._in_cgroups(command, log, cwd=REPOSITORY)
        try:
            wait_until(ready.exists, f"{self.name} to build its root", BOOT_SECONDS)
        except LabError as error:
            raise LabError(f"{error}: {log_path.read_text()[-2000:]}") from error
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        (self.folder / "init.pid").write_text(children[0])
        self._switch.attach(self._port, int(children[0]), self.number)
        self.run("sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -o PermitRootLogin=prohibit-password")
        if engine:
            self.start_engine()

    def _spec(self, ready: Path) -> str:
        machine = hashlib.sha256(f"{self._lab}/{self.name}".encode()).hexdigest()[:32]
        names = [f"{self._facts['net4']}.{n} h{n}\n{self._facts['net6']}::{n} h{n}" for n in range(1, 10)]
        return json.dumps({
            "name": self.name,
            "root": str(self.folder / "root"),
            "upper": str(self.folder / "upper"),
            "work": str(self.folder / "work"),
            "data": str(self._data),
            # The folder of all hosts is a mount of its own, which binding its parent does not bring along.
                "shared": [str(self.folder.parent.parent), str(self.folder.parent), str(REPOSITORY)],
            "ready": str(ready),
            "machine_id": machine,
            "hosts_file": "\n".join(["127.0.0.1 localhost", "::1 localhost ip6-localhost", *names, ""]),
            "resolv_conf": f"nameserver {self._facts['net4']}.254\noptions timeout:1 attempts:1\n",
            "authorized_key": self._facts["authorized_key"],
        })  # fmt: skip

    def kill(self) -> None:
        """Power loss: the kernel ends everything in the host at once."""
        pid = self.pid
        if pid is not None:
            self._cgroups.thaw()
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.pid is None, f"{self.name} to end", 15)
            reap()
        (self.folder / "init.pid").unlink(missing_ok=True)
        self._cgroups.remove()

    def erase(self) -> None:
        """Forget the disk of a host that is down."""
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- the engine ------------------------------------------------------------------------------------------------

    @property
    def engine_socket(self) -> Path:
        """The engine's socket, reachable from this machine too."""
        return self.folder / "docker.sock"

    def start_engine(self) -> None:
        self.engine_socket.unlink(missing_ok=True)
        self.spawn(
            "dockerd", "dockerd", "-H", "unix:///var/run/docker.sock", "-H", f"unix://{self.engine_socket}",
        )  # fmt: skip

    def stop_engine(self) -> None:
        """Stop the engine as a package upgrade does; its containers end with it."""
        self.run("sh", "-c", "kill $(cat /var/run/docker.pid)")
        pid_file = ("test", "-e", "/var/run/docker.pid")
        wait_until(lambda: self._fails(*pid_file), f"the engine of {self.name} to stop", 30)

    def _fails(self, *words: str) -> bool:
        return subprocess.run(self.command(words), check=False).returncode != 0

    def engine_answers(self) -> bool:
        url = ["http://engine/_ping"]
        probe = ["curl", "-fs", "--max-time", "2", "-o", "/dev/null", "--unix-socket", str(self.engine_socket), *url]
        return subprocess.run(probe, check=False).returncode == 0

    def wait_for_engine(self) -> None:
        try:
            wait_until(self.engine_answers, f"the engine of {self.name}", ENGINE_SECONDS, 0.1)
        except LabError as error:
            raise LabError(f"{error}: {(self.folder / 'dockerd.log').read_text()[-2000:]}") from error

    # -- programs in the host --------------------------------------------------------------------------------------

    def command(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """The command that runs `words` in the host as root, outside its cgroups."""
        pid = self.pid
        if pid is None:
            raise LabError(f"{self.name} is down")
        variables = {
            "HOME": "/root",
            "USER": "root",
            "PATH": PATH,
            "HOSTNAME": self.name,
            "TERM": "dumb",
            "LANG": "C.UTF-8",
        }
        settings = [f"{key}={value}" for key, value in {**variables, **(environment or {})}.items()]
        enter = ["nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"]
        return [*enter, "env", "-i", "-C", "/root", *settings, *words]

    def run(
        self, *words: str, check: bool = True, timeout: float = 60, environment: Mapping[str, str] | None = None
    ) -> str:
        """The output of a program in the host; LabError with its complaint when it fails."""
        shown = f"{self.name}: {' '.join(words)}"
        return run(*self._wrapped(self.command(words, environment)), check=check, timeout=timeout, shown=shown)

    def spawn(self, log: str, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program that dies with the host; its output goes to `<log>.log` in the host's folder."""
        with (self.folder / f"{log}.log").open("ab") as stream:
            return self._in_cgroups(self.command(words, environment), stream)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _wrapped(self, words: Sequence[str]) -> list[str]:
        return ["sh", "-c", self._cgroups.join_script() + 'exec "$@"', "sh", *words]

    def _in_cgroups(self, words: Sequence[str], log: IO[bytes], **options: Any) -> subprocess.Popen[bytes]:
        return start(self._wrapped(words), stdout=log, stderr=log, **options)

    # -- faults ----------------------------------------------------------------------------------------------------

    def partition(self) -> None:
        self._switch.cut_off(self._port)

    def heal(self) -> None:
        self._switch.reconnect(self._port)

    def pause(self) -> None:
        self._cgroups.freeze()

    def resume(self) -> None:
        self._cgroups.thaw()

    def limit(self, *, memory: int | None = None, cpus: float | None = None) -> None:
        self._cgroups.limit(memory=memory, cpus=cpus)

    def drop(self, other: Host, *, on: bool) -> None:
        """Drop, or pass again, what comes from another host."""
        for tool, source in (("iptables", other.address), ("ip6tables", other.address6)):
            run(
                "nsenter",
                "-t",
                str(self.pid),
                "-n",
                tool,
                "-t",
                "raw",
                "-I" if on else "-D",
                "PREROUTING",
                "-s",
                source,
                "-j",
                "DROP",
            )


def _namespace(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:
        return None
