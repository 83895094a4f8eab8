"""The cluster's certificates: who is who on every connection between parts of Quarterdeck.

One authority (EC P-256) per cluster signs the control plane, the nodes and the administrator; an agent that belongs
to no cluster yet shows a self-signed identity, which pairing binds to a code. `common.tls` makes TLS contexts of
these. The failure this prevents: a connection to the wrong party, and one that fails without saying why.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .files import write_atomic

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
AUTHORITY_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=365)  # an agent that is away longer than this has to be adopted again
BACKDATED = timedelta(minutes=5)  # a certificate made now is already valid on a host whose clock is a little behind

CONTROL_PLANE = "system:quarterdeck:controlplane"
ADMINISTRATOR = "quarterdeck-admin"
FRONT_PROXY = "front-proxy-client"  # to API servers of users behind ours
MASTERS = "system:masters"
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
REPLACEABLE = "remove it: another one is made at the next start"
"""What to do about a damaged identity that its authority can issue anew."""
MAX_NODE_NAME = 64 - len(NODE_PREFIX)  # X.509 limits a common name to 64 characters
SELF_SIGNED_NAME = "quarterdeck-agent"


class PkiError(Exception):
    """A certificate or key that cannot be used; the message says which, why and what to do."""


def node_user(node: str) -> str:
    """The common name of a node's certificate, which is its user name in the API."""
    return NODE_PREFIX + node


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key, both PEM. The representation shows neither."""

    certificate_pem: bytes
    key_pem: bytes

    def __repr__(self) -> str:
        return f"Identity({self.common_name!r}, fingerprint={self.fingerprint!r})"

    @cached_property
    def certificate(self) -> x509.Certificate:
        return parse_certificate(self.certificate_pem)

    @property
    def common_name(self) -> str:
        return common_name(self.certificate)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)

    def check(self) -> None:
        """PkiError unless both can be read and belong together."""
        if self.certificate.public_key() != load_key(self.key_pem).public_key():
            raise PkiError("certificate and key do not belong together")

    def renewed(self, certificate_pem: bytes) -> Identity:
        """The same key with a newer certificate; PkiError when that is one of another key."""
        fresh = Identity(certificate_pem, self.key_pem)
        if fresh.certificate.public_key() != self.certificate.public_key():
            raise PkiError("the renewed certificate belongs to another key")
        return fresh


def parse_certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise PkiError("not a PEM certificate") from error


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form, lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def check_validity(certificate: x509.Certificate, now: datetime) -> None:
    """PkiError when the certificate is not valid at `now`, naming both moments."""
    subject = common_name(certificate)
    if now >= certificate.not_valid_after_utc:
        raise PkiError(
            f"the certificate of {subject} expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}, "
            f"and it is {now:%Y-%m-%d %H:%M:%SZ} on this machine; adopt the host again, or set the clock"
        )
    if now < certificate.not_valid_before_utc:
        raise PkiError(
            f"the certificate of {subject} is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ}, "
            f"and it is {now:%Y-%m-%d %H:%M:%SZ} on this machine: set this machine's clock"
        )


def check_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    """PkiError when `authority` did not sign the certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise PkiError(
            f"the certificate of {common_name(certificate)} was not issued by {common_name(authority)}: "
            "it belongs to another cluster"
        ) from error


def needs_renewal(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether less than a third of its life is left, so that months remain for the renewal to succeed."""
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return now > certificate.not_valid_after_utc - lifetime / 3


def covers(certificate: x509.Certificate, names: Iterable[str]) -> bool:
    """Whether the certificate is for all these DNS names and addresses."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return set(_names(names)) <= set(found)


def certificate_request(common: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A signing request in PEM. Only its key counts: the authority decides names and purposes itself."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(common))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def request_for(identity: Identity) -> bytes:
    """A signing request for the identity's own key."""
    return certificate_request(identity.common_name, load_key(identity.key_pem))


def organizations(request_pem: bytes) -> set[str]:
    """The groups that a signing request names; PkiError when it is none."""
    try:
        subject = x509.load_pem_x509_csr(request_pem).subject
    except ValueError as error:
        raise PkiError("not a PEM signing request") from error
    return {str(item.value) for item in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise PkiError("not a PEM private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError("the private key is not an elliptic-curve key")
    return key


def self_signed(now: datetime) -> Identity:
    """The identity of an agent that no cluster has adopted: known by its fingerprint alone."""
    key = new_key()
    name = _name(SELF_SIGNED_NAME)
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(SELF_SIGNED_NAME)]), critical=False)
    return Identity(_pem(builder.sign(key, hashes.SHA256())), key_to_pem(key))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a certificate says: who, of which groups, under which names and addresses, for which end of a connection."""

    common_name: str
    organizations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # DNS names and IP addresses
    server: bool = False
    client: bool = True


@dataclass(frozen=True)
class Authority:
    """The cluster's certificate authority."""

    identity: Identity

    @classmethod
    def create(cls, cluster: str, now: datetime) -> Authority:
        key = new_key()
        name = _name(f"quarterdeck-ca {cluster}"[:64])
        builder = _builder(name, name, key.public_key(), now, AUTHORITY_LIFETIME, authority=True)
        return cls(Identity(_pem(builder.sign(key, hashes.SHA256())), key_to_pem(key)))

    @property
    def certificate_pem(self) -> bytes:
        return self.identity.certificate_pem

    def issue(self, subject: Subject, now: datetime, lifetime: timedelta = LIFETIME) -> Identity:
        """A new key and its certificate."""
        key = new_key()
        return Identity(self._sign(subject, key.public_key(), now, lifetime), key_to_pem(key))

    def sign_request(
        self, request_pem: bytes, subject: Subject, now: datetime, lifetime: timedelta = LIFETIME
    ) -> bytes:
        """A certificate for the key of a signing request, whose own names are ignored; PkiError when it is broken."""
        try:
            request = x509.load_pem_x509_csr(request_pem)
            valid = request.is_signature_valid
        except ValueError as error:
            raise PkiError("not a PEM signing request") from error
        key = request.public_key()
        if not valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise PkiError("the signing request is not signed by its own elliptic-curve key")
        return self._sign(subject, key, now, lifetime)

    def sign_as_asked(
        self, request_pem: bytes, now: datetime, lifetime: timedelta = LIFETIME, *, names: Iterable[str] = (),
        server: bool = False,
    ) -> bytes:  # fmt: skip
        """A certificate for whom the request names, under `names`, as a client of the API or as a server. PkiError
        when it is not signed by its own key or names nobody."""
        try:
            request = x509.load_pem_x509_csr(request_pem)
            valid = request.is_signature_valid
        except ValueError as error:
            raise PkiError("not a PEM signing request") from error
        key = request.public_key()
        if not valid or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise PkiError("the signing request is not signed by its own elliptic-curve or RSA key")
        common = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if not common or not common[0].value:
            raise PkiError("the signing request names nobody: its common name is empty")
        groups = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        organizations = tuple(str(group.value) for group in groups)
        subject = Subject(str(common[0].value), organizations, tuple(names), server, not server)
        return self._sign(subject, key, now, lifetime)

    def _sign(self, subject: Subject, key: PublicKey, now: datetime, lifetime: timedelta) -> bytes:
        check_validity(self.identity.certificate, now)
        signer = self.identity.certificate
        end = min(now + lifetime, signer.not_valid_after_utc) - now
        builder = _builder(_name(subject.common_name, subject.organizations), signer.subject, key, now, end)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] * subject.server + [ExtendedKeyUsageOID.CLIENT_AUTH] * subject.client
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if subject.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(_names(subject.names)), critical=False)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(load_key(self.identity.key_pem).public_key())
        builder = builder.add_extension(issuer_key, critical=False)
        return _pem(builder.sign(load_key(self.identity.key_pem), hashes.SHA256()))


def node_subject(node: str, addresses: Iterable[str]) -> Subject:
    """A node serves the control plane and its peers, and calls its peers; PkiError when its name is too long."""
    if len(node) > MAX_NODE_NAME:
        raise PkiError(f"the node name {node!r} is too long for a certificate: at most {MAX_NODE_NAME} characters")
    return Subject(node_user(node), (NODES,), (node, *addresses), server=True)


def _name(common: str, organizations: Iterable[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common))
    return x509.Name(attributes)


def _names(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PublicKey,
    now: datetime,
    lifetime: timedelta,
    *,
    authority: bool = False,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
                encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Folder:
    """Certificates and keys on disk: mode 0700, one 0600 file per identity, so that the two never come apart."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, name: str, identity: Identity) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)  # whoever made it before
        write_atomic(self._file(name), identity.certificate_pem + identity.key_pem)

    def load(self, name: str, remedy: str = "restore it from a copy") -> Identity | None:
        """None when there is none; PkiError naming the file and the remedy when it is damaged."""
        file = self._file(name)
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return None
        start = data.find(b"-----BEGIN PRIVATE KEY")
        identity = Identity(data[: max(start, 0)], data[max(start, 0) :])
        try:
            identity.check()
        except PkiError as error:
            raise PkiError(f"{file} is damaged: {error}; {remedy}") from error
        return identity

    def remove(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def ensure(self, name: str, make: Callable[[], Identity], now: datetime) -> Identity:
        """The stored identity, made or renewed by `make` when there is none, or when it has to be renewed."""
        identity = self.load(name, REPLACEABLE)
        if identity is None or needs_renewal(identity.certificate, now):
            identity = make()
            self.save(name, identity)
        return identity

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.pem"


class Revocations:
    """Serial numbers of certificates that are no longer to be trusted: those of removed nodes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._serials: dict[str, str] = {}
        if file.exists():
            try:
                self._serials = dict(orjson.loads(file.read_bytes()))
            except (ValueError, TypeError) as error:
                # Starting without the list would trust removed nodes again.
                raise PkiError(f"{file} is damaged: {error}; restore it from a copy") from error

    def revoke(self, serial: int, reason: str) -> None:
        self._serials[f"{serial:x}"] = reason
        write_atomic(self._file, orjson.dumps(self._serials))

    def is_revoked(self, serial: int) -> bool:
        return f"{serial:x}" in self._serials
