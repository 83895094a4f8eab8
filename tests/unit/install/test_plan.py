"""What an installation will do to a machine, from its facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.install import service
from console.install.facts import Facts, parse
from console.install.plan import Act, Plan, Refusal, plan_install, plan_remove
from console.packages import OF_A_NODE

RELEASE, STAMP = "1.0-abc", "stamp"
BARE = Facts(
    hostname="berth", arch="x86_64", system="Debian GNU/Linux 12", os_ids=frozenset({"debian"}), python="3.11 glibc",
    venv=True, apt=True, systemd=True, programs=frozenset({"ip"}), free_kib=10_000_000, release="", stamp="", engine="",
    port_taken=False, agent=False, skew=0.4,
)  # fmt: skip
FULL = replace(
    BARE, programs=frozenset(need.program for need in OF_A_NODE), release=RELEASE, stamp=STAMP, engine="28.0",
    port_taken=True, agent=True,
)  # fmt: skip


def acts(facts: Facts, *, whole: bool = True) -> list[Act]:
    plan = plan_install(facts, RELEASE, STAMP, whole=whole)
    assert isinstance(plan, Plan), plan
    return [step.act for step in plan.steps]


def refusal(facts: Facts, *, whole: bool = True) -> str:
    plan = plan_install(facts, RELEASE, STAMP, whole=whole)
    assert isinstance(plan, Refusal), plan
    return plan.message


def test_a_bare_machine_gets_everything() -> None:
    assert acts(BARE) == [Act.PACKAGES, Act.ENGINE, Act.RELEASE, Act.SERVICE, Act.START, Act.ADOPT]


def test_a_finished_machine_has_nothing_done_but_being_asked_for() -> None:
    assert acts(FULL) == [Act.ADOPT]


def test_an_interrupted_installation_goes_on_where_it_was() -> None:
    assert acts(replace(FULL, agent=False, port_taken=False)) == [Act.START, Act.ADOPT]
    assert acts(replace(FULL, stamp="", agent=False, port_taken=False)) == [Act.SERVICE, Act.START, Act.ADOPT]


def test_another_release_is_an_upgrade_that_restarts_the_agent() -> None:
    assert acts(replace(FULL, release="0.9-old")) == [Act.RELEASE, Act.RESTART, Act.ADOPT]


@pytest.mark.parametrize(
    ("facts", "whole", "told"),
    [
        (replace(BARE, os_ids=frozenset({"fedora"}), system="Fedora 43", apt=False), True, "Fedora 43, which is not"),
        (replace(FULL, python="3.9 glibc"), True, "Python 3.9, and the agent needs Python 3.11"),
        (replace(FULL, python=""), True, "no python3"),
        (replace(FULL, venv=False, python="3.13 glibc"), False, "install python3-venv"),
        (replace(FULL, agent=False), True, "port 10250 of berth is in use"),
        (replace(BARE, free_kib=1024), True, "1 MiB free"),
        (replace(BARE, skew=-3600), True, "3600 s behind"),
        (replace(BARE, skew=3600), True, "3600 s ahead"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(facts: Facts, whole: bool, told: str) -> None:
    assert told in refusal(facts, whole=whole)


def test_a_machine_of_another_distribution_that_lacks_nothing_is_taken() -> None:
    assert acts(replace(FULL, os_ids=frozenset({"arch"}), apt=False)) == [Act.ADOPT]


def test_removing_takes_away_what_is_there() -> None:
    plan = plan_remove(FULL, node="berth")
    assert isinstance(plan, Plan)
    assert [step.act for step in plan.steps] == [Act.LEAVE, Act.STOP, Act.RESET, Act.FILES]
    assert isinstance(plan_remove(BARE, node=""), Refusal)


# Facts


def test_the_answer_of_a_machine_is_read() -> None:
    facts = parse(
        "hostname=berth\narch=aarch64\nnow=1000\nos_ID=ubuntu\nos_ID_LIKE=debian\nos_PRETTY_NAME=\"Ubuntu 24.04\"\n"
        "python=3.12 glibc\nvenv=yes\napt=/usr/bin/apt-get\nsystemd=yes\nprogram=nft\nprogram=ip\nfree_opt=12345\n"
        "release=/opt/quarterdeck/releases/1.0-abc\nstamp=s\nengine=28.1\nlistener=1\nagent=yes\n",
        now=990.0,
    )  # fmt: skip
    assert facts == Facts(
        "berth", "aarch64", "Ubuntu 24.04", frozenset({"ubuntu", "debian"}), "3.12 glibc", True, True, True,
        frozenset({"nft", "ip"}), 12345, "1.0-abc", "s", "28.1", True, True, 10.0,
    )  # fmt: skip


def test_an_answer_without_lines_gives_a_machine_without_anything() -> None:
    facts = parse("motd: welcome\n", now=1.0)
    assert (facts.python, facts.agent, facts.skew) == ("", False, 0.0)


# Service files


@pytest.mark.parametrize("systemd", [True, False])
def test_service_files_have_no_secret_and_a_stamp_of_their_content(*, systemd: bool) -> None:
    files = service.files(systemd=systemd)
    assert all(mode in {0o644, 0o755} for _, mode in files.values())
    assert service.stamp(systemd=systemd) != service.stamp(systemd=not systemd)
