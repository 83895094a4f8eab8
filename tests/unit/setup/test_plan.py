"""What `make run` decides to do, from facts about the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.packages import NEEDS, is_supported, parse_os_release
from console.setup.machine import Machine
from console.setup.plan import Act, Plan, Refusal, plan_up

EVERYTHING = frozenset(need.program for need in NEEDS)
FRESH = Machine(
    system="Debian GNU/Linux 12",
    supported=True,
    root=True,
    sudo=False,
    sudo_free=False,
    terminal=False,
    systemd=False,
    locked_down="",
    programs=frozenset(),
    engine="",
    engine_denied=False,
    image=False,
    agent=False,
    control_plane=False,
    agent_port_taken=False,
    api_port_taken=False,
    ipv6=True,
)
RUNNING = replace(
    FRESH, programs=EVERYTHING, engine="28.0", image=True, agent=True, control_plane=True,
    agent_port_taken=False, api_port_taken=False,
)  # fmt: skip


def acts(machine: Machine) -> list[Act]:
    plan = plan_up(machine)
    assert isinstance(plan, Plan), plan
    return [step.act for step in plan.steps]


def refusal(machine: Machine) -> str:
    plan = plan_up(machine)
    assert isinstance(plan, Refusal), plan
    return plan.message


def test_a_fresh_machine_gets_everything_in_order() -> None:
    assert acts(FRESH) == list(Act)


def test_packages_are_named_each_with_its_reason() -> None:
    plan = plan_up(replace(FRESH, programs=EVERYTHING - {"nft", "dockerd"}))
    assert isinstance(plan, Plan)
    assert plan.packages == ("docker.io", "nftables")
    assert "nftables carries the Services' addresses" in plan.steps[0].why


def test_what_runs_is_left_alone_and_needs_no_rights() -> None:
    second = [Act.ADOPT, Act.APPLY, Act.WAIT]
    assert acts(RUNNING) == second
    assert acts(replace(RUNNING, root=False)) == second


def test_an_engine_that_this_user_may_not_use_is_not_started_again() -> None:
    assert Act.START_ENGINE not in acts(replace(RUNNING, engine="", engine_denied=True))


def test_only_what_died_is_started() -> None:
    assert acts(replace(RUNNING, agent=False))[0] is Act.START_AGENT
    assert acts(replace(RUNNING, control_plane=False))[0] is Act.START_CONTROL_PLANE
    assert acts(replace(RUNNING, image=False))[0] is Act.MAKE_IMAGE


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"sudo": True, "terminal": True}, True),
        ({"sudo": True, "sudo_free": True}, True),
        ({"sudo": True}, False),
        ({}, False),
    ],
)
def test_rights_come_from_root_or_a_sudo_that_can_answer(changes: dict[str, bool], allowed: bool) -> None:
    assert isinstance(plan_up(replace(FRESH, root=False, **changes)), Plan) is allowed


def test_without_rights_the_exact_command_and_the_demo_are_told() -> None:
    message = refusal(replace(FRESH, root=False, sudo=True))
    assert "Run: sudo make run" in message
    assert "make demo" in message
    assert "install docker.io" in message
    assert "Run: su -c 'make run'" in refusal(replace(FRESH, root=False))


def test_a_locked_down_container_is_told_so_unless_all_runs_already() -> None:
    locked = "this is a container without CAP_SYS_ADMIN"
    message = refusal(replace(FRESH, locked_down=locked))
    assert locked in message
    assert "make demo" in message
    assert isinstance(plan_up(replace(RUNNING, locked_down=locked)), Plan)


def test_another_distribution_is_told_what_to_install() -> None:
    message = refusal(replace(FRESH, supported=False, system="Fedora 42"))
    assert message.startswith("Fedora 42 is not Debian or Ubuntu")
    assert "dockerd (runs the containers)" in message
    assert isinstance(plan_up(replace(FRESH, supported=False, programs=EVERYTHING)), Plan)


@pytest.mark.parametrize(("field", "port"), [("agent_port_taken", "10250"), ("api_port_taken", "6443")])
def test_a_port_in_use_is_named(field: str, port: str) -> None:
    assert f"Port {port}" in refusal(replace(FRESH, **{field: True}))


def test_without_ipv6_it_says_so() -> None:
    plan = plan_up(replace(FRESH, ipv6=False))
    assert isinstance(plan, Plan)
    assert "no IPv6" in plan.notes[0]


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ('ID=debian\nPRETTY_NAME="Debian"', True),
        ("ID=ubuntu\nID_LIKE=debian", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"', True),
        ("ID=fedora", False),
        ("# nothing", False),
    ],
)
def test_distributions(text: str, supported: bool) -> None:
    assert is_supported(parse_os_release(text)) is supported
