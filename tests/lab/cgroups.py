"""The cgroups of a host: everything in it can be frozen, limited and counted as one (cgroup v1)."""

from __future__ import annotations

import time
from pathlib import Path

from tests.lab.commands import LabError, wait_until

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd")


class HostCgroups:
    """One subtree per controller, `<lab>/<host>`."""

    def __init__(self, lab: str, host: str) -> None:
        self._name = f"{lab}/{host}"
        self._controllers = [name for name in CONTROLLERS if (ROOT / name).is_dir()]
        if "freezer" not in self._controllers:
            raise LabError(
                f"the lab needs cgroup v1 with a freezer; {ROOT} has: {', '.join(self._controllers) or 'none'}"
            )

    @property
    def folders(self) -> list[Path]:
        return [ROOT / controller / self._name for controller in self._controllers]

    def create(self) -> None:
        for folder in self.folders:
            for level in (folder.parent, folder):
                level.mkdir(exist_ok=True)
                if "cpuset" in level.parts:
                    # An empty cpuset lets nothing run in it.
                    for setting in ("cpuset.cpus", "cpuset.mems"):
                        (level / setting).write_text((ROOT / "cpuset" / setting).read_text())
                    (level / "cgroup.clone_children").write_text("1")

    def join_script(self) -> str:
        """Shell text that puts the shell itself into the cgroups."""
        return "".join(f"echo $$ > {folder}/cgroup.procs; " for folder in self.folders)

    def freeze(self) -> None:
        """Stop everything in the host at once; its connections stay open."""
        state = ROOT / "freezer" / self._name / "freezer.state"
        state.write_text("FROZEN")
        wait_until(lambda: state.read_text().strip() == "FROZEN", f"{self._name} to freeze", 5)

    def thaw(self) -> None:
        state = ROOT / "freezer" / self._name / "freezer.state"
        if state.exists():
            state.write_text("THAWED")

    def limit(self, *, memory: int | None, cpus: float | None) -> None:
        """Bound the whole host: memory in bytes, processor time in cores."""
        if memory is not None:
            (ROOT / "memory" / self._name / "memory.limit_in_bytes").write_text(str(memory))
        if cpus is not None:
            (ROOT / "cpu" / self._name / "cpu.cfs_quota_us").write_text(str(int(cpus * 100_000)))

    def remove(self) -> None:
        """Take the folders away; the kernel needs moments after the last process ended."""
        for _ in range(100):
            if not any(_remove_tree(folder) for folder in self.folders):
                break
            time.sleep(0.05)
        for folder in self.folders:
            try:
                folder.parent.rmdir()
            except OSError:
                continue  # other hosts are still in it


def _remove_tree(folder: Path) -> bool:
    """Remove a cgroup and those below it; whether something is left."""
    if not folder.exists():
        return False
    for child in folder.iterdir():
        if child.is_dir():
            _remove_tree(child)
    try:
        folder.rmdir()
    except OSError:
        return True
    return False
