"""Who an agent is, over adoption, renewal, removal and a damaged disk."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from common import pki
from common.clock import FakeClock
from common.pki import PkiError
from common.session import PROTOCOL_VERSION, Open
from nodeagent.assignment import Assignment
from nodeagent.reset import cluster_of
from nodeagent.session.credentials import Credentials, Epoch
from nodeagent.session.local import Peer, allowed
from nodeagent.session.session import refusal

CLOCK = FakeClock()


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create("test", CLOCK.now())


async def joined(folder: Path | None, authority: pki.Authority, node: str = "worker-1") -> Credentials:
    credentials = Credentials(folder, CLOCK)
    signed = authority.sign_request(pki.request_for(credentials.own), pki.node_subject(node, []), CLOCK.now())
    await credentials.join("c1", node, authority.certificate_pem, signed)
    return credentials


async def test_membership_survives_a_restart_and_the_fingerprint_never_changes(
    tmp_path: Path, authority: pki.Authority
) -> None:
    born = Credentials(tmp_path, CLOCK).fingerprint
    await joined(tmp_path, authority)
    again = Credentials(tmp_path, CLOCK)
    assert again.membership is not None
    assert (again.cluster, again.membership.node, again.fingerprint) == ("c1", "worker-1", born)
    await again.leave()
    assert Credentials(tmp_path, CLOCK).membership is None
    assert Credentials(tmp_path, CLOCK).fingerprint == born


async def test_files_are_private(tmp_path: Path, authority: pki.Authority) -> None:
    await joined(tmp_path, authority)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*") if file.is_file()}
    assert modes == {0o600}


async def test_certificates_that_are_not_for_this_node_are_refused(authority: pki.Authority) -> None:
    credentials = Credentials(None, CLOCK)
    request = pki.request_for(credentials.own)
    good = authority.sign_request(request, pki.node_subject("worker-1", []), CLOCK.now())
    stranger = pki.Authority.create("other", CLOCK.now())
    other_key = authority.issue(pki.node_subject("worker-1", []), CLOCK.now()).certificate_pem
    for node, trusted, certificate, words in (
        ("worker-2", authority, good, "not for node 'worker-2'"),
        ("worker-1", stranger, good, "another cluster"),
        ("worker-1", authority, other_key, "another key"),
        ("worker-1", authority, b"junk", "not a PEM certificate"),
    ):
        with pytest.raises(PkiError, match=words):
            await credentials.join("c1", node, trusted.certificate_pem, certificate)
    assert credentials.membership is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: orjson.dumps(data)[:100],
        lambda _data: b"null",
        lambda data: orjson.dumps({**data, "cluster": 5}),
        lambda data: orjson.dumps({**data, "authority": "junk"}),
        lambda data: orjson.dumps({**data, "certificate": "junk"}),
        lambda data: orjson.dumps({**data, "key": data["key"][:60]}),
        lambda data: orjson.dumps({**data, "key": pki.self_signed(CLOCK.now()).key_pem.decode()}),
    ],
)
async def test_a_damaged_membership_counts_as_none(
    tmp_path: Path,
    authority: pki.Authority,
    damage: Callable[[dict[str, str]], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await joined(tmp_path, authority)
    file = tmp_path / "membership.json"
    file.write_bytes(damage(orjson.loads(file.read_bytes())))
    assert Credentials(tmp_path, CLOCK).membership is None
    assert f"{file} is damaged, this host counts as not adopted: adopt it again" in caplog.text


@pytest.mark.parametrize("victim", ["membership.json", "assignment/cluster.json"])
async def test_whose_containers_are_here_is_known_when_one_file_is_damaged(
    tmp_path: Path, authority: pki.Authority, victim: str
) -> None:
    await joined(tmp_path, authority)
    assignment = Assignment(tmp_path)
    assignment.join("c1", "worker-1", {})
    await assignment.save()
    (tmp_path / victim).write_bytes(b"{")
    assert cluster_of(tmp_path) == "c1"


async def test_the_epoch_survives_a_restart(tmp_path: Path, authority: pki.Authority) -> None:
    credentials = await joined(tmp_path, authority)
    await credentials.raise_epoch(Epoch(3, "one"))
    epoch = Credentials(tmp_path, CLOCK).epoch
    assert epoch == Epoch(3, "one")
    assert not epoch.refuses(3, "one")
    assert epoch.refuses(3, "two")
    assert epoch.refuses(2, "one")
    assert not epoch.refuses(4, "two")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"cluster": "c2"}, "wrong-cluster"),
        ({"node": "worker-2"}, "wrong-cluster"),
        ({"epoch": 1}, "old-epoch"),
        ({"instance": "b"}, "old-epoch"),
        ({"epoch": 3, "instance": "b"}, None),
        ({"version": PROTOCOL_VERSION + 1}, "wrong-version"),
    ],
)
async def test_only_the_clusters_newest_control_plane_is_admitted(
    authority: pki.Authority, changes: dict[str, object], reason: str | None
) -> None:
    credentials = await joined(None, authority)
    await credentials.raise_epoch(Epoch(2, "a"))
    values: dict[str, object] = {
        "cluster": "c1", "epoch": 2, "instance": "a", "node": "worker-1", "config": {}, "time": "", **changes,
    }  # fmt: skip
    refused = refusal(Open(**values), credentials.membership, credentials.epoch)  # type: ignore[arg-type]
    assert (refused.reason if refused else None) == reason


def test_an_agent_without_cluster_admits_nobody() -> None:
    refused = refusal(Open("c1", 1, "a", "worker-1", {}, ""), None, Epoch())
    assert refused is not None
    assert "of no cluster" in refused.message


@pytest.mark.parametrize(
    ("uid", "groups", "sudo", "expected"),
    [
        (0, (), "", True),
        (1000, (), "", True),
        (1001, (), "", False),
        (1001, (), "1001", True),
        (1001, ("quarterdeck",), "", True),
        (1001, ("docker",), "", False),
    ],
)
def test_who_may_use_the_local_socket(uid: int, groups: tuple[str, ...], sudo: str, *, expected: bool) -> None:
    environment = {"SUDO_UID": sudo} if sudo else {}
    assert allowed(Peer(uid, frozenset(groups)), 1000, environment) is expected
