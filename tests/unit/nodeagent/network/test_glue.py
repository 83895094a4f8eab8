"""The jump in front of Docker's drop."""

from __future__ import annotations

from nodeagent.network.glue import plan, plan_removal

ACCEPT = "-A QD-FORWARD -m mark --mark 0x2000/0x2000 -j ACCEPT"
DOCKER = [
    "*filter",
    ":FORWARD DROP [0:0]",
    ":DOCKER-USER - [0:0]",
    "-A FORWARD -j DOCKER-USER",
    "-A DOCKER-USER -j RETURN",
]
GLUED = [
    "*filter", ":FORWARD DROP [0:0]", ":DOCKER-USER - [0:0]", ":QD-FORWARD - [0:0]",
    "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j QD-FORWARD", "-A DOCKER-USER -j RETURN", ACCEPT,
]  # fmt: skip


def test_the_jump_goes_first_into_dockers_chain_for_users() -> None:
    assert plan("\n".join(DOCKER)) == [":QD-FORWARD - [0:0]", "-I DOCKER-USER 1 -j QD-FORWARD", ACCEPT]


def test_nothing_is_done_when_all_is_in_place() -> None:
    assert plan("\n".join(GLUED)) == []


def test_without_that_chain_the_jump_goes_to_the_top_of_forward_and_back_there_when_it_was_pushed_down() -> None:
    saved = ["*filter", ":FORWARD DROP [0:0]", "-A FORWARD -o docker0 -j DOCKER"]
    wanted = [":QD-FORWARD - [0:0]", "-I FORWARD 1 -j QD-FORWARD", ACCEPT]
    assert plan("\n".join(saved)) == wanted
    pushed = [*saved, ":QD-FORWARD - [0:0]", "-A FORWARD -j QD-FORWARD", ACCEPT]
    assert plan("\n".join(pushed)) == [wanted[0], "-D FORWARD -j QD-FORWARD", *wanted[1:]]


def test_a_jump_moves_when_docker_brings_its_chain() -> None:
    saved = [*DOCKER, ":QD-FORWARD - [0:0]", "-A FORWARD -j QD-FORWARD", ACCEPT]
    assert plan("\n".join(saved))[1:3] == ["-D FORWARD -j QD-FORWARD", "-I DOCKER-USER 1 -j QD-FORWARD"]


def test_foreign_rules_in_our_chain_are_swept_out() -> None:
    assert plan("\n".join([*GLUED, "-A QD-FORWARD -j DROP"])) != []


def test_removal_takes_jump_and_chain_and_nothing_else() -> None:
    assert plan_removal("\n".join(GLUED)) == [":QD-FORWARD - [0:0]", "-D DOCKER-USER -j QD-FORWARD", "-X QD-FORWARD"]
    assert plan_removal("\n".join(DOCKER)) == []
