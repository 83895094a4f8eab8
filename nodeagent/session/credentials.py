"""Who this agent is: the self-signed identity it was born with, and its membership of a cluster once adopted.

Everything lives in the agent's folder, each file replaced as a whole, so that a crash leaves the agent either adopted
or not. The fingerprint of the self-signed certificate names the host for good: through adoption, renewal and removal.
The highest epoch seen is kept too, because it is what keeps a fenced console out after a restart of the agent.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from common import pki, tls
from common.clock import Clock
from common.files import write_atomic
from common.pki import Identity, PkiError

log = logging.getLogger(__name__)
_SELF = "agent"


@dataclass(frozen=True, slots=True)
class Membership:
    """The cluster that adopted this host (its uid), the name the host has there, and its certificate."""

    cluster: str
    node: str
    authority_pem: bytes
    identity: Identity

    def to_json(self) -> dict[str, str]:
        return {
            "cluster": self.cluster,
            "node": self.node,
            "authority": self.authority_pem.decode(),
            "certificate": self.identity.certificate_pem.decode(),
            "key": self.identity.key_pem.decode(),
        }

    @classmethod
    def from_json(cls, data: dict[str, str]) -> Membership:
        """What is not usable raises: ValueError, KeyError, TypeError, AttributeError or PkiError."""
        identity = Identity(data["certificate"].encode(), data["key"].encode())
        identity.check()
        pki.parse_certificate(data["authority"].encode())
        if not (isinstance(data["cluster"], str) and isinstance(data["node"], str)):
            raise TypeError("cluster and node are not both text")
        return cls(data["cluster"], data["node"], data["authority"].encode(), identity)


@dataclass(frozen=True, slots=True)
class Epoch:
    """Of the control plane that last opened a session: a counter and the instance that holds it."""

    counter: int = 0
    instance: str = ""

    def refuses(self, counter: int, instance: str) -> bool:
        """An older control plane, or another one that claims the same number."""
        return counter < self.counter or (counter == self.counter and instance != self.instance)


class Credentials:
    """`folder` None keeps all in memory (hollow nodes). Listeners are called after each change of membership."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._lock = asyncio.Lock()
        self.membership: Membership | None = None
        self.epoch = Epoch()
        self.own = self._load()
        self.server_context = self._make_server_context()

    def _load(self) -> Identity:
        """Blocks. A damaged membership counts as none, which the log says: the host can be adopted again."""
        if self._folder is None:
            return pki.self_signed(self._clock.now())
        folder = pki.Folder(self._folder / "pki")
        own = folder.load(_SELF, "restore it from a copy, or begin anew with `quarterdeck-agent reset`")
        if own is None:
            own = pki.self_signed(self._clock.now())
            folder.save(_SELF, own)
        self.membership = read_membership(self._folder / "membership.json")
        self.epoch = _read_epoch(self._folder / "epoch.json")
        return own

    @property
    def fingerprint(self) -> str:
        """Names the host; shown by mDNS and bound by pairing."""
        return self.own.fingerprint

    @property
    def cluster(self) -> str:
        return self.membership.cluster if self.membership else ""

    def listen(self, callback: Callable[[], None]) -> None:
        self._listeners.append(callback)

    def client_context(self) -> ssl.SSLContext:
        """For calls to other nodes of the cluster; PkiError while not adopted."""
        if self.membership is None:
            raise PkiError("this host belongs to no cluster")
        return tls.client_context(self.membership.identity, self.membership.authority_pem)

    def _make_server_context(self) -> ssl.SSLContext:
        if self.membership is None:
            return tls.server_context(self.own, None)
        return tls.server_context(self.membership.identity, self.membership.authority_pem)

    async def join(self, cluster: str, node: str, authority_pem: bytes, certificate_pem: bytes) -> None:
        """Become a node; PkiError when the certificate is not the authority's, not ours or not valid now."""
        identity = self.own.renewed(certificate_pem)
        pki.check_issued_by(identity.certificate, pki.parse_certificate(authority_pem))
        pki.check_validity(identity.certificate, self._clock.now())
        if identity.common_name != pki.node_user(node):
            raise PkiError(f"the certificate is for {identity.common_name!r}, not for node {node!r}")
        await self._change(Membership(cluster, node, authority_pem, identity), Epoch())

    async def renew(self, certificate_pem: bytes) -> None:
        """Show a newer certificate from now on; PkiError as in `join`."""
        if self.membership is None:
            raise PkiError("this host belongs to no cluster")
        old = self.membership
        identity = old.identity.renewed(certificate_pem)
        pki.check_issued_by(identity.certificate, pki.parse_certificate(old.authority_pem))
        pki.check_validity(identity.certificate, self._clock.now())
        await self._change(Membership(old.cluster, old.node, old.authority_pem, identity), self.epoch)

    async def leave(self) -> None:
        """Belong to no cluster any more."""
        await self._change(None, Epoch())

    async def raise_epoch(self, epoch: Epoch) -> None:
        """Remember the control plane that was admitted; on the disk before it is obeyed."""
        if epoch == self.epoch:
            return
        data = orjson.dumps({"counter": epoch.counter, "instance": epoch.instance})
        await self._write("epoch.json", data)
        self.epoch = epoch

    async def _change(self, membership: Membership | None, epoch: Epoch) -> None:
        async with self._lock:
            await self.raise_epoch(epoch)
            await self._write("membership.json", orjson.dumps(membership.to_json()) if membership else None)
            self.membership = membership
            self.server_context = self._make_server_context()
        for callback in self._listeners:
            callback()

    async def _write(self, name: str, data: bytes | None) -> None:
        if self._folder is None:
            return
        path = self._folder / name
        if data is None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        else:
            await asyncio.to_thread(write_atomic, path, data)


def read_membership(path: Path) -> Membership | None:
    """None when there is none or it is damaged, which the log says. Blocks."""
    try:
        return Membership.from_json(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, PkiError) as error:
        # Not its text: that may quote the file, which holds a key.
        log.error("%s is damaged, this host counts as not adopted: adopt it again (%s)", path, type(error).__name__)
        return None


def _read_epoch(path: Path) -> Epoch:
    try:
        data = orjson.loads(path.read_bytes())
        return Epoch(int(data["counter"]), str(data["instance"]))
    except FileNotFoundError:
        return Epoch()
    except (ValueError, KeyError, TypeError) as error:
        log.error("%s is damaged: any console of the cluster is admitted once (%s)", path, type(error).__name__)
        return Epoch()
