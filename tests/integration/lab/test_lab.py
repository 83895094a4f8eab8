"""The lab's hosts are hosts: they have their own everything, and faults do what their names say."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.lab import Lab, LabError
from tests.lab.commands import wait_until
from tests.lab.host import Host


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of its own beside the one of the end-to-end tests."""
    lab = Lab(Path("/tmp/quarterdeck-lab-test"))
    lab.down()
    lab.up(2)
    yield lab
    lab.down()
    assert lab.leftovers() == []


@pytest.fixture
def first(lab: Lab) -> Host:
    return lab.hosts[0]


@pytest.fixture
def second(lab: Lab) -> Host:
    return lab.hosts[1]


def reaches(host: Host, address: str) -> bool:
    """Whether the SSH server at an address answers within a second."""
    script = f"exec 3<>/dev/tcp/{address}/22 && head -c 4 <&3"
    return host.run("timeout", "1", "bash", "-c", script, check=False) == "SSH-"


def wait_for(host: Host, address: str) -> None:
    wait_until(lambda: reaches(host, address), f"{host.name} to reach {address}")


def test_hosts_are_separate_machines(first: Host, second: Host) -> None:
    assert first.run("hostname") == f"{first.name}\n"
    assert first.run("cat", "/etc/machine-id") != second.run("cat", "/etc/machine-id")
    identities = [host.run("docker", "info", "-f", "{{.ID}}") for host in (first, second)]
    assert identities[0] != identities[1]
    first.run("touch", "/etc/only-here")
    assert second.run("ls", "/etc/only-here", check=False) == ""
    assert not Path("/etc/only-here").exists()


def test_hosts_reach_each_other_over_both_families(first: Host, second: Host) -> None:
    wait_for(first, second.address)
    wait_for(second, first.address6)


def test_a_partition_cuts_both_ways_until_healed(first: Host, second: Host) -> None:
    second.partition()
    assert not reaches(first, second.address)
    assert not reaches(second, first.address6)
    second.heal()
    wait_for(first, second.address)


def test_drop_cuts_one_pair_in_one_direction(first: Host, second: Host) -> None:
    first.drop(second, on=True)
    assert not reaches(first, second.address)
    first.drop(second, on=False)
    wait_for(first, second.address)


def test_a_paused_host_keeps_its_connections(first: Host, second: Host) -> None:
    second.pause()
    assert not reaches(first, second.address)
    second.resume()
    wait_for(first, second.address)


def test_a_killed_host_loses_its_processes_and_keeps_its_disk(lab: Lab, second: Host) -> None:
    second.run("sh", "-c", "echo kept > /etc/kept")
    sleeper = second.spawn("sleeper", "sleep", "300")
    second.kill()
    assert sleeper.wait(30) != 0
    with pytest.raises(LabError, match="h2 is down"):
        second.run("true")
    second.boot()
    second.wait_for_engine()
    assert second.run("cat", "/etc/kept") == "kept\n"


def test_ssh_logs_in_with_the_labs_key(lab: Lab, first: Host) -> None:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(first.address, username="root", key_filename=str(lab.key), look_for_keys=False, allow_agent=False)
    try:
        assert client.exec_command("hostname")[1].read() == f"{first.name}\n".encode()
    finally:
        client.close()


def test_the_command_line_names_an_unknown_host(lab: Lab) -> None:
    command = [".venv/bin/python", "-m", "tests.lab", "--folder", str(lab.folder), "exec", "h9", "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    names = ", ".join(host.name for host in lab.hosts)
    assert f"no host 'h9'; there are: {names}" in done.stderr
