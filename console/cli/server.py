"""`serve`, `kubeconfig` and `version`: the control plane as a process."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version as package_version
from ipaddress import ip_address

from common.blocking import Unreachable
from common.settings import API_PORT, Home

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import dump

LOOPBACK = "127.0.0.1"


def configure_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run the control plane in the foreground until SIGTERM or Ctrl-C."
    parser.add_argument(
        "--listen", type=address, default=f"{LOOPBACK}:{API_PORT}", metavar="ADDR:PORT",
        help=f"where the API answers over TLS (default: {LOOPBACK}:{API_PORT}; [::]:{API_PORT} for all addresses)",
    )  # fmt: skip
    parser.add_argument(
        "--takeover",
        action="store_true",
        help="make agents obey this control plane, not an older one",
    )
    parser.add_argument(
        "--lock-keys",
        action="store_true",
        help="ask for a passphrase that from now on locks the keys of encrypted values (see docs/tutorials/config.md)",
    )
    parser.set_defaults(run=serve)


def address(text: str) -> str:
    """ADDR:PORT with an IP address, IPv6 in brackets; port 0 takes any that is free."""
    host, _, port = text.rpartition(":")
    try:
        ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
        good = host.startswith("[") == (":" in host) and 0 <= int(port) < 65536
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(f'"{text}" is not ADDR:PORT: give an IP address and a port, IPv6 in brackets')
    return text


def serve(args: argparse.Namespace) -> int:
    from console.controlplane import run

    return run(Home.from_environment(), args.listen, takeover=args.takeover, lock_keys=args.lock_keys)


def configure_kubeconfig(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print a kubeconfig for the running control plane: quarterdeck kubeconfig > ~/.kube/config."
    parser.set_defaults(run=kubeconfig)


def kubeconfig(args: argparse.Namespace) -> int:
    context = Context.of(args)
    context.api.get("/version")
    try:
        sys.stdout.write(context.home.kubeconfig.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"{context.home.kubeconfig}: {error.strerror or error}") from None
    return Exit.OK


def configure_version(parser: argparse.ArgumentParser) -> None:
    parser.description = "Versions of this program and of the running control plane."
    arguments.output(parser, ("json", "yaml"))
    parser.set_defaults(run=version)


def version(args: argparse.Namespace) -> int:
    try:
        server = Context.of(args).api.get("/version")
    except Unreachable:
        server = None
    found = {"clientVersion": {"version": package_version("quarterdeck")}, "serverVersion": server}
    if args.output:
        print(dump(found, args.output))
    else:
        print(f"quarterdeck {found['clientVersion']['version']}")
        print(f"API {server['gitVersion']}" if server else "no control plane is running")
    return Exit.OK
