"""The command line of the lab."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.lab.commands import LabError
from tests.lab.host import Host
from tests.lab.lab import DEFAULT_FOLDER, Lab

FAULTS = {
    "partition": "lose every frame of a host, its carrier stays up",
    "heal": "end a partition",
    "kill": "power loss: everything in the host ends at once",
    "start": "boot a killed host again from its disk",
    "pause": "freeze everything in a host",
    "resume": "thaw a paused host",
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tests.lab", description="Several real hosts on one machine.")
    top.add_argument("--folder", type=Path, default=Path(os.environ.get("QUARTERDECK_LAB", DEFAULT_FOLDER)))
    verbs = top.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="have N hosts running (h1, h2, ...)")
    up.add_argument("count", type=int, metavar="N")
    up.add_argument("--no-engine", action="store_true", help="bare hosts with an SSH server only")
    verbs.add_parser("down", help="end all hosts and remove everything")
    verbs.add_parser("list", help="hosts, their state and addresses")
    execute = verbs.add_parser("exec", help="run a command in a host as root; its exit code is ours")
    execute.add_argument("host")
    execute.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    for verb, text in FAULTS.items():
        verbs.add_parser(verb, help=text).add_argument("host")
    return top


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    lab = Lab(options.folder)
    try:
        return _act(lab, options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _act(lab: Lab, options: argparse.Namespace) -> int:
    match options.verb:
        case "up":
            lab.up(options.count, engine=not options.no_engine)
        case "down":
            lab.down()
        case "exec":
            words = options.command[1:] if options.command[:1] == ["--"] else options.command
            return subprocess.run(_known(lab, options.host).command(words), check=False).returncode
        case "start":
            host = _known(lab, options.host)
            host.boot()
            host.wait_for_engine()
        case "partition" | "heal" | "kill" | "pause" | "resume" as verb:
            getattr(_known(lab, options.host), verb)()
    if options.verb in {"up", "list", "start", "kill"}:
        for host in lab.hosts:
            state = "up  " if host.pid is not None else "down"
            print(f"{host.name} {state} {host.address} {host.address6} engine unix://{host.engine_socket}")
    return 0


def _known(lab: Lab, name: str) -> Host:
    hosts = {host.name: host for host in lab.hosts}
    if name not in hosts:
        raise LabError(f"no host {name!r}; there are: {', '.join(hosts) or 'none (python -m tests.lab up 3)'}")
    return hosts[name]


if __name__ == "__main__":
    sys.exit(main())
