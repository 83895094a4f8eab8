"""`host install|upgrade|remove`: machines with nothing but an SSH server become nodes, and stop being ones; and `host
shell`."""

from __future__ import annotations

import argparse
import getpass
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common.blocking import Unreachable
from common.clock import SystemClock
from common.errors import ApiError
from common.settings import Home
from console.install.cluster import ApiCluster
from console.install.flow import Bundles, Job, Refused, install, remove
from console.install.hostkeys import KnownHosts, known_hosts
from console.install.ssh import Credentials, SshError, UnknownHostKey
from console.install.target import Target, parse

from . import hostshell
from .context import Context
from .exits import Exit, Failure

AT_ONCE = 8  # machines worked on side by side


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make machines nodes over SSH, renew their agents, take everything off them again, or open a shell on one."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, what in (
        ("install", "check machines, show the plan, install and start the agent, adopt; safe to repeat"),
        ("upgrade", "bring the agents of machines to this version; containers go on"),
        ("remove", "remove the nodes and everything that install brought, but packages and engine"),
    ):
        made = actions.add_parser(action, help=what, description=f"{what[0].upper()}{what[1:]}.")
        _arguments(made)
        made.set_defaults(run=run)
    what = "a shell on the host of a node, or one command there"
    hostshell.configure(actions.add_parser("shell", help=what))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", metavar="[USER@]HOST[:PORT]", help="machines with an SSH server")
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key (default: the agent's and ~/.ssh)")
    parser.add_argument(
        "--ask-password", action="store_true", help="ask for the password, which is tried for login and sudo"
    )
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="read it from a file; - is standard input")
    parser.add_argument(
        "--host-key", default="", metavar="SHA256:…", help="accept a machine whose key has this fingerprint"
    )
    parser.add_argument("--forget-host-key", action="store_true", help="forget the key accepted for it before")
    parser.add_argument("--dry-run", action="store_true", help="check and show the plan, change nothing")


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    targets = [_target(text) for text in args.targets]
    home = Home.from_environment()
    known = known_hosts(home.path)
    if args.forget_host_key:
        for target in targets:
            known.forget(target)
    credentials = Credentials(args.key, _password(args))
    bundles = Bundles()
    work = _Work(context, credentials, known, args, bundles, wide=max(len(str(target)) for target in targets))
    with ThreadPoolExecutor(min(AT_ONCE, len(targets)), "host") as pool:
        done = list(pool.map(work.one, targets))
    return Exit.OK if all(done) else Exit.FAILED


def _target(text: str) -> Target:
    try:
        return parse(text)
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None


def _password(args: argparse.Namespace) -> str | None:
    if args.password_file:
        if str(args.password_file) == "-":
            return sys.stdin.readline().rstrip("\n")
        try:
            return str(args.password_file.read_text(encoding="utf-8")).partition("\n")[0]
        except OSError as error:
            raise Failure(f"--password-file {args.password_file}: {error.strerror}", Exit.USAGE) from None
    return getpass.getpass("Password for login and sudo: ") if args.ask_password else None


class _Work:
    """Machines side by side; lines of different machines never mix."""

    def __init__(
        self, context: Context, credentials: Credentials, known: KnownHosts, args: argparse.Namespace,
        bundles: Bundles, wide: int,
    ) -> None:  # fmt: skip
        self._cluster = ApiCluster(context.api, SystemClock())
        self._credentials = credentials
        self._known = known
        self._args = args
        self._bundles = bundles
        self._wide = wide
        self._printing = threading.Lock()

    def one(self, target: Target) -> bool:
        """Work on a machine; whether it went well. What went wrong is said."""

        def say(text: str) -> None:
            with self._printing:
                print(f"{target!s:<{self._wide}}  {text}", flush=True)

        job = Job(target, self._credentials, self._known, self._args.host_key, SystemClock(), self._cluster, say)
        try:
            self._act(job)
        except UnknownHostKey as error:
            return self._fail(target, f"{error}: --host-key {error.key.fingerprint}")
        except (Refused, SshError, ApiError, Unreachable, OSError) as error:
            return self._fail(target, getattr(error, "message", "") or str(error))
        return True

    def _act(self, job: Job) -> None:
        dry_run = bool(self._args.dry_run)
        if self._args.action == "remove":
            remove(job, dry_run=dry_run)
            job.say("nothing was changed" if dry_run else "removed")
            return
        node = install(job, self._bundles, dry_run=dry_run)
        job.say("nothing was changed" if dry_run else f"node {node} is ready to run pods")

    def _fail(self, target: Target, text: str) -> bool:
        with self._printing:
            print(f"{target!s:<{self._wide}}  error: {text}", file=sys.stderr, flush=True)
        return False
