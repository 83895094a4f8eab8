"""What each signer signs, and in which words it says what it does not."""

from __future__ import annotations

import pytest

from common.pki import PkiError
from common.signers import API_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, Requested, read_request, refusal

CLIENT = ("digital signature", "key encipherment", "client auth")
SERVER = ("digital signature", "key encipherment", "server auth")


def asked(common: str = "system:node:n1", organization: str = "system:nodes", *there: str) -> Requested:
    kinds = (kind in there for kind in ("dns", "addresses", "emails", "uris"))
    return Requested(common, (organization,) if organization else (), (), *kinds)


@pytest.mark.parametrize(
    ("signer", "requested", "usages", "why"),
    [
        (API_CLIENT, asked("jane", "team"), CLIENT, ""),
        (API_CLIENT, asked("jane"), ("client auth",), ""),
        (API_CLIENT, asked("jane"), SERVER, "invalid usage for client certificate: server auth"),
        (API_CLIENT, asked("jane"), CLIENT[:2], "missing required usage for client certificate: client auth"),
        (KUBELET_CLIENT, asked(), CLIENT, ""),
        (KUBELET_CLIENT, asked(), ("digital signature", "client auth"), ""),
        (KUBELET_CLIENT, asked(organization=""), CLIENT, "subject organization is not system:nodes"),
        (KUBELET_CLIENT, asked("jane"), CLIENT, "subject common name does not begin with system:node:"),
        (KUBELET_CLIENT, asked("system:node:n1", "system:nodes", "dns"), CLIENT,
         "DNS subjectAltNames are not allowed"),
        (KUBELET_CLIENT, asked(), ("client auth",),
         "usages did not match [client auth digital signature key encipherment]"),
        (KUBELET_SERVING, asked("system:node:n1", "system:nodes", "dns"), SERVER, ""),
        (KUBELET_SERVING, asked("system:node:n1", "system:nodes", "addresses"), SERVER, ""),
        (KUBELET_SERVING, asked(), SERVER, "DNS or IP subjectAltName is required"),
        (KUBELET_SERVING, asked("system:node:n1", "team", "dns"), SERVER, "subject organization is not system:nodes"),
        (KUBELET_SERVING, asked("system:node:n1", "system:nodes", "dns", "uris"), SERVER,
         "URI subjectAltNames are not allowed"),
        (KUBELET_SERVING, asked("system:node:n1", "system:nodes", "dns"), CLIENT,
         "usages did not match [digital signature key encipherment server auth]"),
    ],
)  # fmt: skip
def test_rules(signer: str, requested: Requested, usages: tuple[str, ...], why: str) -> None:
    assert refusal(signer, requested, usages) == why


def test_what_is_no_request_cannot_be_read() -> None:
    with pytest.raises(PkiError, match="not a PEM signing request"):
        read_request(b"x")
