"""Taking away what an engine that setup started leaves in iptables when it stops. Pure functions on rule texts.

The engine never cleans up: its chains stay, and FORWARD keeps the policy DROP, which would cut off whatever this
machine forwards. Rules of anybody else are left as they are.
"""

from __future__ import annotations

import re
import subprocess
from typing import Any

# The engine's chains, its bridge, and the bridge of our network: a killed engine leaves its rules for that too.
_OURS = re.compile(r"(?<![\w-])(?:DOCKER[\w-]*|docker0|qd0)(?![\w-])")
FAMILIES = {"ip": "iptables", "ip6": "ip6tables"}


def forward_policy(saved: str) -> str:
    """The policy of FORWARD in the output of `iptables-save -t filter`; ACCEPT when the chain is not there."""
    found = re.search(r"^:FORWARD (\w+)", saved, re.MULTILINE)
    return found[1] if found else "ACCEPT"


def without_engine(saved: str, policy: str) -> str:
    """The same rules, without the engine's chains and rules, with the policy that FORWARD had."""
    lines = []
    for line in saved.splitlines():
        if line.startswith(":FORWARD "):
            lines.append(re.sub(r"^:FORWARD \w+", f":FORWARD {policy}", line))
        elif not (line.startswith((":", "-")) and _OURS.search(line)):
            lines.append(line)
    return "\n".join([*lines, ""])


def empty_tables(saved: str) -> list[str]:
    """Tables without own chains, rules or policies: whoever made them needs them no more."""
    empty = []
    for block in re.split(r"^(?=\*)", saved, flags=re.MULTILINE)[1:]:
        name = block[1:].split("\n", 1)[0].strip()
        lines = [line for line in block.splitlines() if line.startswith((":", "-"))]
        if all(re.fullmatch(r":\w+ ACCEPT \[\d+:\d+\]", line) for line in lines):
            empty.append(name)
    return empty


def snapshot() -> dict[str, Any]:
    """How it was before the engine: policy of FORWARD and the tables that are there, by family."""
    return {
        family: {"policy": forward_policy(_run(f"{tool}-save")), "tables": _tables(family)}
        for family, tool in FAMILIES.items()
    }


def remove_engine(before: dict[str, Any]) -> None:
    """Take the engine's rules away and give FORWARD its policy back. Needs root."""
    for family, tool in FAMILIES.items():
        saved = _run(f"{tool}-save")
        cleaned = without_engine(saved, str((before.get(family) or {}).get("policy") or "ACCEPT"))
        if cleaned.strip() and cleaned.splitlines() != saved.splitlines():
            subprocess.run([f"{tool}-restore"], input=cleaned, text=True, check=False, capture_output=True)


def remove_new_tables(before: dict[str, Any]) -> None:
    """Tables that were not there before and hold nothing now. Needs root."""
    for family, tool in FAMILIES.items():
        if family in before:
            for table in empty_tables(_run(f"{tool}-save")):
                if table not in before[family]["tables"]:
                    _run("nft", "delete", "table", family, table)


def remove_chains(tool: str, prefix: str) -> None:
    """Take the chains of that prefix and the jumps to them out of the filter table. Needs root."""
    rules = chain_removal(_run(f"{tool}-save", "-t", "filter"), prefix)
    if rules:
        script = "\n".join(["*filter", *rules, "COMMIT", ""])
        subprocess.run([f"{tool}-restore", "--noflush"], input=script, text=True, check=False, capture_output=True)


def chain_removal(saved: str, prefix: str) -> list[str]:
    """Rules for `iptables-restore --noflush` that remove chains by their prefix; empty when there are none."""
    lines = saved.splitlines()
    chains = [line.split()[0][1:] for line in lines if line.startswith(f":{prefix}")]
    jumps = [line for line in lines if line.startswith("-A ") and line.rpartition(" -j ")[2] in chains]
    return [
        *(f":{chain} - [0:0]" for chain in chains),
        *(f"-D {jump.removeprefix('-A ')}" for jump in jumps),
        *(f"-X {chain}" for chain in chains),
    ]


def _tables(family: str) -> list[str]:
    lines = (line.split() for line in _run("nft", "list", "tables", family).splitlines())
    return [words[2] for words in lines if len(words) == 3]


def _run(*argv: str) -> str:
    """Output of a command; empty when it is not installed or fails, as there is nothing to clean up then."""
    try:
        return subprocess.run(argv, text=True, capture_output=True, check=False).stdout
    except FileNotFoundError:
        return ""
