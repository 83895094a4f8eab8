"""What-if questions as people type them (`nginx cpu=500m mem=1Gi x6`) and what is said of their answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from common.api import quantity
from common.api.meta import Object

from . import amounts
from .columns import Column
from .status import Status, Tone

USAGE = "IMAGE [cpu=500m] [mem=1Gi] [x6] [priority=CLASS] [profile=pack|spread] [example.com/gpu=1]"
_COUNT = re.compile(r"[x×](\d+)")
_NAMES = {"cpu": "cpu", "mem": "memory", "memory": "memory", "storage": "ephemeral-storage"}


def question(words: Sequence[str], namespace: str = "default") -> Object:
    """The Fit that the words ask for; ValueError says which word means nothing."""
    image, replicas = "", 1
    requests: dict[str, str] = {}
    spec: Object = {}
    for word in words:
        key, equals, value = word.partition("=")
        counted = _COUNT.fullmatch(word)
        if counted:
            replicas = int(counted[1])
        elif not equals and not image:
            image = word
        elif not equals:
            raise ValueError(f"{word!r} means nothing here; allowed: {USAGE}")
        elif key == "priority":
            spec["priorityClassName"] = value
        elif key == "profile":
            spec["schedulerName"] = _scheduler(value)
        elif key in _NAMES or "/" in key:
            requests[_NAMES.get(key, key)] = _amount(word, value)
        else:
            raise ValueError(f"{word!r} means nothing here; allowed: {USAGE}")
    if not image:
        raise ValueError(f"name an image: {USAGE}")
    spec["containers"] = [
        {"name": "main", "image": image, "resources": {"requests": requests, "limits": _whole(requests)}}
    ]
    return {
        "apiVersion": "quarterdeck.io/v1",
        "kind": "Fit",
        "spec": {"replicas": replicas, "namespace": namespace, "template": {"spec": spec}},
    }


def _scheduler(profile: str) -> str:
    if profile not in {"pack", "spread"}:
        raise ValueError(f"profile={profile}: allowed are pack and spread")
    return f"quarterdeck-{profile}"


def _amount(word: str, value: str) -> str:
    try:
        quantity.parse(value)
    except ValueError:
        raise ValueError(f"{word!r}: {value!r} is no amount such as 500m, 2, 1Gi") from None
    return value


def _whole(requests: dict[str, str]) -> dict[str, str]:
    """Resources that cannot be overcommitted must be limited to what is asked."""
    return {name: value for name, value in requests.items() if "/" in name}


def headline(fit: Object) -> str:
    """`4 of 6 replicas fit`."""
    wanted, fitting = (
        int((fit.get("spec") or {}).get("replicas") or 1),
        int((fit.get("status") or {}).get("fitting") or 0),
    )
    noun = "replica" if wanted == 1 else "replicas"
    verb = "fits" if wanted == 1 else "fit"
    return f"{fitting} of {wanted} {noun} {verb}"


def asked(fit: Object) -> str:
    """`nginx  cpu 500m  mem 1Gi`: what one replica asks."""
    containers = (((fit.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or [{}]
    requests = (containers[0].get("resources") or {}).get("requests") or {}
    shown = {"memory": "mem"}
    return "  ".join(
        [str(containers[0].get("image", "")), *(f"{shown.get(key, key)} {text}" for key, text in requests.items())]
    )


def packing(fit: Object, resource: str) -> tuple[int, int]:
    """The share of all nodes that is asked for before and after, in percent."""
    found = (fit.get("status") or {}).get("packing") or {}
    before, after = (round(float((found.get(when) or {}).get(resource) or 0)) for when in ("before", "after"))
    return before, after


def nodes_in_use(fit: Object) -> tuple[int, int]:
    found = (fit.get("status") or {}).get("packing") or {}
    before, after = (int((found.get(when) or {}).get("nodesInUse") or 0) for when in ("before", "after"))
    return before, after


def share(row: Object, when: str, resource: str) -> int:
    taken, offered = (amounts.parsed((row.get(part) or {}).get(resource)) for part in (when, "allocatable"))
    return amounts.share(taken, offered) if taken and offered else 0


def verdict(row: Object) -> Status:
    """What becomes of a node."""
    count = int(row.get("replicas") or 0)
    if count:
        return Status(f"+{count}", Tone.OK)
    return Status("spare", Tone.DONE) if row.get("fits") else Status("refused", Tone.BAD)


def _change(resource: str) -> Column:
    def value(row: Object, _now: datetime) -> str:
        before, after = share(row, "before", resource), share(row, "after", resource)
        return f"{before}%" if before == after else f"{before}% > {after}%"

    title = {"cpu": "CPU ASKED", "memory": "MEM ASKED"}[resource]
    return Column(title, value, right=True, drop=2, sort=lambda row: share(row, "after", resource))


def reason(row: Object) -> str:
    """Why the node takes no more."""
    return "; ".join(row.get("reasons") or ())


COLUMNS = (
    Column("NODE", lambda row, _now: str(row.get("name", "")), flexible=True, least=10, letter="N"),
    Column(
        "REPLICAS", lambda row, _now: verdict(row), letter="S",
        sort=lambda row: (-int(row.get("replicas") or 0), not row.get("fits"), str(row.get("name"))),
    ),
    _change("cpu"),
    _change("memory"),
    Column("WHY NO MORE", lambda row, _now: reason(row), flexible=True, prose=True, least=20),
)  # fmt: skip
