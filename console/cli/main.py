"""`quarterdeck` and `qd`: finds the command's module and turns every outcome into an exit code and one clear line.

Only the module of the chosen command is imported, so that scripts do not pay for what they do not use.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from common.api.rollout import NoRevision
from common.blocking import Unreachable
from common.errors import ApiError

from .arguments import Parser
from .exits import MEANING, Exit, Failure


@dataclass(frozen=True, slots=True)
class Command:
    """`place` is MODULE:FUNCTION; the function gives a parser its arguments and its `run`."""

    place: str
    help: str

    @property
    def configure(self) -> Callable[[argparse.ArgumentParser], None]:
        module, _, function = self.place.partition(":")
        found: Callable[[argparse.ArgumentParser], None] = getattr(
            importlib.import_module(module, __package__), function
        )
        return found


COMMANDS = {
    "get": Command(".get:configure", "list objects"),
    "describe": Command(".describe:configure", "tell everything about objects, with their events"),
    "apply": Command(".apply:configure", "create or change objects to be as manifests say"),
    "edit": Command(".edit:configure", "open an object in $EDITOR; what changes is tried, shown and written"),
    "delete": Command(".delete:configure", "delete objects and wait until they are gone"),
    "logs": Command(".logs:configure", "print what a container wrote"),
    "exec": Command(".exec:configure", "run a command in a container"),
    "attach": Command(".exec:configure_attach", "join the main process of a container"),
    "debug": Command(".debug:configure", "another container in a running pod, with tools to look into it"),
    "cp": Command(".cp:configure", "copy files and folders to and from containers"),
    "port-forward": Command(".portforward:configure", "ports of this machine that lead to pods and Services"),
    "scale": Command(".scale:configure", "set the number of replicas"),
    "autoscale": Command(".autoscale:configure", "keep a workload as large as its load asks"),
    "top": Command(".top:configure", "what nodes or pods use now"),
    "pulses": Command(".pulses:configure", "the cluster at a glance: health by kind, CPU and memory over time"),
    "rollout": Command(".rollout:configure", "status, history, undo, restart, pause, resume of a Deployment"),
    "trigger": Command(".batch:configure_trigger", "run a CronJob now"),
    "suspend": Command(".batch:configure_suspend", "make a Job or CronJob stand still"),
    "resume": Command(".batch:configure_resume", "let a suspended Job or CronJob go on"),
    "history": Command(".history:configure_history", "who wrote what, when and from where"),
    "timeline": Command(".history:configure_timeline", "events and writes in one order"),
    "undo": Command(".history:configure_undo", "take a recorded write back"),
    "audit": Command(".audit:configure", "what was asked of the API, by whom, and what was refused"),
    "secret": Command(".secret:configure", "keys of Secrets and ConfigMaps: look, set, edit; rotate the key on disk"),
    "why": Command(".why:configure", "why a pod is where it is, or is nowhere"),
    "doctor": Command(".doctor:configure", "what is wrong with the cluster, the worst first, and what to do"),
    "fit": Command(".fit:configure", "what if: where replicas of a pod would land, and what does not fit"),
    "xray": Command(".xray:configure", "what objects are made of, as a tree, with what is missing"),
    "topo": Command(".topo:configure", "the nodes with what their pods take of them"),
    "cordon": Command(".drain:configure_cordon", "let no new pods come to nodes"),
    "uncordon": Command(".drain:configure_uncordon", "let pods come to nodes again"),
    "drain": Command(".drain:configure", "cordon a node and evict its pods within their budgets; --dry-run previews"),
    "lb": Command(".lb:configure", "the load balancers: endpoints, weights, requests/s; drain or weigh an endpoint"),
    "discover": Command(".hosts:configure_discover", "the hosts that announce themselves"),
    "host": Command(".host:configure", "make machines nodes over SSH: install, upgrade, remove"),
    "adopt": Command(".hosts:configure_adopt", "make a discovered host a node of this cluster"),
    "image": Command(".image:configure", "list the nodes' images, or push one to them without a registry"),
    "kubeconfig": Command(".server:configure_kubeconfig", "print a kubeconfig for the running control plane"),
    "serve": Command(".server:configure_serve", "run the control plane in the foreground, without the console"),
    "up": Command(".machine:configure_up", "set this machine up and run the example (make run)"),
    "down": Command(".machine:configure_down", "stop and remove what `up` started and made (make down)"),
    "purge": Command(".machine:configure_purge", "`down`, then delete the state folder (make purge)"),
    "demo": Command(".demo:configure", "the console on simulated nodes; needs no rights and no engine"),
    "web": Command(".web:configure", "the console in browsers of this machine (needs the extra web)"),
    "version": Command(".server:configure_version", "versions of this program and of the running control plane"),
}


CONSOLE = Command(".console:configure", "")
_OF_THE_CONSOLE = {
    "read_only": (None, "demo", "web"), "theme": (None, "demo", "web"), "kubeconfig": (None, "demo", "web"),
    "context": (None, "web"),
}  # fmt: skip


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items())
    codes = "\n".join(f"  {code:<3d}  {MEANING[code]}" for code in Exit)
    parser = argparse.ArgumentParser(
        prog="quarterdeck",
        usage="quarterdeck [-n NS] [--ascii] [--theme NAME] [--no-mouse] [--read-only]\n"
        "                   [--kubeconfig FILE] [--context NAME] [COMMAND …]",
        description="Kubernetes' job from a terminal. Without a command: the console. ",
        epilog=f"commands (each has --help):\n{listed}\n\nexit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-n", "--namespace", metavar="NS", help="namespace (default: default)")
    parser.add_argument("--ascii", action="store_true", help="the console draws with ASCII characters only")
    parser.add_argument("--theme", metavar="NAME", help="how the console looks; `:theme` in it shows the themes")
    parser.add_argument("--no-mouse", action="store_true", help="the console leaves the mouse to the terminal")
    parser.add_argument("--read-only", action="store_true", help="the console changes nothing; ctrl-t ends that")
    parser.add_argument("--kubeconfig", metavar="FILE", help="whose contexts `:ctx` in the console offers as well")
    parser.add_argument("--context", metavar="NAME", help="open the console on this context of the kubeconfig")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments with `run` set; ends the program on --help (0) and on wrong usage (2)."""
    top = _top_parser()
    outer = top.parse_args(argv)
    if outer.command is not None and outer.command not in COMMANDS:
        top.error(f'unknown command "{outer.command}"; allowed: {", ".join(COMMANDS)}')
    for option, heeding in _OF_THE_CONSOLE.items():
        if getattr(outer, option) and outer.command not in heeding:
            top.error(f"--{option.replace('_', '-')} is for the console: {outer.command} would not heed it")
    command = COMMANDS[outer.command] if outer.command else CONSOLE
    parser = Parser(prog=f"quarterdeck {outer.command or ''}".strip(), allow_abbrev=False)
    command.configure(parser)
    inner = parser.parse_args(outer.rest)
    if getattr(inner, "namespace", None) is None:
        inner.namespace = outer.namespace
    inner.ascii, inner.no_mouse, inner.read_only = outer.ascii, outer.no_mouse, outer.read_only
    inner.theme = outer.theme
    inner.kubeconfig, inner.context = outer.kubeconfig, outer.context
    return inner


def execute(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    arguments = parse(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except Failure as failure:
        return _fail(str(failure), failure.code)
    except NoRevision as error:
        return _fail(str(error), Exit.FAILED)
    except ApiError as error:
        return _fail(f"({error.reason}) {error.message}", Exit.FAILED)
    except Unreachable as error:
        return _fail(
            f"no control plane answers: {error}\nStart one with `quarterdeck serve`, or all of it with `make run`.",
            Exit.NO_CONTROL_PLANE,
        )
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _fail(message: str, code: Exit) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def main() -> NoReturn:
    """The entry point of the commands `quarterdeck` and `qd`."""
    # A reader that goes away (`| head`) ends us quietly, as it ends other filters.
    try:
        code = execute(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code)
