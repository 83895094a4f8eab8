"""The console itself: opened on the control plane of this machine, which is started when none runs."""

from __future__ import annotations

import argparse
import json
import sys

from common.clock import SystemClock
from common.settings import Home
from console.setup.cluster import start_control_plane
from console.setup.machine import answers
from console.setup.places import Places
from console.setup.processes import running, stop
from console.setup.report import SetupError

from .exits import Exit, Failure

STOP_SECONDS = 20.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The console, and when it started the control plane, the question whether that stays."""
    home = Home.from_environment()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("the console needs a terminal; see `quarterdeck --help` for commands that print", Exit.USAGE)
    started = not answers(home.api_socket, "/readyz")
    if started:
        print(f"No control plane runs for {home.path}: starting one.", flush=True)
        start(home)
    code = open_console(home, ascii_only=args.ascii, mouse=not args.no_mouse, read_only=args.read_only)
    if started:
        offer_to_stop(home)
    return code


def start(home: Home) -> None:
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        start_control_plane(home, SystemClock())
    except SetupError as error:
        raise Failure(str(error)) from None


def open_console(
    home: Home, *, ascii_only: bool = False, mouse: bool = True, simulated: bool = False, read_only: bool = False
) -> int:
    """Draw until the user leaves; a `simulated` cluster has no real machines. Raises Failure for a bad file of keys."""
    from common.client.endpoint import Endpoint
    from common.client.http import HttpClient
    from console.tui.app import run_tui
    from console.tui.keymap import KeymapError

    from .machines import SshMachines

    def connect() -> HttpClient:
        return HttpClient(Endpoint.of_socket(home.api_socket))

    try:
        machines = None if simulated else SshMachines(home)
        return run_tui(
            connect,
            home,
            cluster=_cluster_name(home),
            ascii_only=ascii_only,
            mouse=mouse,
            machines=machines,
            read_only=read_only,
        )
    except KeymapError as error:
        raise Failure(str(error)) from None


def _cluster_name(home: Home) -> str:
    try:
        return str(json.loads(home.cluster_file.read_text(encoding="utf-8"))["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return "quarterdeck"


def offer_to_stop(home: Home) -> None:
    """As tmux does, what was started stays unless it is told to go."""
    answer = input("Keep the control plane running? [Y/n] ").strip().lower()
    if answer in {"", "y", "yes"}:
        print("It stays. `quarterdeck` opens the console again, `make down` or `quarterdeck down` stops it.")
        return
    identity = running(Places(home).control_plane_pid)
    if identity and not stop(identity, STOP_SECONDS, SystemClock()):
        raise Failure(f"the control plane (process {identity.pid}) does not end")
    print("The control plane is stopped; agents and containers go on without it.")
