"""The keys of a control plane, made on first start and renewed before they expire."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from . import pki
from .files import write_atomic
from .jwt import SigningKey
from .pki import Authority, Folder, Identity, PkiError, Revocations, Subject

_AUTHORITY, _CONTROL_PLANE, _ADMIN, _SERVER = "ca", "controlplane", "admin", "apiserver"
_FRONT_AUTHORITY, _FRONT_PROXY = "front-proxy-ca", "front-proxy-client"
_SIGNER = "service-accounts"


class ClusterPki:
    """`names` are the DNS names and addresses under which the API server is reached. All methods block for disk."""

    def __init__(self, folder: Path, cluster: str, names: Iterable[str], now: datetime) -> None:
        """Load, or make what is missing. PkiError names a damaged file: an authority is never replaced silently."""
        self._folder = Folder(folder)
        self._names = tuple(sorted(set(names)))
        self._current: tuple[Identity, ...] = ()
        stored = self._folder.load(_AUTHORITY)
        if stored is None:
            if self._folder.load(_CONTROL_PLANE) is not None:
                raise PkiError(
                    f"{folder}/{_AUTHORITY}.pem is missing, the nodes trust no other: restore it from a copy"
                )
            stored = Authority.create(cluster, now).identity
            self._folder.save(_AUTHORITY, stored)
        self.authority = Authority(stored)
        pki.check_validity(stored.certificate, now)
        self.front_authority = Authority(
            self._folder.load(_FRONT_AUTHORITY, pki.REPLACEABLE) or self._new_front_authority(cluster, now)
        )
        self.revocations = Revocations(folder / "revoked.json")
        self.signer = _signing_key(folder / f"{_SIGNER}.pem")
        self.renew(now)

    def renew(self, now: datetime) -> bool:
        """Renew what is due; call at start and daily. True when something changed."""
        before = self._current
        self.controlplane = self._ensure(_CONTROL_PLANE, Subject(pki.CONTROL_PLANE), now)
        self.admin = self._ensure(_ADMIN, Subject(pki.ADMINISTRATOR, (pki.MASTERS,)), now)
        self.server = self._ensure(
            _SERVER, Subject("quarterdeck-apiserver", (), self._names, server=True, client=False), now
        )
        subject = Subject(pki.FRONT_PROXY)
        self.front_proxy = self._folder.ensure(_FRONT_PROXY, lambda: self.front_authority.issue(subject, now), now)
        self._current = (self.controlplane, self.admin, self.server, self.front_proxy)
        return before != self._current

    def sign_node(self, request_pem: bytes, node: str, now: datetime) -> bytes:
        """A node's certificate for its own key; PkiError when request or name are unusable."""
        return self.authority.sign_request(request_pem, pki.node_subject(node, ()), now)

    def _new_front_authority(self, cluster: str, now: datetime) -> Identity:
        made = Authority.create(f"front-proxy {cluster}", now).identity
        self._folder.remove(_FRONT_PROXY)  # one of another authority is believed by nobody
        self._folder.save(_FRONT_AUTHORITY, made)
        return made

    def _ensure(self, name: str, subject: Subject, now: datetime) -> Identity:
        stored = self._folder.load(name, pki.REPLACEABLE)
        if stored is not None and subject.names and not pki.covers(stored.certificate, subject.names):
            self._folder.remove(name)  # the machine got another address
        return self._folder.ensure(name, lambda: self.authority.issue(subject, now), now)


def _signing_key(file: Path) -> SigningKey:
    """The key of ServiceAccounts' tokens. It has no certificate and no end: with another one all tokens end."""
    try:
        stored = file.read_bytes()
    except FileNotFoundError:
        key = SigningKey.generate()
        write_atomic(file, key.to_pem())
        return key
    try:
        return SigningKey.load(stored)
    except ValueError as error:
        raise PkiError(
            f"{file} is damaged: {error}; restore it from a copy, or remove it: then all tokens are issued anew"
        ) from error
