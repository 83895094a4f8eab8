"""The console itself: on the control plane of this machine, which is started when none runs, or on a context of a
kubeconfig."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from common.clock import SystemClock
from common.settings import Home
from console.setup.cluster import start_control_plane
from console.setup.machine import answers
from console.setup.places import Places
from console.setup.processes import running, stop
from console.setup.report import SetupError

from .exits import Exit, Failure

if TYPE_CHECKING:
    from console.tui.clusters import Cluster
    from console.tui.gateway import Connect

STOP_SECONDS = 20.0
_IN_A_BROWSER = "TEXTUAL_DRIVER"  # set by textual-serve: pages take the place of the terminal


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the console shall be; `kubeconfig` is the file that the user named, if any."""

    ascii_only: bool = False
    theme: str = ""
    mouse: bool = True
    read_only: bool = False
    kubeconfig: str = ""

    @classmethod
    def of(cls, args: argparse.Namespace) -> Wishes:
        return cls(args.ascii, args.theme or "", not args.no_mouse, args.read_only, args.kubeconfig or "")


DEFAULT = Wishes()


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The console, and when it started the control plane, the question whether that stays."""
    home, wishes = Home.from_environment(), Wishes.of(args)
    if not (_IN_A_BROWSER in os.environ or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise Failure("the console needs a terminal; see `quarterdeck --help` for commands that print", Exit.USAGE)
    if args.context:
        return _open(home, _first(args.context, clusters(home, wishes)), wishes)
    started = not answers(home.api_socket, "/readyz")
    if started:
        print(f"No control plane runs for {home.path}: starting one.", flush=True)
        start(home)
    code = open_console(home, wishes)
    if started:
        offer_to_stop(home)
    return code


def start(home: Home) -> None:
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        start_control_plane(home, SystemClock())
    except SetupError as error:
        raise Failure(str(error)) from None


def open_console(home: Home, wishes: Wishes = DEFAULT, *, simulated: bool = False) -> int:
    """Draw until the user leaves; a `simulated` cluster has no real machines. Raises Failure for a bad file of keys."""
    return _open(home, clusters(home, wishes, simulated=simulated), wishes)


def _open(home: Home, found: Sequence[Cluster], wishes: Wishes) -> int:
    from console.tui.app import run_tui
    from console.tui.keymap import KeymapError
    from console.tui.looks import LookError

    try:
        return run_tui(
            found,
            home,
            ascii_only=wishes.ascii_only,
            theme=wishes.theme,
            mouse=wishes.mouse,
            read_only=wishes.read_only,
        )
    except (KeymapError, LookError, ValueError) as error:
        raise Failure(str(error)) from None


def clusters(home: Home, wishes: Wishes, *, simulated: bool = False) -> list[Cluster]:
    """The cluster of this machine, then the contexts of the kubeconfig: the one that the user named, or the usual one.

    Raises Failure when the file that the user named cannot be used.
    """
    from console.tui.clusters import Cluster

    from .machines import SshMachines

    machines = None if simulated else SshMachines(home)
    local = Cluster(_cluster_name(home), str(home.api_socket), "administrator", partial(_local, home), machines)
    files = [Path(wishes.kubeconfig).expanduser()] if wishes.kubeconfig else _usual_kubeconfigs()
    if not files:
        return [local]
    from common.client.contexts import contexts_of
    from common.client.kubeconfig import ConfigurationError, Kubeconfig

    try:
        contexts = contexts_of(Kubeconfig(*files))
    except ConfigurationError as error:
        raise Failure(str(error)) from None
    found = {local.name: local}
    for item in contexts:
        name = f"{item.name} (kubeconfig)" if item.name == local.name else item.name
        found.setdefault(name, Cluster(name, item.server, item.user, partial(_remote, files, item.name)))
    return list(found.values())


def _usual_kubeconfigs() -> list[Path]:
    """The files that kubectl reads, without those that cannot be read: the user may not even know of them."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part] or ["~/.kube/config"]
    found = [path for part in named if (path := Path(part).expanduser()).is_file()]
    if not found:
        return []
    from common.client.kubeconfig import readable

    return [path for path in found if readable(path)]


def _local(home: Home) -> Connect:
    from common.client.endpoint import Endpoint
    from common.client.http import HttpClient

    return lambda: HttpClient(Endpoint.of_socket(home.api_socket))


def _remote(files: Sequence[Path], context: str) -> Connect:
    """Raises ValueError when the context cannot be used."""
    from common.client.contexts import endpoint_of
    from common.client.http import HttpClient
    from common.client.kubeconfig import ConfigurationError, Kubeconfig

    try:
        endpoint = endpoint_of(Kubeconfig(*files), context)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return lambda: HttpClient(endpoint)


def _first(name: str, found: Sequence[Cluster]) -> list[Cluster]:
    chosen = [item for item in found if item.name == name]
    if not chosen:
        known = ", ".join(item.name for item in found)
        raise Failure(f"--context: there is no context {name!r}; there are: {known}", Exit.USAGE)
    return [*chosen, *(item for item in found if item.name != name)]


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
