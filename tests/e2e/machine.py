"""What a machine has that `make run` may add to: taken before and after, the two must be equal."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.lab.commands import run

ENGINE = Path("/run/docker.sock")
SWITCHES = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
OUTSIDE = (
    "/etc/docker", "/opt/containerd", str(ENGINE), "/run/docker", "/run/quarterdeck-engine", "/run/containerd",
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    links: frozenset[str]
    tables: frozenset[str]
    chains: frozenset[str]
    routes: frozenset[str]
    mounts: frozenset[str]
    switches: tuple[str, ...]
    files: frozenset[str]
    engine: tuple[str, ...]  # containers, networks, images and volumes, when one runs


def tidy() -> None:
    """Take away the socket of an engine that was killed: nobody listens, and the next engine would replace it."""
    if ENGINE.exists():
        with socket.socket(socket.AF_UNIX) as asked:
            if asked.connect_ex(str(ENGINE)):
                ENGINE.unlink()


def look(home: Path) -> Machine:
    return Machine(
        links=frozenset(link["ifname"] for link in json.loads(run("ip", "-json", "link"))),
        tables=frozenset(run("nft", "list", "tables").split("\n")),
        chains=frozenset(_chains()),
        routes=frozenset(
            line.split(" expires")[0]
            for family in ("-4", "-6")
            for line in run("ip", family, "route", "show", "table", "all").splitlines()
            if "eth" not in line and "proto ra" not in line
        ),
        mounts=frozenset(line for line in Path("/proc/mounts").read_text().splitlines() if _ours(line, home)),
        switches=tuple(Path("/proc/sys/net", name).read_text().strip() for name in SWITCHES),
        files=frozenset(path for path in OUTSIDE if Path(path).exists()),
        engine=tuple(_engine()),
    )


def _chains() -> list[str]:
    saved = [run(f"{tool}-save", check=False) for tool in ("iptables", "ip6tables")]
    return [line.split(" [")[0] for text in saved for line in text.splitlines() if line.startswith((":", "-A"))]


def _ours(mount: str, home: Path) -> bool:
    return str(home) in mount or "quarterdeck" in mount


def _engine() -> list[str]:
    if not ENGINE.exists():
        return []
    commands = (("ps", "-aq"), ("network", "ls", "-q"), ("images", "-aq"), ("volume", "ls", "-q"))
    return [run("docker", *words) for words in commands]


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that have to do with this home, by environment or argument."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home) in words or f"QUARTERDECK_HOME={home}\0".encode() in environment:
            found.append(words)
    return found
