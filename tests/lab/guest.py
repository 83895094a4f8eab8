"""The first process of a host: builds its root, enters it and hands over to a small init.

Runs inside the new namespaces (`python -m tests.lab.guest SPEC`), on this machine's file system until the pivot. The
root is an overlay over this machine's `/`, whose upper layer is the host's own disk; what must not be shared is mounted
anew: /proc, /sys, cgroups, /run, /tmp, the engine's data.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from tests.lab.cgroups import CONTROLLERS
from tests.lab.commands import run

INIT = "/usr/bin/tini-static"


def main(spec_text: str) -> None:
    spec = json.loads(spec_text)
    root = Path(spec["root"])
    run("mount", "--make-rprivate", "/")
    layers = f"lowerdir=/,upperdir={spec['upper']},workdir={spec['work']},index=off"
    run("mount", "-t", "overlay", "overlay", "-o", layers, str(root))
    _system_mounts(root)
    for path in spec["shared"]:
        _bind(root, Path(path), Path(path))
    _bind(root, Path(spec["data"]), Path("/var/lib/docker"))
    _identity(root, spec)
    _pivot(root)
    Path(spec["ready"]).touch()
    with Path(os.devnull).open("r+b") as null:
        for descriptor in (0, 1, 2):
            os.dup2(null.fileno(), descriptor)
    os.execv(INIT, [INIT, "--", "sleep", "infinity"])


def _system_mounts(root: Path) -> None:
    run("mount", "-t", "proc", "proc", f"{root}/proc")
    run("mount", "--bind", "/dev", f"{root}/dev")
    run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", f"{root}/dev/pts")
    run("mount", "-t", "tmpfs", "tmpfs", f"{root}/dev/shm")
    run("mount", "-t", "sysfs", "sysfs", f"{root}/sys")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}/sys/fs/cgroup")
    for controller in CONTROLLERS:
        if not Path(f"/sys/fs/cgroup/{controller}").is_dir():
            continue
        target = root / "sys/fs/cgroup" / controller
        target.mkdir()
        options = "none,name=systemd" if controller == "systemd" else controller
        run("mount", "-t", "cgroup", "-o", options, "cgroup", str(target))
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}/run")
    (root / "run/lock").mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp")


def _bind(root: Path, source: Path, target: Path) -> None:
    inside = root / target.relative_to("/")
    inside.mkdir(parents=True, exist_ok=True)
    run("mount", "--bind", str(source), str(inside))


def _identity(root: Path, spec: dict[str, str]) -> None:
    """What makes a host one of its own: name, machine id, engine id, addresses of the others, keys to log in with."""
    name = spec["name"]
    socket.sethostname(name)
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/hosts").write_text(spec["hosts_file"])
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text(spec["resolv_conf"])
    (root / "etc/machine-id").write_text(spec["machine_id"] + "\n")
    engine_key = root / "etc/docker/key.json"
    if not Path(spec["upper"], "etc/docker/key.json").exists():
        engine_key.unlink(missing_ok=True)
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, parents=True, exist_ok=True)
    (ssh / "authorized_keys").write_text(spec["authorized_key"])
    host_key = Path(spec["upper"]) / "etc/ssh/ssh_host_ed25519_key"
    if not host_key.exists():
        for old in (root / "etc/ssh").glob("ssh_host_*"):
            old.unlink()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "etc/ssh/ssh_host_ed25519_key"))


def _pivot(root: Path) -> None:
    os.chdir(root)
    Path(".old").mkdir(exist_ok=True)
    run("pivot_root", ".", ".old")
    os.chdir("/")
    run("umount", "-l", "/.old")
    Path("/.old").rmdir()


if __name__ == "__main__":
    main(sys.argv[1])
