"""`make test`: what it installs, leaves out and calls a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs, run

EVERYTHING = {*needs.PACKAGES, "kubectl"}


def test_only_what_is_missing_is_installed() -> None:
    assert needs.packages(EVERYTHING) == []
    assert needs.packages(EVERYTHING - {"tmux", "sshd"}) == ["openssh-server", "tmux"]


def test_without_root_the_suites_that_need_it_are_left_out_with_the_reason() -> None:
    left_out = {suite.name: needs.obstacles(suite, EVERYTHING, root=False) for suite in needs.SUITES}
    assert left_out["unit and model"] == left_out["console"] == []
    assert left_out["end to end"] == ["it needs root: run `sudo make test`"]


def test_every_missing_tool_is_named() -> None:
    (end_to_end,) = (suite for suite in needs.SUITES if suite.name == "end to end")
    reasons = needs.obstacles(end_to_end, EVERYTHING - {"dockerd", "kubectl"}, root=True)
    assert reasons == ["dockerd is not installed: apt-get install docker.io", needs.KUBECTL]


def test_every_test_is_in_one_suite() -> None:
    """Whatever holds a test file under tests/ belongs to exactly one path of one suite."""
    paths = [path for suite in needs.SUITES for path in suite.paths]
    for file in Path("tests").rglob("test_*.py"):
        owners = [path for path in paths if file.is_relative_to(path)]
        assert len(owners) == 1, (str(file), owners)


def test_the_suites_of_a_stage_all_run_and_the_failed_are_named() -> None:
    seen: list[str] = []

    def ran(suite: needs.Suite) -> bool:
        seen.append(suite.name)
        return suite.name != "console"

    assert run.run_stage(needs.STAGES[0], ran) == ["console"]
    assert sorted(seen) == sorted(suite.name for suite in needs.STAGES[0])


@pytest.mark.parametrize(
    ("failed", "left_out", "kubectl", "ci", "code"),
    [
        ([], [], True, True, 0),
        (["console"], [], True, False, 1),
        ([], ["no root"], True, False, 0),
        ([], ["no root"], True, True, 1),
        ([], [], False, False, 1),
    ],
)
def test_the_end(
    capsys: pytest.CaptureFixture[str], failed: list[str], left_out: list[str], kubectl: bool, ci: bool, code: int
) -> None:
    suites = [(needs.SUITES[-2], left_out)] if left_out else []
    assert run.conclude(failed, suites, kubectl=kubectl, ci=ci) == code
    text = capsys.readouterr().out
    assert ("NOT RUN: end to end\n  - no root" in text) is bool(left_out)
    assert ("FAILED: console" in text) is bool(failed)
    assert (needs.KUBECTL in text) is not kubectl
