"""Arguments that many commands share, spelled as kubectl spells them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .output import FORMATS

OBJECTS_HELP = "KIND NAME…, KIND/NAME… or KIND[,KIND]"
_ELSEWHERE = "runs_elsewhere"


class Parser(argparse.ArgumentParser):
    """Leaves what stands behind the first `--` to the command that is to run elsewhere, where a parser has one.

    argparse itself gives a list that may be empty nothing as soon as options stand between it and what is before it.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = list(args or ())
        if not self.get_default(_ELSEWHERE) or "--" not in words:
            return super().parse_known_args(words, namespace)
        at = words.index("--")
        found, unknown = super().parse_known_args(words[:at], namespace)
        found.command = [*found.command, *words[at + 1 :]]
        return found, unknown


def namespace(parser: argparse.ArgumentParser, *, everywhere: bool = False) -> None:
    parser.add_argument("-n", "--namespace", metavar="NS", help="namespace (default: default)")
    if everywhere:
        parser.add_argument("-A", "--all-namespaces", action="store_true", help="all namespaces")


def objects(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("objects", nargs="+" if required else "*", metavar="OBJECT", help=OBJECTS_HELP)


def optional_command(parser: argparse.ArgumentParser, purpose: str) -> None:
    """The words of a command that runs elsewhere, none if it has one of its own; for a `Parser`."""
    parser.add_argument("command", nargs="*", metavar="COMMAND", help=f"after --{purpose}")
    parser.set_defaults(**{_ELSEWHERE: True})


def output(parser: argparse.ArgumentParser, formats: tuple[str, ...] = FORMATS) -> None:
    parser.add_argument("-o", "--output", choices=formats, help="how to print (default: a table)")


def selector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-l", "--selector", metavar="LABELS", default="", help="only objects with these labels: a=b,c!=d"
    )


def files(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument(
        "-f", "--filename", action="append", metavar="FILE", default=[], required=required,
        help="manifest file, folder, or - for standard input; may be given several times",
    )  # fmt: skip


def count(text: str) -> int:
    """A number of replicas or lines; argparse prints the error with the option's name."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number of 0 or more')
    return value


def seconds(text: str) -> float:
    """A duration as kubectl takes it: 90, 90s, 5m, 1h30m."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    total, digits = 0.0, ""
    for char in text:
        if char.isdigit() or char == ".":
            digits += char
        elif char in units and digits:
            total, digits = total + _number(digits, text) * units[char], ""
        else:
            raise _bad_duration(text)
    if not text or (digits and total):
        raise _bad_duration(text)
    return total + (_number(digits, text) if digits else 0.0)


def _number(digits: str, text: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise _bad_duration(text) from None


def _bad_duration(text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(
        f'"{text}" is not a duration: give seconds, or numbers with h, m, s such as 1m30s'
    )
