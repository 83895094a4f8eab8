"""Stacks of the sort that Kubernetes' documentation publishes: applied as they are, again, compared, and taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl

STACKS = Path(__file__).with_name("stacks")
ALWAYS = {"secret/database-password", "poddisruptionbudget.policy/keeper", "statefulset.apps/keeper"}
"""What kubectl patches each time, on any server: plain texts, and what is replaced as a whole."""


def said(text: str) -> dict[str, str]:
    return {line.split(" ")[0]: line.split(" ")[1] for line in text.splitlines()}


async def test_published_stacks_are_taken_as_they_are(kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", "stacks")
    here = ("-n", "stacks", "-f", str(STACKS))
    count = sum(path.read_text().count("\napiVersion:") for path in STACKS.glob("*.yaml"))
    made = await kubectl.run("apply", *here)
    assert (made.code, made.err) == (0, "")
    first = said(made.out)
    assert len(first) == count
    assert set(first.values()) == {"created"}
    again = said(await kubectl("apply", *here))
    assert set(again) == set(first)
    assert {entry for entry, word in again.items() if word != "unchanged"} <= ALWAYS
    assert await kubectl("diff", *here) == ""
    gone = await kubectl("delete", "--wait=false", *here)
    assert gone.count(" deleted") == count
