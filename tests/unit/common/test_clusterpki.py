"""The control plane's keys over its life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from common import pki
from common.clusterpki import ClusterPki
from common.kubeconfig import kubeconfig

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def opened(folder: Path, now: datetime = NOW, names: tuple[str, ...] = ("127.0.0.1",)) -> ClusterPki:
    return ClusterPki(folder, "test", names, now)


def test_a_second_start_has_the_same_keys(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path, NOW + timedelta(days=1))
    assert first.authority == second.authority
    assert first.admin == second.admin
    assert first.server == second.server


def test_certificates_are_renewed_in_time_under_the_same_authority(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    before = keys.server
    assert not keys.renew(NOW + timedelta(days=100))
    assert keys.renew(NOW + timedelta(days=300))
    assert keys.server != before
    pki.check_issued_by(keys.server.certificate, keys.authority.identity.certificate)


def test_a_new_address_of_the_api_gets_into_its_certificate(tmp_path: Path) -> None:
    opened(tmp_path)
    keys = opened(tmp_path, names=("127.0.0.1", "192.0.2.9"))
    assert pki.covers(keys.server.certificate, ["192.0.2.9"])


def test_an_authority_that_vanished_is_not_replaced_silently(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(pki.PkiError, match=r"ca\.pem is missing"):
        opened(tmp_path)


def test_tokens_are_signed_with_the_key_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "service-accounts.pem"
    assert opened(tmp_path).signer.algorithm == "RS256"
    file.write_bytes(pki.key_to_pem(pki.new_key()))
    assert opened(tmp_path).signer.algorithm == "ES256"
    file.write_text("none")
    with pytest.raises(pki.PkiError, match=r"service-accounts\.pem is damaged: .*restore it from a copy"):
        opened(tmp_path)
    assert file.read_text() == "none"


def test_the_kubeconfig_holds_what_kubectl_needs(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    text = kubeconfig("mine", "https://127.0.0.1:6443", keys.authority.certificate_pem, keys.admin)
    document = yaml.safe_load(text)
    assert document["current-context"] == "mine"
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert set(document["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
