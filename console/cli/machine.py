"""`up`, `down` and `purge`: what the Makefile's run, down and purge call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from common.api.meta import name, namespace
from common.errors import NotFound
from common.settings import Home

from . import apply, manifests
from .console import open_console
from .context import Context
from .exits import Exit, Failure

if TYPE_CHECKING:
    from console.setup.up import Setup

# A wheel brings the example inside the package; a checkout has it where its readers look.
_PACKAGED = Path(__file__).parents[1] / "examples" / "hello"
EXAMPLE = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2] / "docs" / "examples" / "hello"


def configure_up(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Set this machine up, start an agent and the control plane, apply the example, wait until its Service answers "
        "and open the console; without a terminal the facts are printed. What runs already is used as it is."
    )
    parser.add_argument(
        "--example",
        type=Path,
        default=EXAMPLE,
        metavar="FOLDER",
        help="the example (default: %(default)s)",
    )
    parser.set_defaults(run=up)


def up(args: argparse.Namespace) -> int:
    home = Home.from_environment()
    manifests.load([str(args.example)])  # a wrong example shall be told before anything is changed

    def apply_folder(folder: Path) -> None:
        """Create what is missing; what somebody changed since (scaled, rolled out) stays as they want it."""
        context = Context(home)
        for manifest in manifests.load([str(folder)]):
            kind = context.kinds.of_object(manifest.obj)
            try:
                context.api.get(kind.resource.path(namespace(manifest.obj) or "default", name(manifest.obj)))
            except NotFound:
                apply.apply_one(context, kind, manifest.obj)

    try:
        _run(lambda setup: setup.up(args.example, apply_folder))
    except Failure as failure:
        # What does not become ready is best looked at in the console.
        if failure.code != Exit.TIMEOUT or not terminal():
            raise
        input(f"error: {failure}\nPress enter to look at it in the console. ")
    return open_console(home) if terminal() else Exit.OK


def terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def configure_down(parser: argparse.ArgumentParser) -> None:
    parser.description = "Stop and remove what `up` started and made, and nothing else. Packages and state stay."
    parser.set_defaults(run=down)


def down(_args: argparse.Namespace) -> int:
    return _run(lambda setup: setup.down())


def configure_purge(parser: argparse.ArgumentParser) -> None:
    parser.description = "`down`, then delete the state in QUARTERDECK_HOME: objects, keys, certificates."
    parser.set_defaults(run=purge)


def purge(_args: argparse.Namespace) -> int:
    return _run(lambda setup: setup.down(purge=True))


def _run(work: Callable[[Setup], None]) -> int:
    """Do it; every failure becomes a message and an exit code."""
    from console.setup.report import SetupError
    from console.setup.up import Setup

    try:
        work(Setup(Home.from_environment()))
    except SetupError as error:
        raise Failure(
            str(error), Exit.MISSING if error.missing else Exit.TIMEOUT if error.late else Exit.FAILED
        ) from None
    except KeyboardInterrupt:
        raise Failure(
            "Interrupted. `make run` goes on from here, `make down` takes away what was made.", Exit.INTERRUPTED
        ) from None
    return Exit.OK
