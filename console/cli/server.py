"""`kubeconfig` and `version`: the control plane as a process."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version as package_version

from common.blocking import Unreachable

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import dump


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
