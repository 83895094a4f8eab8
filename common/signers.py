"""The signers of certificates that every cluster has, and what each of them signs: Kubernetes' published rules. Pure.

The API server holds the rules when a request is made, the certificate controller when it is signed; the words are those
that kube-controller-manager puts into a request that has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from .pki import NODE_PREFIX, NODES, PkiError

API_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY = "kubernetes.io/legacy-unknown"
_OPTIONAL = ("digital signature", "key encipherment")
_CLIENT, _SERVER = "client auth", "server auth"


@dataclass(frozen=True, slots=True)
class Requested:
    """Whom a signing request names, and by which alternative names."""

    common_name: str
    organizations: tuple[str, ...]
    names: tuple[str, ...]
    dns: bool
    addresses: bool
    emails: bool
    uris: bool


def read_request(pem: bytes) -> Requested:
    """Raises PkiError for what is no signing request."""
    try:
        request = x509.load_pem_x509_csr(pem)
        common = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        groups = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        found = _alternative_names(request)
    except ValueError as error:
        raise PkiError("not a PEM signing request") from error
    dns, addresses = found.get_values_for_type(x509.DNSName), found.get_values_for_type(x509.IPAddress)
    return Requested(
        str(common[0].value) if common else "",
        tuple(str(group.value) for group in groups),
        (*dns, *map(str, addresses)),
        bool(dns),
        bool(addresses),
        bool(found.get_values_for_type(x509.RFC822Name)),
        bool(found.get_values_for_type(x509.UniformResourceIdentifier)),
    )


def _alternative_names(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def refusal(signer: str, asked: Requested, usages: Iterable[str]) -> str:
    """Why a signer does not sign a request for these usages; empty when it does."""
    return _RULES[signer](asked, frozenset(usages))


def _refuse_api_client(_asked: Requested, usages: frozenset[str]) -> str:
    for usage in sorted(usages - {_CLIENT, *_OPTIONAL}):
        return f"invalid usage for client certificate: {usage}"
    return "" if _CLIENT in usages else f"missing required usage for client certificate: {_CLIENT}"


def _refuse_kubelet_client(asked: Requested, usages: frozenset[str]) -> str:
    unwanted = (
        (asked.dns, "DNS"), (asked.emails, "Email"), (asked.addresses, "IP"), (asked.uris, "URI"),
    )  # fmt: skip
    return _refuse_node(asked, unwanted) or _refuse_usages(usages, _CLIENT)


def _refuse_kubelet_serving(asked: Requested, usages: frozenset[str]) -> str:
    if set(asked.organizations) == {NODES} and not asked.dns and not asked.addresses:
        return "DNS or IP subjectAltName is required"
    return _refuse_node(asked, ((asked.emails, "Email"), (asked.uris, "URI"))) or _refuse_usages(usages, _SERVER)


def _refuse_node(asked: Requested, unwanted: Iterable[tuple[bool, str]]) -> str:
    if asked.organizations != (NODES,):
        return f"subject organization is not {NODES}"
    for there, kind in unwanted:
        if there:
            return f"{kind} subjectAltNames are not allowed"
    return "" if asked.common_name.startswith(NODE_PREFIX) else f"subject common name does not begin with {NODE_PREFIX}"


def _refuse_usages(usages: frozenset[str], purpose: str) -> str:
    whole = {"digital signature", "key encipherment", purpose}
    if usages in (whole, {"digital signature", purpose}):
        return ""
    return f"usages did not match [{' '.join(sorted(whole))}]"


_RULES: dict[str, Callable[[Requested, frozenset[str]], str]] = {
    API_CLIENT: _refuse_api_client,
    KUBELET_CLIENT: _refuse_kubelet_client,
    KUBELET_SERVING: _refuse_kubelet_serving,
}
SIGNERS = frozenset(_RULES)
