"""The verbs and flags of kubectl as rows of data (`rows/*.toml`, one file a family), and docs/kubectl.md of them.

A row has the `verb` that it is about and `steps`: each is a command line of the shell and what must be seen of it. Its
namespace and its folder are its own, unless it only reads (`shared`): then they are those of `files/scenery.yaml`.

What must be seen are words of the output, where any white space counts as one blank. `exit N` is the exit code when it
is not 0, `not TEXT` may not be there, `/…/` is a regular expression, and `until` tries again until all holds.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).parent / "rows"
FLAGS = Path(__file__).parent / "flags.toml"
DOCUMENT = ROOT / "docs" / "kubectl.md"
UNTIL = "until"
_KNOWN = tomllib.loads(FLAGS.read_text())
COMMON = frozenset(_KNOWN["common"])
"""Flags of kubectl's printing, of its reading of files and the like: all commands share one piece of code for each."""
ELSEWHERE = frozenset(_KNOWN["elsewhere"])
"""Flags that have nothing to do with a cluster."""
ALIASES = {
    "cm": "configmap", "deploy": "deployment", "ns": "namespace", "pdb": "poddisruptionbudget", "svc": "service",
    "ing": "ingress", "sa": "serviceaccount", "cj": "cronjob", "pc": "priorityclass", "pods": "pod", "nodes": "node",
}  # fmt: skip

HEAD = """# kubectl

Unmodified kubectl 1.32, tried on a cluster of real hosts. Each line is a command and what must be seen of it: words of
its output (`/…/` is a regular expression), its exit code when that is not 0, *not* what may not be there; *until* says
that it is tried again until it holds. `tests/e2e/test_kubectl_rows.py` runs them all, from `tests/kubectl/rows`.
`python -m tests.kubectl` writes this page, and `python -m tests.kubectl run KUBECONFIG` runs them on any cluster.

"""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the shell, and what must be seen."""

    command: str
    seen: tuple[str, ...]

    @property
    def until(self) -> bool:
        return UNTIL in self.seen

    def complaints(self, code: int, output: str) -> list[str]:
        """What does not hold of what the command did."""
        flat = " ".join(output.split())
        wanted = 0
        found = []
        for text in self.seen:
            if text.startswith("exit "):
                wanted = int(text.removeprefix("exit "))
            elif text.startswith("not "):
                found += [f"there is {text.removeprefix('not ')!r}"] if text.removeprefix("not ") in flat else []
            elif text.startswith("/") and text.endswith("/"):
                found += [] if re.search(text.strip("/"), output, re.MULTILINE) else [f"nothing matches {text}"]
            elif text != UNTIL and " ".join(text.split()) not in flat:
                found.append(f"there is no {text!r}")
        return [*found, *([f"it ended with {code}, not {wanted}"] if code != wanted else [])]


@dataclass(frozen=True, slots=True)
class Row:
    """A few steps that try one part of a verb. `alone`: it changes nodes, so that nothing may run beside it."""

    verb: str
    what: str
    steps: tuple[Step, ...]
    shared: bool = False
    alone: bool = False
    files: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.verb}: {self.what}"


def rows() -> list[Row]:
    return [_row(item) for path in sorted(ROWS.glob("*.toml")) for item in tomllib.loads(path.read_text())["row"]]


def _row(item: dict[str, object]) -> Row:
    steps = tuple(Step(command, tuple(seen)) for command, *seen in item.pop("steps"))  # type: ignore[attr-defined]
    return Row(steps=steps, **item)  # type: ignore[arg-type]


def tried(listed: Iterable[Row]) -> dict[str, set[str]]:
    """The flags that rows use, by command (`create secret tls`)."""
    known = sorted(verbs(), key=len, reverse=True)
    found: dict[str, set[str]] = {verb: set() for verb in known}
    for words in (words for row in listed for step in row.steps for words in _invocations(step.command, row.verb)):
        plain = " ".join(ALIASES.get(word, word) for word in words if not word.startswith("-"))
        verb = next((verb for verb in known if f"{plain} ".startswith(f"{verb} ")), "")
        found.setdefault(verb, set()).update(flag for word in words for flag in _flags(word))
    return found


def _invocations(command: str, verb: str) -> Iterator[list[str]]:
    """The words after each `kubectl` of a command line, up to the end of that command. `through.sh` is a script of the
    row that calls kubectl with its verb."""
    flat = re.sub(r"\$\(\(.*?\)\)", "0", command)
    for inner in re.findall(r"\$\(([^()]*)\)", flat):
        yield from _invocations(inner, verb)
    flat = re.sub(r"\$\([^()]*\)", "X", flat).replace("bash through.sh", f"kubectl {verb}")
    lexer = shlex.shlex(flat, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    for word in lexer:
        ends = word == "--" or set(word) <= set("|&;()<>")
        if words is not None and (ends or word == "kubectl"):
            yield words
        if word == "kubectl":
            words = []
        elif ends:
            words = None
        elif "kubectl " in word:  # the command of `script -c`
            yield from _invocations(word, verb)
        elif words is not None:
            words.append(word)
    if words is not None:
        yield words


def _flags(word: str) -> list[str]:
    if word.startswith("--"):
        return [word.partition("=")[0]]
    short = re.match(r"-([a-zA-Z]+)", word)
    return [f"-{letter}" for letter in short[1]] if short else []


def verbs() -> dict[str, list[str]]:
    """kubectl's commands, each with its flags as its help has them (`-f/--filename`)."""
    return dict(_KNOWN["flags"])


def untried(listed: list[Row]) -> dict[str, list[str]]:
    """Flags of kubectl's commands that no row uses."""
    used = tried(listed)
    everywhere = set().union(*used.values())
    left = {
        verb: [
            flag
            for flag in flags
            if not used[verb] & set(flag.split("/"))
            and not _alike(flag, everywhere)
            and not ELSEWHERE & {flag, f"{verb} {flag}"}
        ]
        for verb, flags in verbs().items()
    }
    return {verb: flags for verb, flags in left.items() if flags}


def _alike(flag: str, everywhere: set[str]) -> bool:
    """Whether kubectl does the same with a flag whatever the command is, and one command tries it."""
    return flag in COMMON and bool(everywhere & set(flag.split("/")))


def document() -> str:
    listed = rows()
    steps = sum(len(row.steps) for row in listed)
    parts = [HEAD, f"{steps} commands in {len(listed)} rows.\n"]
    used = tried(listed)
    for verb in dict.fromkeys(row.verb for row in listed):
        own = [row for row in listed if row.verb == verb]
        flags = sorted(set().union(*(names for name, names in used.items() if f"{name} ".startswith(f"{verb} "))))
        parts.append(f"\n## {verb}\n\n")
        parts.append(f"Flags: {', '.join(f'`{flag}`' for flag in flags)}.\n\n" if flags else "")
        parts.append("| | Command | Seen |\n|---|---|---|\n")
        for row in own:
            for index, step in enumerate(row.steps):
                what = row.what if index == 0 else ""
                parts.append(f"| {what} | {_code(step.command)} | {_seen(step)} |\n")
    return "".join(parts)


def _code(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def _seen(step: Step) -> str:
    shown = [_expected(text) for text in step.seen if text != UNTIL]
    return ("*until* " if step.until else "") + (", ".join(shown) or "it succeeds")


def _expected(text: str) -> str:
    if text.startswith("not "):
        return f"*not* {_code(text.removeprefix('not '))}"
    return text if text.startswith("exit ") else _code(text)
