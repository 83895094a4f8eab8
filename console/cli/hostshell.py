"""`host shell`: a shell, or one command, on the host of a node itself. Ends with its exit code."""

from __future__ import annotations

import argparse
import asyncio
import sys

from common.api.kinds import NODES

from . import arguments
from .context import Context
from .exec import join
from .exits import Exit, Failure


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck host shell [-i] [-t] NODE [-- COMMAND [ARG…]]"
    parser.description = (
        "A shell on the host of a node, as root and in its own namespaces; with a command that alone, its output and "
        "its exit code. It takes the right to create nodes/shell, and a host that allows it: "
        "`quarterdeck-agent host-shell on`, said there once. What goes on is in the audit log."
    )
    parser.add_argument("-i", "--stdin", action="store_true", help="pass standard input on (a shell always does)")
    parser.add_argument("-t", "--tty", action="store_true", help="this terminal becomes the command's (likewise)")
    parser.add_argument("node", metavar="NODE")
    arguments.optional_command(parser, "; without one a login shell")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    shell = not args.command
    stdin, terminal = args.stdin or shell, args.tty or (shell and sys.stdin.isatty() and sys.stdout.isatty())
    if terminal and not (stdin and sys.stdin.isatty()):
        raise Failure("-t needs -i and a terminal as standard input", Exit.USAGE)
    wanted = (("stdin", stdin), ("stdout", True), ("stderr", not terminal), ("tty", terminal))
    query = [("command", word) for word in args.command] + [(name, "true") for name, on in wanted if on]
    path = NODES.path(None, args.node, "shell")
    return asyncio.run(join(Context.of(args), path, query, stdin=stdin, terminal=terminal))
