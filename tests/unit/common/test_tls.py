"""TLS handshakes in memory: who trusts whom, and what a refusal says."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from common import pki, tls
from common.clock import SystemClock

NOW = SystemClock().now()  # OpenSSL reads the real clock
NODE = pki.node_subject("worker-1", ["127.0.0.1"])
CONSOLE = pki.Subject(pki.CONTROL_PLANE)


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create("test", NOW - timedelta(days=1000))


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Both ends joined in memory; returns the server's end after the handshake and one byte each way."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_end = server.wrap_bio(to_server, to_client, server_side=True)
    client_end = client.wrap_bio(to_client, to_server, server_hostname=name)
    for step in (client_end.do_handshake, server_end.do_handshake) * 3:
        try:
            step()
        except ssl.SSLWantReadError:
            continue
    server_end.write(b"x")
    client_end.read(1)
    return server_end


def test_both_ends_know_each_other(authority: pki.Authority) -> None:
    server = tls.server_context(authority.issue(NODE, NOW), authority.certificate_pem)
    client = tls.client_context(authority.issue(CONSOLE, NOW), authority.certificate_pem)
    end = handshake(server, client, "worker-1")
    common, organizations, serial = tls.peer_subject(end.getpeercert())
    assert (common, organizations) == (pki.CONTROL_PLANE, frozenset())
    assert serial > 0
    assert end.version() == "TLSv1.3"


def test_a_node_shows_its_group(authority: pki.Authority) -> None:
    node = authority.issue(NODE, NOW)
    server = tls.server_context(node, authority.certificate_pem)
    end = handshake(server, tls.client_context(node, authority.certificate_pem), "worker-1")
    assert tls.peer_subject(end.getpeercert())[:2] == ("system:node:worker-1", frozenset({"system:nodes"}))


def test_a_client_without_certificate_is_nobody(authority: pki.Authority) -> None:
    server = tls.server_context(authority.issue(NODE, NOW), authority.certificate_pem)
    end = handshake(server, tls.client_context(None, authority.certificate_pem), "worker-1")
    assert tls.peer_subject(end.getpeercert()) == ("", frozenset(), 0)


def test_an_unadopted_agent_answers_whoever_does_not_verify() -> None:
    server = tls.server_context(pki.self_signed(NOW), None)
    assert handshake(server, tls.unverified_client_context(), "anything").version() == "TLSv1.3"


def test_a_server_of_another_cluster_is_refused(authority: pki.Authority) -> None:
    stranger = pki.Authority.create("test", NOW)
    server = tls.server_context(stranger.issue(NODE, NOW), stranger.certificate_pem)
    with pytest.raises(ssl.SSLError) as failure:
        handshake(server, tls.client_context(None, authority.certificate_pem), "worker-1")
    assert "another cluster or to none" in tls.explain(failure.value)


def test_a_client_of_another_cluster_is_refused(authority: pki.Authority) -> None:
    stranger = pki.Authority.create("other", NOW)
    server = tls.server_context(authority.issue(NODE, NOW), authority.certificate_pem)
    client = tls.client_context(stranger.issue(CONSOLE, NOW), authority.certificate_pem)
    with pytest.raises(ssl.SSLError) as failure:
        handshake(server, client, "worker-1")
    assert "another cluster" in tls.explain(failure.value)


@pytest.mark.parametrize(
    ("issued", "words"),
    [(NOW - pki.LIFETIME - timedelta(days=2), "has expired"), (NOW + timedelta(days=2), "is not valid yet")],
)
def test_a_certificate_out_of_its_time_is_refused(authority: pki.Authority, issued: datetime, words: str) -> None:
    server = tls.server_context(authority.issue(NODE, issued), authority.certificate_pem)
    with pytest.raises(ssl.SSLError) as failure:
        handshake(server, tls.client_context(None, authority.certificate_pem), "worker-1")
    assert words in tls.explain(failure.value)


def test_another_node_behind_the_same_address_is_refused(authority: pki.Authority) -> None:
    server = tls.server_context(authority.issue(NODE, NOW), authority.certificate_pem)
    with pytest.raises(ssl.SSLError) as failure:
        handshake(server, tls.client_context(None, authority.certificate_pem), "worker-2")
    assert "somebody else" in tls.explain(failure.value)


def test_the_reason_is_found_behind_wrapping_errors() -> None:
    inner = ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca")
    outer = OSError("cannot connect")
    outer.__cause__ = inner
    assert "does not know our cluster's authority" in tls.explain(outer)
    assert tls.explain(OSError("no route to host")) == "no route to host"
    assert tls.explain(TimeoutError()) == "no answer in time"


def test_the_reason_is_found_in_what_the_http_client_raises(authority: pki.Authority) -> None:
    server = tls.server_context(authority.issue(NODE, NOW - pki.LIFETIME - timedelta(days=2)), None)
    with pytest.raises(ssl.SSLCertVerificationError) as failure:
        handshake(server, tls.client_context(None, authority.certificate_pem), "worker-1")
    key = ConnectionKey("worker-1", 10250, True, True, None, None, None)
    assert "has expired" in tls.explain(aiohttp.ClientConnectorCertificateError(key, failure.value))
    refused = aiohttp.ClientConnectorError(key, ConnectionRefusedError(111, "Connection refused"))
    assert tls.explain(refused) == "Connection refused"


def test_a_broken_authority_is_named() -> None:
    with pytest.raises(pki.PkiError, match="authority's certificate cannot be used"):
        tls.client_context(None, b"-----BEGIN CERTIFICATE-----\njunk\n-----END CERTIFICATE-----\n")
