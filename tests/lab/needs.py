"""The programs that the lab uses, by the Debian package that has them."""

from __future__ import annotations

import shutil
from pathlib import Path

PROGRAMS = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "sshd": "openssh-server",
    "curl": "curl",
    "nsenter": "util-linux",
    "tini-static": "tini",
    "musl-gcc": "musl-tools",
    "busybox": "busybox-static",
    "conntrack": "conntrack",
}
_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def faketime() -> Path | None:
    """The library that shows a program another time (`LD_PRELOAD`), of the package libfaketime."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def missing() -> list[str]:
    """Packages to install, none when the lab can run."""
    lacking = {package for program, package in PROGRAMS.items() if shutil.which(program, path=_FOLDERS) is None}
    if not Path("/usr/bin/tini-static").exists():
        lacking.add("tini")
    if faketime() is None:
        lacking.add("libfaketime")
    return sorted(lacking)
