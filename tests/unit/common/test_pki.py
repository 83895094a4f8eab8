"""Certificates: who they name, when they are refused and how they survive on disk."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common import pki

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create("test", NOW)


def test_a_node_is_named_by_the_authority_and_not_by_its_request(authority: pki.Authority) -> None:
    key = pki.new_key()
    request = pki.certificate_request("system:node:somebody-else", key)
    pem = authority.sign_request(request, pki.node_subject("worker-1", ["192.0.2.7", "fd00::7"]), NOW)
    certificate = pki.parse_certificate(pem)
    assert pki.common_name(certificate) == "system:node:worker-1"
    pki.check_issued_by(certificate, authority.identity.certificate)
    pki.check_validity(certificate, NOW)


def test_a_node_name_too_long_for_a_certificate_is_refused(authority: pki.Authority) -> None:
    assert authority.issue(pki.node_subject("a" * 52, []), NOW).common_name == "system:node:" + "a" * 52
    with pytest.raises(pki.PkiError, match="at most 52 characters"):
        pki.node_subject("a" * 53, [])


@pytest.mark.parametrize(
    ("moment", "words"),
    [(NOW + pki.LIFETIME + timedelta(days=1), "expired at"), (NOW - timedelta(hours=1), "valid only from")],
)
def test_a_certificate_out_of_its_time_is_refused_with_both_moments(
    authority: pki.Authority, moment: datetime, words: str
) -> None:
    identity = authority.issue(pki.node_subject("worker-1", []), NOW)
    with pytest.raises(pki.PkiError, match=words) as failure:
        pki.check_validity(identity.certificate, moment)
    assert f"{moment:%Y-%m-%d %H:%M:%SZ}" in str(failure.value)


def test_a_certificate_of_another_cluster_is_refused(authority: pki.Authority) -> None:
    stranger = pki.Authority.create("test", NOW).issue(pki.node_subject("worker-1", []), NOW)
    with pytest.raises(pki.PkiError, match="belongs to another cluster"):
        pki.check_issued_by(stranger.certificate, authority.identity.certificate)


@pytest.mark.parametrize("request_pem", [b"", b"junk", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_a_broken_request_is_refused(authority: pki.Authority, request_pem: bytes) -> None:
    with pytest.raises(pki.PkiError, match="not a PEM signing request"):
        authority.sign_request(request_pem, pki.node_subject("worker-1", []), NOW)


def test_renewal_is_due_in_the_last_third(authority: pki.Authority) -> None:
    certificate = authority.issue(pki.node_subject("worker-1", []), NOW).certificate
    assert not pki.needs_renewal(certificate, NOW + timedelta(days=240))
    assert pki.needs_renewal(certificate, NOW + timedelta(days=250))


def test_a_renewed_certificate_must_fit_the_key(authority: pki.Authority) -> None:
    identity = authority.issue(pki.node_subject("worker-1", []), NOW)
    subject = pki.node_subject("worker-1", [])
    fresh = identity.renewed(authority.sign_request(pki.request_for(identity), subject, NOW + timedelta(days=300)))
    assert fresh.certificate.not_valid_after_utc > identity.certificate.not_valid_after_utc
    with pytest.raises(pki.PkiError, match="another key"):
        identity.renewed(authority.issue(subject, NOW).certificate_pem)


def test_no_certificate_outlives_the_authority(authority: pki.Authority) -> None:
    late = NOW + pki.AUTHORITY_LIFETIME - timedelta(days=10)
    identity = authority.issue(pki.node_subject("worker-1", []), late)
    assert identity.certificate.not_valid_after_utc == authority.identity.certificate.not_valid_after_utc
    with pytest.raises(pki.PkiError, match="quarterdeck-ca test expired"):
        authority.issue(pki.node_subject("worker-1", []), NOW + pki.AUTHORITY_LIFETIME + timedelta(days=1))


def test_keys_never_appear_in_a_representation(authority: pki.Authority) -> None:
    assert "PRIVATE" not in repr(authority)
    assert "PRIVATE" not in repr(pki.self_signed(NOW))


def test_stored_identities_are_private_and_come_back(tmp_path: Path, authority: pki.Authority) -> None:
    folder = pki.Folder(tmp_path / "pki")
    assert folder.load("ca") is None
    folder.save("ca", authority.identity)
    assert folder.load("ca") == authority.identity
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "pki").iterdir()] == [0o600]


@pytest.mark.parametrize("keep", [0, 100, -40])
def test_a_truncated_file_is_named(tmp_path: Path, authority: pki.Authority, keep: int) -> None:
    folder = pki.Folder(tmp_path)
    folder.save("ca", authority.identity)
    file = tmp_path / "ca.pem"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(pki.PkiError, match=r"ca\.pem is damaged"):
        folder.load("ca")


def test_certificate_and_key_of_different_identities_are_refused(tmp_path: Path, authority: pki.Authority) -> None:
    other = pki.self_signed(NOW)
    pki.Folder(tmp_path).save("ca", pki.Identity(authority.certificate_pem, other.key_pem))
    with pytest.raises(pki.PkiError, match="do not belong together"):
        pki.Folder(tmp_path).load("ca")


def test_ensure_makes_keeps_and_renews(tmp_path: Path, authority: pki.Authority) -> None:
    folder = pki.Folder(tmp_path)
    subject = pki.Subject(pki.CONTROL_PLANE)
    first = folder.ensure("controlplane", lambda: authority.issue(subject, NOW), NOW)
    same = folder.ensure("controlplane", lambda: authority.issue(subject, NOW), NOW + timedelta(days=100))
    later = NOW + timedelta(days=300)
    renewed = folder.ensure("controlplane", lambda: authority.issue(subject, later), later)
    assert same == first
    assert renewed != first
    assert folder.load("controlplane") == renewed


def test_revocations_survive_a_restart_and_damage_is_not_ignored(tmp_path: Path) -> None:
    file = tmp_path / "revoked.json"
    pki.Revocations(file).revoke(255, "node worker-1 was removed")
    assert pki.Revocations(file).is_revoked(255)
    assert not pki.Revocations(file).is_revoked(256)
    file.write_bytes(b"{")
    with pytest.raises(pki.PkiError, match=r"revoked\.json is damaged"):
        pki.Revocations(file)
