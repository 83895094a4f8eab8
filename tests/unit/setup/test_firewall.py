"""What an engine leaves in iptables is taken away; other rules stay to the letter."""

from __future__ import annotations

from console.setup import firewall

SAVED = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [10:20]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:MY-DOCKER - [0:0]
-A INPUT -p tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i qd0 -o qd0 -j ACCEPT
-A FORWARD -j MY-DOCKER
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [1:2]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""


def test_only_the_engines_chains_and_rules_go_and_the_policy_comes_back() -> None:
    assert firewall.without_engine(SAVED, "ACCEPT").splitlines() == [
        "*filter",
        ":INPUT ACCEPT [0:0]",
        ":FORWARD ACCEPT [10:20]",
        ":OUTPUT ACCEPT [0:0]",
        ":MY-DOCKER - [0:0]",
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A FORWARD -j MY-DOCKER",
        "COMMIT",
        "*nat",
        ":PREROUTING ACCEPT [1:2]",
        "COMMIT",
    ]


def test_a_policy_that_was_drop_before_stays() -> None:
    assert firewall.forward_policy(SAVED) == "DROP"
    assert firewall.forward_policy("*filter\nCOMMIT\n") == "ACCEPT"
    assert ":FORWARD DROP [10:20]" in firewall.without_engine(SAVED, "DROP")


def test_tables_that_hold_nothing_are_found() -> None:
    assert firewall.empty_tables(firewall.without_engine(SAVED, "ACCEPT")) == ["nat"]
    assert firewall.empty_tables(SAVED) == []
    assert firewall.empty_tables("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n") == []
    assert firewall.empty_tables("") == []


def test_chains_go_with_the_jumps_to_them() -> None:
    saved = "*filter\n:QD-A - [0:0]\n:QD-B - [0:0]\n:XQD-A - [0:0]\n-A FORWARD -j QD-A\n-A INPUT -j XQD-A\nCOMMIT\n"
    assert firewall.chain_removal(saved, "QD-") == [
        ":QD-A - [0:0]",
        ":QD-B - [0:0]",
        "-D FORWARD -j QD-A",
        "-X QD-A",
        "-X QD-B",
    ]
    assert firewall.chain_removal("*filter\nCOMMIT\n", "QD-") == []
