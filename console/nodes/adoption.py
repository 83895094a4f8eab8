"""Making a host a node: prove that it is the right host, sign its key, register the Node.

Over the network both ends prove themselves by the code that the agent prints; the agent of this host is reached
through its own socket and needs none. A host that already belongs to this cluster but has no Node any more proves
itself by the certificate that it still has.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from common import pki, tls
from common.api import meta
from common.api.kinds import NODES
from common.api.meta import Object
from common.client import Client
from common.clock import Clock
from common.clusterpki import ClusterPki
from common.discovery import Advertisement, SeenHost
from common.discovery.interfaces import own_addresses
from common.discovery.record import usable_addresses
from common.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    not_found,
)
from common.hosts import AGENT_ADDRESS, CERTIFICATE_SERIAL, HOST_FINGERPRINT, join_address, reach, split_address
from common.pairing import Answer, Initiator, PairingError, WrongCode
from common.pki import PkiError

from .calls import call_host, call_local, certificate_serial, pinned
from .hosts import HostEntry, HostTable

log = logging.getLogger(__name__)
REACH_SECONDS = 2.0


class Adoptions:
    """Implements `HostAdmin`. `socket` is where the agent of this host answers."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        cluster: str,
        cluster_pki: ClusterPki,
        hosts: HostTable,
        socket: Path,
    ) -> None:
        self._client = client
        self._clock = clock
        self._cluster = cluster
        self._pki = cluster_pki
        self._hosts = hosts
        self._socket = socket
        self._names: set[str] = set()  # of the Nodes that hosts are becoming right now

    async def add(self, address: str) -> Object:
        """Look for an agent at HOST or HOST:PORT; its Host."""
        try:
            host, port = split_address(address)
        except ValueError as error:
            raise BadRequest(str(error)) from error
        where = join_address(host, port)
        # The port that answered counts: behind a router it may be another than the agent's own.
        seen = replace(_identity(await call_host(where, "GET", "/identity"), where), port=port)
        self._hosts.seen(SeenHost(seen, (host,)))
        entry = self._hosts.find_by_fingerprint(seen.fingerprint)
        if entry is None:
            raise ServiceUnavailable("there are too many hosts")
        return self._hosts.to_object(entry)

    async def remove(self, node: str) -> None:
        """Delete the Node: its session tells the agent to forget the cluster and revokes the certificate."""
        await self._client.delete(NODES, node)

    async def adopt(self, host: str, code: str) -> Object:
        entry = self._hosts.find(host)
        if entry is None:
            raise not_found("hosts.quarterdeck.io", host)
        if entry.adopting:
            raise Conflict(f"host {host} is being adopted right now")
        self._hosts.set_adopting(entry, True)
        try:
            await self._adopt(entry, code)
        finally:
            self._hosts.set_adopting(entry, False)
        log.info("host %s was adopted", host)
        return self._hosts.to_object(entry)

    async def see_local(self) -> None:
        """Take in the agent of this host when there is one: it may be known before mDNS finds it, or without."""
        if not self._socket.exists():
            return
        try:
            seen = _identity(await call_local(self._socket, "GET", "/identity"), str(self._socket))
        except (ServiceUnavailable, Forbidden) as error:
            log.debug("the agent of this host is not to be asked: %s", error)
            return
        known = self._hosts.find_by_fingerprint(seen.fingerprint)
        addresses = known.addresses if known is not None and known.gone_since is None else ()
        found = addresses or usable_addresses(await asyncio.to_thread(own_addresses)) or ("127.0.0.1",)
        if known is None or known.gone_since is not None or known.advertisement != seen:
            self._hosts.seen(SeenHost(seen, found))

    async def _adopt(self, entry: HostEntry, code: str) -> None:
        seen = entry.advertisement
        if seen.adopted_by not in {"", self._cluster}:
            raise Conflict(f"host {entry.name} belongs to another cluster: remove it there first")
        address = await self._reachable(entry)
        if seen.adopted_by == self._cluster:
            try:
                await self._adopt_again(entry, address)
            except ServiceUnavailable:
                # It may have been removed since it was last heard: then it is nobody's, and has a code again.
                if not code:
                    raise
            else:
                return
        async with self._named(seen) as node:
            body = await self._pair(entry, node, address, code) if code else await self._adopt_local(entry, node)
            await self._register(node, seen, address, body["certificate"])
        adopted = replace(seen, adopted_by=self._cluster, node=node)
        self._hosts.seen(SeenHost(adopted, entry.addresses))

    async def _reachable(self, entry: HostEntry) -> str:
        candidates = self._hosts.addresses(entry.advertisement.fingerprint)
        for address in candidates:
            if await reach(address, REACH_SECONDS):
                return address
        raise ServiceUnavailable(f"host {entry.name} does not answer at {', '.join(candidates) or 'any address'}")

    @asynccontextmanager
    async def _named(self, seen: Advertisement) -> AsyncIterator[str]:
        """The name of its Node, which no other host gets that is adopted at the same time."""
        node = seen.name[: pki.MAX_NODE_NAME].strip("-.")
        if node in self._names or await self._is_of_another(node, seen.fingerprint) or node in self._names:
            node = f"{node[: pki.MAX_NODE_NAME - 7].strip('-.')}-{seen.fingerprint[:6]}"
        self._names.add(node)
        try:
            yield node
        finally:
            self._names.discard(node)

    async def _is_of_another(self, node: str, fingerprint: str) -> bool:
        """The API is asked, as the mirror is a moment behind."""
        try:
            found = await self._client.get(NODES, node)
        except NotFound:
            return False
        return meta.annotations(found).get(HOST_FINGERPRINT) != fingerprint

    async def _adopt_local(self, entry: HostEntry, node: str) -> dict[str, str]:
        if not self._socket.exists():
            raise BadRequest(f"host {entry.name} is not this machine: give the code that its agent prints")
        local = await call_local(self._socket, "GET", "/identity")
        if _identity(local, str(self._socket)).fingerprint != entry.advertisement.fingerprint:
            raise BadRequest(f"host {entry.name} is not this machine: give the code that its agent prints")
        body = await self._membership(node, str(local.get("request", "")))
        await call_local(self._socket, "POST", "/adopt", body)
        return body

    async def _pair(self, entry: HostEntry, node: str, address: str, code: str) -> dict[str, str]:
        fingerprint = entry.advertisement.fingerprint
        try:
            console = Initiator(code, self._pki.controlplane.fingerprint, fingerprint)
        except PairingError as error:
            raise BadRequest(str(error)) from error
        trust = pinned(fingerprint)
        start = {"message": _pack(console.message), "certificate": self._pki.controlplane.certificate_pem.decode()}
        answer = await call_host(address, "POST", "/pairing/start", trust=trust, body=start)
        try:
            request = str(answer["request"])
            confirmed = Answer(_unpack(answer["message"]), _unpack(answer["confirmation"]))
            console.check(confirmed, request.encode())
        except WrongCode as error:
            await self._give_up(address, trust, str(answer.get("pairing", "")))
            raise Forbidden(str(error)) from error
        except (PairingError, KeyError, TypeError, ValueError) as error:
            raise ServiceUnavailable(f"host {entry.name} answers pairing in a way that makes no sense") from error
        body = await self._membership(node, request)
        payload = orjson.dumps(body)
        finish = {
            "pairing": answer.get("pairing"),
            "payload": payload.decode(),
            "confirmation": _pack(console.confirm(payload)),
        }
        await call_host(address, "POST", "/pairing/finish", trust=trust, body=finish)
        return body

    async def _give_up(self, address: str, trust: aiohttp.Fingerprint, pairing: str) -> None:
        """Let the agent know at once, so that the person there sees the next code; it would find out by itself."""
        body = {"pairing": pairing, "payload": "{}", "confirmation": _pack(b"wrong code")}
        with suppress(ApiError):
            await call_host(address, "POST", "/pairing/finish", trust=trust, body=body)

    async def _membership(self, node: str, request: str) -> dict[str, str]:
        try:
            signed = await asyncio.to_thread(self._pki.sign_node, request.encode(), node, self._clock.now())
        except PkiError as error:
            raise BadRequest(str(error)) from error
        return {
            "cluster": self._cluster,
            "node": node,
            "authority": self._pki.authority.certificate_pem.decode(),
            "certificate": signed.decode(),
        }

    async def _adopt_again(self, entry: HostEntry, address: str) -> None:
        """The host is ours by its certificate; only the Node is missing, or is there already."""
        node = entry.advertisement.node
        context = tls.client_context(self._pki.controlplane, self._pki.authority.certificate_pem)
        if self._pki.revocations.is_revoked(await certificate_serial(address, context, node)):
            raise Forbidden(
                f"host {entry.name} was removed from this cluster while it was away, and its certificate is revoked: "
                "stop its agent, run `quarterdeck-agent reset` there, start it and adopt it with its code"
            )
        seen = _identity(await call_host(address, "GET", "/identity", trust=context, name=node), address)
        if seen.fingerprint != entry.advertisement.fingerprint:
            raise Conflict(f"another host answers at {address}")
        await self._register(node, seen, address, "")

    async def _register(self, node: str, seen: Advertisement, address: str, certificate: str) -> None:
        notes = {AGENT_ADDRESS: address, HOST_FINGERPRINT: seen.fingerprint}
        if certificate:
            notes[CERTIFICATE_SERIAL] = f"{pki.parse_certificate(certificate.encode()).serial_number:x}"
        labels = {
            "kubernetes.io/hostname": node,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": seen.arch or "amd64",
        }
        wanted = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node, "labels": labels, "annotations": notes},
            "spec": {},
        }
        try:
            await self._client.create(NODES, wanted)
        except AlreadyExists:
            await self._client.patch(NODES, node, {"metadata": {"labels": labels, "annotations": notes}})


def _identity(data: Any, where: str) -> Advertisement:
    try:
        return Advertisement.from_json(data)
    except ValueError as error:
        raise ServiceUnavailable(f"{where} does not answer as a Quarterdeck agent does: {error}") from error


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpack(text: str) -> bytes:
    """ValueError when it is not base64."""
    return base64.b64decode(text, validate=True)
