"""Names of machines, and whose keys are known."""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
from pathlib import Path

import pytest

from console.install.hostkeys import HostKey, KnownHosts
from console.install.ssh import Credentials
from console.install.target import Target, parse

KEY = HostKey("ssh-ed25519", b"key of berth")
LINE = base64.b64encode(KEY.key).decode()


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("root@berth", Target("root", "berth", 22)),
        ("op@10.0.0.7:2222", Target("op", "10.0.0.7", 2222)),
        ("op@[fd00::7]:2222", Target("op", "fd00::7", 2222)),
        ("op@fd00::7", Target("op", "fd00::7", 22)),
        ("berth", Target(getpass.getuser(), "berth", 22)),
    ],
)
def test_a_machine_is_user_host_and_port(text: str, target: Target) -> None:
    assert parse(text) == target
    assert parse(str(target)) == target


@pytest.mark.parametrize("text", ["@berth", "a b@berth", "root@", "root@berth:0", "root@berth:x", "root@a;reboot"])
def test_what_is_no_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"'.*'"):
        parse(text)


def test_accepted_keys_are_known_for_their_machine_and_port_alone(tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "ssh" / "known_hosts")
    known.accept(parse("root@berth"), KEY)
    known.accept(parse("root@other:2222"), KEY)
    assert known.keys(parse("anybody@berth")) == [KEY]
    assert known.keys(parse("root@berth:2222")) == []
    assert known.keys(parse("root@other:2222")) == [KEY]
    assert known.forget(parse("root@berth")) == 1
    assert known.keys(parse("root@berth")) == []


def test_the_users_own_known_hosts_are_read_also_when_hashed(tmp_path: Path) -> None:
    salt = b"0123456789"
    digest = hmac.new(salt, b"berth", hashlib.sha1).digest()
    hashed = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    theirs = tmp_path / "known_hosts"
    theirs.write_text(f"# comment\n@revoked berth ssh-rsa {LINE}\n{hashed} ssh-ed25519 {LINE}\nbroken\nberth a ###\n")
    assert KnownHosts(tmp_path / "own", (theirs,)).keys(parse("root@berth")) == [KEY]


def test_fingerprints_read_as_ssh_keygens() -> None:
    expected = base64.b64encode(hashlib.sha256(KEY.key).digest()).decode().rstrip("=")
    assert KEY.fingerprint == f"SHA256:{expected}"


def test_credentials_do_not_show_the_password() -> None:
    assert "hunter2" not in repr(Credentials(None, "hunter2"))
