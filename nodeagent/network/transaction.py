"""The nft statements that turn one state of a table into another, in an order that each transaction accepts.

A chain may be deleted only when nothing refers to it, and an element's verdict may only name a chain that exists; so
elements and rules that go are taken away first, then chains and sets come, then rules and elements, and the chains and
sets that nobody needs any more are deleted last. The kernel applies all of it or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import replace as replace_fields

from .ruleset import HAIRPIN, PLAIN_SETS, TABLE, Table

_BATCH = 500  # elements a statement; keeps lines readable for whoever debugs, and costs nothing
_NAMED = re.compile(r"^\t(chain|set|map|counter) (\S+) \{", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Names that the kernel's table holds, whoever put them there."""

    chains: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    counters: frozenset[str] = frozenset()


def parse_listing(text: str) -> Leftovers:
    """The names in the output of `nft -t list table`."""
    names = _NAMED.findall(text)
    return Leftovers(
        frozenset(name for kind, name in names if kind == "chain"),
        frozenset(name for kind, name in names if kind in {"set", "map"}),
        frozenset(name for kind, name in names if kind == "counter"),
    )


def replace(wanted: Table, present: Leftovers) -> list[str]:
    """Everything anew, except that affinity sets which are still wanted keep their clients."""
    table = f"{wanted.family} {TABLE}"
    reused = sorted(present.sets & wanted.elements.keys())
    plain = PLAIN_SETS | wanted.sets.keys()
    lines = [f"add table {table}", f"flush table {table}"]  # flushes rules, not elements
    lines += [f"flush {'set' if name in plain else 'map'} {table} {name}" for name in reused]
    # Maps that go hold on to chains that go.
    lines += [f"delete set {table} {name}" for name in sorted(present.sets - wanted.fixed_names - wanted.sets.keys())]
    lines += [
        f"delete chain {table} {name}" for name in sorted(present.chains - wanted.fixed_names - wanted.chains.keys())
    ]
    lines += [f"delete counter {table} {name}" for name in sorted(present.counters - wanted.counters)]
    lines += wanted.fixed
    lines += [f"add counter {table} {name}" for name in sorted(wanted.counters - present.counters)]
    lines += [f"add set {table} {name} {{ {what} }}" for name, what in wanted.sets.items() if name not in present.sets]
    lines += [f"add chain {table} {name}" for name in wanted.chains]
    lines += _rules(table, wanted.chains)
    for name, elements in wanted.elements.items():
        lines += _elements("add", table, name, elements)
    return lines


def from_scratch(wanted: Table) -> list[str]:
    """The same when the kernel's table cannot be reused: it goes, with all affinity."""
    table = f"{wanted.family} {TABLE}"
    return [f"add table {table}", f"delete table {table}", *replace(wanted, Leftovers())]


def difference(old: Table, new: Table) -> list[str] | None:
    """Only what changed; an empty list when nothing did, None when the fixed part differs (use `replace`)."""
    if old.fixed != new.fixed or old.family != new.family:
        return None
    table = f"{new.family} {TABLE}"
    changed = {name: rules for name, rules in new.chains.items() if old.chains.get(name) != rules}
    lines: list[str] = []
    for name, elements in new.elements.items():
        before = old.elements.get(name, {})
        gone = {key: "" for key, verdict in before.items() if elements.get(key) != verdict}
        lines += _elements("delete", table, name, gone)
    lines += [f"flush chain {table} {name}" for name in old.chains if name in changed or name not in new.chains]
    lines += [f"add set {table} {name} {{ {what} }}" for name, what in new.sets.items() if name not in old.sets]
    lines += [f"add counter {table} {name}" for name in sorted(new.counters - old.counters)]
    lines += [f"add chain {table} {name}" for name in changed if name not in old.chains]
    lines += _rules(table, changed)
    for name, elements in new.elements.items():
        before = old.elements.get(name, {})
        lines += _elements("add", table, name, {k: v for k, v in elements.items() if before.get(k) != v})
    lines += [f"delete chain {table} {name}" for name in old.chains if name not in new.chains]
    lines += [f"delete set {table} {name}" for name in old.sets if name not in new.sets]
    lines += [f"delete counter {table} {name}" for name in sorted(old.counters - new.counters)]
    return lines


def lingering(before: Table, now: Table) -> Table:
    """`now`, which also masquerades hairpins of the table before it. The first packet of a connection may have been
    sent back to its pod by that table and reach the end of its way under this one: left as it is there, it and whatever
    is sent again would come to the pod as from itself, which drops it."""
    kept = dict(before.elements.get(HAIRPIN, {})) | dict(now.elements.get(HAIRPIN, {}))
    return replace_fields(now, elements={**now.elements, HAIRPIN: kept})


def _rules(table: str, chains: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    return (f"add rule {table} {name} {rule}" for name, rules in chains.items() for rule in rules)


def _elements(verb: str, table: str, name: str, elements: Mapping[str, str]) -> Iterable[str]:
    texts = [f"{key} : {verdict}" if verdict else key for key, verdict in elements.items()]
    for start in range(0, len(texts), _BATCH):
        yield f"{verb} element {table} {name} {{ {', '.join(texts[start : start + _BATCH])} }}"
