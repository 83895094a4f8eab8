"""The jump in front of Docker's drop."""

from __future__ import annotations

from nodeagent.network.glue import plan, plan_removal

ACCEPT = "-m mark --mark 0x2000/0x2000 -j ACCEPT"
INPUT = [":QD-INPUT - [0:0]", "-A INPUT -j QD-INPUT", f"-A QD-INPUT {ACCEPT}"]
DOCKER = [
    "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":DOCKER-USER - [0:0]",
    "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN",
]  # fmt: skip
GLUED = [
    "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":DOCKER-USER - [0:0]", ":QD-FORWARD - [0:0]", *INPUT,
    "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j QD-FORWARD", "-A DOCKER-USER -j RETURN", f"-A QD-FORWARD {ACCEPT}",
]  # fmt: skip
WITHOUT_DOCKER = ["*filter", ":FORWARD DROP [0:0]", *INPUT, "-A FORWARD -o docker0 -j DOCKER"]


def planned(*rules: str) -> list[str]:
    return plan("\n".join(rules))


def test_the_jump_goes_first_into_dockers_chain_for_users() -> None:
    assert planned(*DOCKER, *INPUT) == [
        ":QD-FORWARD - [0:0]", "-I DOCKER-USER 1 -j QD-FORWARD", f"-A QD-FORWARD {ACCEPT}",
    ]  # fmt: skip


def test_what_pods_need_of_the_host_is_let_in_first() -> None:
    firewall = [rule for rule in GLUED if rule not in INPUT]
    wanted = [":QD-INPUT - [0:0]", "-I INPUT 1 -j QD-INPUT", f"-A QD-INPUT {ACCEPT}"]
    assert planned(*firewall) == wanted
    assert planned(*firewall, "-A INPUT -j REJECT", *INPUT) == [wanted[0], "-D INPUT -j QD-INPUT", *wanted[1:]]


def test_nothing_is_done_when_all_is_in_place() -> None:
    assert planned(*GLUED) == []


def test_an_empty_table_gets_chains_and_jumps() -> None:
    assert [line for line in planned() if line.startswith("-I")] == [
        "-I FORWARD 1 -j QD-FORWARD", "-I INPUT 1 -j QD-INPUT",
    ]  # fmt: skip


def test_without_dockers_chain_the_jump_is_first_in_forward_and_goes_back_there_when_pushed_down() -> None:
    wanted = [":QD-FORWARD - [0:0]", "-I FORWARD 1 -j QD-FORWARD", f"-A QD-FORWARD {ACCEPT}"]
    assert planned(*WITHOUT_DOCKER) == wanted
    pushed = [*WITHOUT_DOCKER, ":QD-FORWARD - [0:0]", "-A FORWARD -j QD-FORWARD", f"-A QD-FORWARD {ACCEPT}"]
    assert planned(*pushed) == [wanted[0], "-D FORWARD -j QD-FORWARD", *wanted[1:]]


def test_a_jump_moves_when_docker_brings_its_chain() -> None:
    saved = [*DOCKER, *INPUT, ":QD-FORWARD - [0:0]", "-A FORWARD -j QD-FORWARD", f"-A QD-FORWARD {ACCEPT}"]
    assert planned(*saved)[1:3] == ["-D FORWARD -j QD-FORWARD", "-I DOCKER-USER 1 -j QD-FORWARD"]


def test_foreign_rules_in_our_chain_are_swept_out() -> None:
    assert planned(*GLUED, "-A QD-FORWARD -j DROP")[0] == ":QD-FORWARD - [0:0]"


def test_removal_takes_jumps_and_chains_and_nothing_else() -> None:
    assert plan_removal("\n".join(GLUED)) == [
        ":QD-FORWARD - [0:0]", "-D DOCKER-USER -j QD-FORWARD", "-X QD-FORWARD",
        ":QD-INPUT - [0:0]", "-D INPUT -j QD-INPUT", "-X QD-INPUT",
    ]  # fmt: skip
    assert plan_removal("\n".join(DOCKER)) == []
