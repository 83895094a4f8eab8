"""`quarterdeck-agent`: the node agent's command line. Results go to stdout, everything else to stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no agent runs here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from common.api import quantity
from common.blocking import UnixHttp, Unreachable
from common.clock import SystemClock
from common.hosts import split_address
from common.limits import allow_many_files, collect_rarely, keep_one_arena, keep_small_buffers
from common.settings import AGENT_PORT, Home

from .stats import DEFAULT_MAX_PODS, Limits, host_name

log = logging.getLogger(__name__)
FAILED, NOT_RUNNING = 1, 3


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # One line a request of the engine's client says nothing that our own lines do not.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    try:
        code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quarterdeck-agent",
        description="Make this host a node: announce it, take part in a cluster, run its pods on the Docker Engine.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no agent runs here.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_status(commands)
    _add_hollow(commands)
    _add_host_shell(commands)
    _add_reset(commands)
    return parser


class _Commands(Protocol):
    """What argparse's `add_subparsers` returns; its class has no public name."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...  # noqa: A002


def _add_verbose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-v", "--verbose", action="store_true", help="log every detail")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="where state is kept: DIR/agent (default: $QUARTERDECK_HOME, else the XDG data directory)",
    )
    _add_verbose(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cpus", type=_positive, metavar="N", help="cores the node offers (default: what machine and cgroup give)"
    )
    parser.add_argument(
        "--memory", type=_memory, metavar="SIZE", help="memory the node offers, such as 4Gi (default: likewise)"
    )
    parser.add_argument(
        "--max-pods",
        type=_whole(1, 10_000),
        default=DEFAULT_MAX_PODS,
        metavar="N",
        help="pods at most (default: %(default)s)",
    )


def _add_run(commands: _Commands) -> None:
    parser = commands.add_parser(
        "run",
        help="run the agent in the foreground",
        description="Run the agent in the foreground. While the host belongs to no cluster, a pairing code is printed "
        "that adopts it. SIGTERM stops the agent; its containers go on.",
    )
    _add_common(parser)
    parser.add_argument("--name", type=_name, help="what this host is called (default: its host name)")
    parser.add_argument(
        "--listen",
        type=_listen,
        metavar="[ADDR:]PORT",
        default=(None, AGENT_PORT),
        help=f"where consoles reach the agent (default: every address, port {AGENT_PORT})",
    )
    parser.add_argument(
        "--engine", default=_default_engine(), metavar="unix://PATH", help="the Docker Engine (default: %(default)s)"
    )
    parser.add_argument("--no-mdns", action="store_true", help="do not announce this host by mDNS")
    _add_limits(parser)
    parser.set_defaults(run=_run)


def _add_status(commands: _Commands) -> None:
    parser = commands.add_parser(
        "status", help="say what the agent on this host is, and show its pairing code", description="Ask the agent."
    )
    _add_common(parser)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="(default: %(default)s)")
    parser.set_defaults(run=_status)


def _add_hollow(commands: _Commands) -> None:
    parser = commands.add_parser(
        "hollow",
        help="run simulated agents, for demonstrations and load tests",
        description="Run N agents in this process that speak the real protocol and run nothing: no engine, no rights. "
        "For each a line of JSON with name, address and pairing code is written to stdout when it listens.",
    )
    _add_verbose(parser)
    parser.add_argument("count", type=_whole(1, 1000), metavar="N", help="how many")
    parser.add_argument("--prefix", default="hollow", type=_name, help="names are PREFIX-1, … (default: %(default)s)")
    parser.add_argument(
        "--first-port",
        type=_whole(1, 65535),
        default=0,
        metavar="PORT",
        help="ports from PORT upwards (default: any free ones)",
    )
    parser.add_argument(
        "--delay", type=_seconds, default=None, metavar="SECONDS", help="that a container takes to start"
    )
    _add_limits(parser)
    parser.set_defaults(run=_hollow)


def _add_host_shell(commands: _Commands) -> None:
    parser = commands.add_parser(
        "host-shell",
        help="allow or forbid shells on this host from the console",
        description="Say whether who may `create nodes/shell` in the cluster may open shells on this host itself, with "
        "all that the agent may do. It is off until it is turned on here.",
    )
    _add_common(parser)
    parser.add_argument("state", nargs="?", choices=("on", "off"), help="(default: say how it is)")
    parser.set_defaults(run=_host_shell)


def _add_reset(commands: _Commands) -> None:
    parser = commands.add_parser(
        "reset",
        help="remove everything the agent made on this host",
        description="Remove containers, the Docker network, firewall rules, routes and the agent's state: the host "
        "then belongs to no cluster. The agent must not be running.",
    )
    _add_common(parser)
    parser.add_argument("--engine", default=_default_engine(), metavar="unix://PATH", help="(default: %(default)s)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=_reset)


def _default_engine() -> str:
    from_environment = os.environ.get("DOCKER_HOST", "")
    return from_environment if from_environment.startswith("unix://") else "unix:///var/run/docker.sock"


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of cores")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 3600")
    return value


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _memory(text: str) -> int:
    try:
        value = quantity.whole(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if value < 32 * 1024 * 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 32Mi, too little for any pod")
    return value


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a node name: up to 63 lower case letters, digits, '-' and '.', beginning and ending "
            "with a letter or digit"
        )
    return text


def _listen(text: str) -> tuple[str | None, int]:
    try:
        host, port = split_address(f"0.0.0.0:{text}" if text.isdecimal() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return (None if text.isdecimal() else host), port


def _folder(arguments: argparse.Namespace) -> Path:
    home = Home(arguments.home.expanduser().absolute()) if arguments.home else Home.from_environment()
    return home.agent


def _limits(arguments: argparse.Namespace) -> Limits:
    return Limits(arguments.cpus, arguments.memory, arguments.max_pods)


def _show_code(code: str) -> None:
    sys.stderr.write(f"\nPairing code of this host: {code}\n(adopt it in the console with this code)\n\n")
    sys.stderr.flush()


def _run(arguments: argparse.Namespace) -> int:
    from .lock import AgentLock, Locked

    keep_one_arena()
    keep_small_buffers()
    folder = _folder(arguments)
    try:
        with AgentLock(folder):
            return asyncio.run(_serve(arguments, folder))
    except Locked as error:
        sys.stderr.write(f"quarterdeck-agent: {error}\n")
        return FAILED


async def _serve(arguments: argparse.Namespace, folder: Path) -> int:
    from common.pki import PkiError

    from .agent import run_until
    from .assemble import HostOptions, host_agent

    address, port = arguments.listen
    options = HostOptions(
        folder=folder,
        name=arguments.name or host_name(),
        port=port,
        addresses=(address,) if address else None,
        engine=arguments.engine,
        advertise=not arguments.no_mdns,
        limits=_limits(arguments),
    )
    stop = _stop_signal()
    try:
        agent = host_agent(options, SystemClock(), _show_code)
        await run_until(agent, stop.wait)
    except (ValueError, OSError, PkiError) as error:
        sys.stderr.write(f"quarterdeck-agent: {error}\n")
        return FAILED
    log.info("stopped; containers go on")
    return 0


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _status(arguments: argparse.Namespace) -> int:
    socket = _folder(arguments) / "agent.sock"
    try:
        answer = UnixHttp(socket).request("GET", "/identity")
    except Unreachable as error:
        sys.stderr.write(f"quarterdeck-agent: no agent runs here: {error}\n")
        return NOT_RUNNING
    if answer.code != 200:
        sys.stderr.write(f"quarterdeck-agent: {answer.body.decode(errors='replace').strip()}\n")
        return FAILED
    identity = answer.json()
    identity.pop("request", None)
    if arguments.output == "json":
        print(json.dumps(identity, indent=2))
        return 0
    cluster = identity.get("adopted_by")
    print(f"Name:         {identity.get('name')}")
    print(f"Port:         {identity.get('port')}")
    print(f"Engine:       {identity.get('engine') or 'does not answer'}")
    print(f"Fingerprint:  {identity.get('fingerprint')}")
    print(f"Cluster:      {cluster or 'none'}")
    if cluster:
        print(f"Node:         {identity.get('node')}")
    if identity.get("code"):
        print(f"Pairing code: {identity['code']}")
    return 0


def _host_shell(arguments: argparse.Namespace) -> int:
    from .hostshell import allow, is_allowed

    folder = _folder(arguments)
    try:
        if arguments.state:
            allow(folder, allowed=arguments.state == "on")
    except OSError as error:
        sys.stderr.write(f"quarterdeck-agent: {folder}: {error.strerror}\n")
        return FAILED
    print("on" if is_allowed(folder) else "off")
    return 0


def _hollow(arguments: argparse.Namespace) -> int:
    keep_one_arena()
    allow_many_files()
    collect_rarely()
    keep_small_buffers()
    return asyncio.run(_serve_hollow(arguments))


async def _serve_hollow(arguments: argparse.Namespace) -> int:
    from .hollow import serve

    stop = _stop_signal()
    try:
        await serve(
            count=arguments.count,
            prefix=arguments.prefix,
            first_port=arguments.first_port,
            delay=arguments.delay,
            limits=_limits(arguments),
            clock=SystemClock(),
            announce=lambda line: print(line, flush=True),
            stopped=stop.wait,
        )
    except OSError as error:
        sys.stderr.write(f"quarterdeck-agent: {error}\n")
        return FAILED
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from .lock import AgentLock, Locked
    from .reset import reset

    folder = _folder(arguments)
    if not arguments.yes and not _confirmed(folder):
        return FAILED
    try:
        with AgentLock(folder):
            problems = asyncio.run(reset(folder, arguments.engine))
    except Locked as error:
        sys.stderr.write(f"quarterdeck-agent: {error}; stop it first\n")
        return FAILED
    for problem in problems:
        sys.stderr.write(f"quarterdeck-agent: {problem}\n")
    return FAILED if problems else 0


def _confirmed(folder: Path) -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write("quarterdeck-agent: reset needs --yes when nobody can be asked\n")
        return False
    sys.stderr.write(f"This removes all containers of the agent, its network and {folder}. Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
