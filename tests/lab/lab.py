"""A lab: its folder, its switch, its hosts; and what must be gone when it is down."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

from tests.lab.commands import LabError, run
from tests.lab.host import Host
from tests.lab.needs import missing
from tests.lab.switch import Switch

OURS = "quarterdeck-"
SPARE = "s"
DEFAULT_FOLDER = Path("/tmp/quarterdeck-lab")


class Lab:
    """A lab in `folder`. Name, links, cgroups and addresses derive from it, and outside our own folders the names of
    its hosts too, so that labs in two folders never meet. Our own, with hosts h1, h2 …, run one at a time."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self.folder = folder
        mark = zlib.crc32(str(folder).encode())
        self.name = f"lab{mark & 0xFFFF:04x}"
        # A control plane on this machine hears the hosts of all labs, so no two labs may have hosts of one name.
        self._prefix = "h" if folder.name.startswith(OURS) else f"h{mark & 0xFFF:03x}-"
        self.port = 18000 + (mark & 0xFFF)  # for a control plane beside other labs
        # Of 10.0.0.0/8 the quarter that no pod or Service range of a cluster lies in.
        self.net4 = f"10.{64 + (mark >> 24 & 0x3F)}.{mark >> 16 & 0xFF}"
        self.net6 = f"fd77:{mark >> 16:x}"
        self._hosts = folder / "hosts"
        self.switch = Switch(folder, self.name, self.net4, self.net6)

    @property
    def key(self) -> Path:
        """The private key that logs in as root on every host."""
        return self.folder / "id_ed25519"

    def host(self, name: str) -> Host:
        facts = {"net4": self.net4, "net6": self.net6, "authorized_key": self.key.with_suffix(".pub").read_text()}
        return Host(self.name, self._hosts / name, self.folder / "data" / name, self.switch, name, facts)

    @property
    def hosts(self) -> list[Host]:
        """All hosts that have a disk, running or not, without those that `add` gave."""
        return [host for host in self._every() if not host.name.startswith(SPARE)]

    def _every(self) -> list[Host]:
        names = sorted(path.name for path in self._hosts.iterdir()) if self._hosts.is_dir() else []
        return [self.host(name) for name in names if name.startswith(("h", SPARE))]

    def up(self, count: int, *, engine: bool = True) -> list[Host]:
        """Have `count` hosts running, engines answering; hosts that run already are left alone."""
        lacking = missing()
        if lacking:
            raise LabError(f"the lab needs packages that are not installed: apt-get install -y {' '.join(lacking)}")
        self._prepare()
        self.switch.up()
        hosts = [self.host(f"{self._prefix}{number}") for number in range(1, count + 1)]
        for host in hosts:
            if host.pid is None:
                host.boot(engine=engine)
        if engine:
            for host in hosts:
                host.wait_for_engine()
        return hosts

    def add(self, *, engine: bool = True) -> Host:
        """One host more, not among `hosts`, for tests that need one of their own; they `kill` and `erase` it."""
        host = self.host(f"{SPARE}{self.name[-3:]}-{len(self._every()) + 1}")
        host.boot(engine=engine)
        if engine:
            host.wait_for_engine()
        return host

    def _prepare(self) -> None:
        self._hosts.mkdir(parents=True, exist_ok=True)
        if not self._hosts.is_mount():
            # The upper layer of an overlay must not lie inside its own lower one, so it gets a file system of its own.
            run("mount", "-t", "tmpfs", "-o", "mode=755", f"{self.name}-hosts", str(self._hosts))
        if not self.key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))

    def down(self) -> None:
        """End all hosts and take away everything that the lab made on this machine."""
        for host in self._every():
            host.resume()
            host.kill()
        self.switch.down()
        for host in self.hosts:
            host.erase()
        if self._hosts.is_mount():
            run("umount", "-l", str(self._hosts))
        shutil.rmtree(self.folder, ignore_errors=True)
        left = self.leftovers()
        if left:
            raise LabError(f"the lab is down but left behind: {'; '.join(left)}")

    def leftovers(self) -> list[str]:
        """Traces of this lab on the machine: links, cgroups, mounts, the folder."""
        found = []
        if self.switch.uplink in run("ip", "-o", "link"):
            found.append(f"link {self.switch.uplink}")
        found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"*/{self.name}")]
        found += [
            f"mount {line.split()[1]}"
            for line in Path("/proc/mounts").read_text().splitlines()
            if f"{self.folder}/" in line
        ]
        if self.folder.exists():
            found.append(f"folder {self.folder}")
        return found
