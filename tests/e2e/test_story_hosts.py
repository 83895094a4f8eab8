"""A machine with nothing but an SSH server becomes a node by one command; failures are clear and leave no debris."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import tutorials
from tests.e2e.cluster import BIN, Cluster
from tests.lab.host import Host

PASSWORD = "correct horse"
OPERATOR = "captain"


@pytest.fixture(scope="module")
def bare(shared_cluster: Cluster) -> Iterator[Host]:
    """One machine more, without engine and agent."""
    lab = shared_cluster.lab
    host = lab.add(engine=False)
    script = (
        f"useradd -m -s /bin/sh {OPERATOR}; echo '{OPERATOR}:{PASSWORD}' | chpasswd; useradd -m nobody-special; "
        f"echo 'nobody-special:{PASSWORD}' | chpasswd; usermod -aG sudo {OPERATOR}"
    )
    host.run("sh", "-c", script)
    yield host
    host.kill()
    host.erase()


def key_of(host: Host) -> str:
    told = host.run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub")
    return told.split()[1]


def installation(host: Host) -> str:
    """What of ours is on the machine."""
    script = (
        "ls -d /opt/quarterdeck /usr/local/bin/quarterdeck-agent /etc/init.d/quarterdeck-agent /var/lib/quarterdeck"
    )
    return host.run("sh", "-c", f"{script} 2>/dev/null; pgrep -f '[n]odeagent.cli'", check=False)


def host_command(cluster: Cluster, *words: str, password: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "quarterdeck"), "host", *words]
    options = ["--password-file", "-"] if password else ["--key", str(cluster.lab.key)]
    return subprocess.run(
        [*command, *options], env=cluster.environment, input=f"{password}\n", capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip


def test_an_unknown_machine_is_refused_until_its_key_is_accepted(cluster: Cluster, bare: Host) -> None:
    refused = host_command(cluster, "install", f"root@{bare.address}")
    assert refused.returncode == 1
    assert key_of(bare) in refused.stderr
    wrong = host_command(cluster, "install", f"root@{bare.address}", "--host-key", "SHA256:another")
    assert wrong.returncode == 1
    accepted = host_command(cluster, "install", f"root@{bare.address}", "--host-key", key_of(bare), "--dry-run")
    assert accepted.returncode == 0, accepted.stderr
    assert "nothing was changed" in accepted.stdout
    assert installation(bare) == ""


def test_who_cannot_be_root_is_told_why(cluster: Cluster, bare: Host) -> None:
    nobody, operator = f"nobody-special@{bare.address}", f"{OPERATOR}@{bare.address}"
    assert "wrong password" in host_command(cluster, "install", operator, password="wrong").stderr
    refused = host_command(cluster, "install", nobody, password=PASSWORD)
    assert refused.returncode == 1
    assert "sudo refuses" in refused.stderr
    assert PASSWORD not in refused.stderr + refused.stdout
    assert installation(bare) == ""


def test_a_connection_cut_while_it_uploads_leaves_nothing_that_is_used(cluster: Cluster, bare: Host) -> None:
    started = subprocess.Popen(
        [str(BIN / "quarterdeck"), "host", "install", f"root@{bare.address}", "--key", str(cluster.lab.key)],
        env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert started.stdout is not None
    for line in started.stdout:
        if "-- upload" in line:
            break
    time.sleep(0.2)  # somewhere inside
    started.send_signal(signal.SIGKILL)
    started.wait(10)
    started.stdout.close()
    assert bare.run("sh", "-c", "ls /opt/quarterdeck/releases 2>/dev/null", check=False).strip() == ""
    assert bare.run("sh", "-c", "ls -d /opt/quarterdeck/current 2>/dev/null", check=False) == ""


def test_it_becomes_a_node_as_a_sudoer_and_again_by_repeating(cluster: Cluster, bare: Host) -> None:
    operator = f"{OPERATOR}@{bare.address}"
    done = host_command(cluster, "install", operator, password=PASSWORD)
    assert done.returncode == 0, done.stderr + done.stdout
    node = re.findall(r"node (\S+) is ready", done.stdout)[0]
    assert cluster.node_ready(node)
    again = host_command(cluster, "install", operator, password=PASSWORD)
    assert again.returncode == 0
    assert "it is node" in again.stdout
    assert "-- upload" not in again.stdout
    assert PASSWORD not in bare.run("ps", "-ef") + done.stdout + done.stderr


def test_the_agent_is_back_after_a_reboot_of_its_service(cluster: Cluster, bare: Host) -> None:
    bare.run("/etc/init.d/quarterdeck-agent", "restart")
    cluster.wait(lambda: cluster.node_ready(bare.name), f"node {bare.name} to be Ready again")


def test_a_changed_host_key_stops_everything(cluster: Cluster, bare: Host) -> None:
    accept = host_command(cluster, "install", f"root@{bare.address}", "--dry-run", "--host-key", key_of(bare))
    assert accept.returncode == 0, accept.stderr
    remake = "rm -f /etc/ssh/ssh_host_*_key* && ssh-keygen -q -A && kill -HUP $(cat /run/sshd.pid)"
    bare.run("sh", "-c", remake)
    cluster.wait(lambda: "another key" in host_command(cluster, "install", f"root@{bare.address}", "--dry-run").stderr,
                 "the changed key to be told", 20)  # fmt: skip
    renewed = host_command(
        cluster, "install", f"root@{bare.address}", "--dry-run", "--forget-host-key", "--host-key", key_of(bare)
    )
    assert renewed.returncode == 0, renewed.stderr


def test_removing_leaves_nothing(cluster: Cluster, bare: Host, tmp_path: Path) -> None:
    done = host_command(cluster, "remove", f"root@{bare.address}")
    assert done.returncode == 0, done.stderr + done.stdout
    assert installation(bare) == ""
    assert bare.name not in cluster.kubectl("get", "nodes")
    assert "qd" not in bare.run("nft", "list", "tables")
    assert bare.run("docker", "ps", "-aq") == ""
    again = host_command(cluster, "remove", f"root@{bare.address}")
    assert "nothing of Quarterdeck is installed" in again.stderr


def test_the_tutorial(cluster: Cluster, bare: Host, space: str, tmp_path: Path) -> None:
    variables = {"HOST": bare.address, "KEY": str(cluster.lab.key), "FINGERPRINT": key_of(bare)}
    tutorials.follow(cluster, space, "hosts", tmp_path, variables)
