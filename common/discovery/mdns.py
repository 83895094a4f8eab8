"""The mDNS ends: an agent's `Advertiser`, the console's `Browser`."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from contextlib import suppress

from zeroconf import IPVersion, ServiceListener, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from common.aio import Tasks
from common.clock import Clock

from .interfaces import Choice, choose, read_interfaces
from .record import Advertisement, SeenHost, usable_addresses

log = logging.getLogger(__name__)

SERVICE_TYPE = "_quarterdeck._tcp.local."
MAX_HOSTS = 1000  # more names on one link are an attack, not a cluster
MAX_LOOKUPS = 32  # at a time: a flood of names costs memory only up to here
LOOKUP_MILLISECONDS = 3000
REFRESH_SECONDS = 10.0  # how soon a new address or interface is noticed
InterfaceChoice = Callable[[], Choice]


def host_interfaces() -> Choice:
    return choose(read_interfaces())


class _Socket:
    """A zeroconf instance that follows the host's interfaces; none while there is no usable one."""

    def __init__(self, interfaces: InterfaceChoice) -> None:
        self._interfaces = interfaces
        self._speaking: tuple[str | int, ...] = ()
        self.zeroconf: AsyncZeroconf | None = None
        self.announce: tuple[str, ...] = ()

    async def refresh(self) -> bool:
        """Follow the interfaces; True when the instance is a new one. OSError when the network refuses."""
        choice = self._interfaces()
        self.announce = choice.announce
        if choice.speak == self._speaking:
            return False
        await self.close()
        if choice.speak:
            self.zeroconf = AsyncZeroconf(interfaces=list(choice.speak), ip_version=IPVersion.All)
        self._speaking = choice.speak
        return True

    async def close(self) -> None:
        if self.zeroconf is not None:
            instance, self.zeroconf = self.zeroconf, None
            self._speaking = ()
            await instance.async_close()


class Advertiser:
    """Announces this agent until closed; `update` says what changed (adopted by, resources)."""

    def __init__(self, clock: Clock, interfaces: InterfaceChoice = host_interfaces) -> None:
        self._clock = clock
        self._socket = _Socket(interfaces)
        self._tasks = Tasks("mdns-advertiser")
        self._wanted: Advertisement | None = None
        self._announced: tuple[Advertisement, tuple[str, ...]] | None = None
        self._changed = asyncio.Event()

    def update(self, advertisement: Advertisement) -> None:
        self._wanted = advertisement
        self._changed.set()

    def start(self) -> None:
        self._tasks.start("announce", self._announce_forever())
        self._tasks.start("refresh", self._refresh_forever())

    async def close(self) -> None:
        """Says goodbye, so that consoles forget the host at once."""
        await self._tasks.close()
        if self._socket.zeroconf is not None:
            with suppress(OSError, TimeoutError):
                await self._socket.zeroconf.async_unregister_all_services()
        await self._socket.close()

    async def _refresh_forever(self) -> None:
        while True:
            await self._clock.sleep(REFRESH_SECONDS)
            self._changed.set()

    async def _announce_forever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._announce()
            except OSError as error:
                log.warning("cannot announce this host by mDNS, will try again: %s", error)
                self._announced = None

    async def _announce(self) -> None:
        fresh = await self._socket.refresh()
        zeroconf, wanted = self._socket.zeroconf, self._wanted
        if zeroconf is None or wanted is None:
            return
        state = (wanted, self._socket.announce)
        if fresh:
            self._announced = None
        if state == self._announced:
            return
        info = service_info(*state)
        if self._announced is None:
            # The name holds the fingerprint, so nobody else has it: no need to probe for conflicts.
            await zeroconf.async_register_service(info, cooperating_responders=True)
        else:
            await zeroconf.async_update_service(info)
        self._announced = state


def service_info(advertisement: Advertisement, addresses: tuple[str, ...]) -> AsyncServiceInfo:
    name = f"{advertisement.name.partition('.')[0][:40]}-{advertisement.fingerprint[:12]}"
    return AsyncServiceInfo(
        SERVICE_TYPE,
        f"{name}.{SERVICE_TYPE}",
        addresses=[ipaddress.ip_address(text).packed for text in addresses],
        port=advertisement.port,
        properties=advertisement.to_properties(),
        server=f"{name}.local.",
    )


class Browser(ServiceListener):
    """Calls `seen` for each host that appears or changes, `lost` with the fingerprint of one that said goodbye."""

    def __init__(
        self,
        clock: Clock,
        seen: Callable[[SeenHost], None],
        lost: Callable[[str], None],
        interfaces: InterfaceChoice = host_interfaces,
    ) -> None:
        self._clock = clock
        self._seen = seen
        self._lost = lost
        self._socket = _Socket(interfaces)
        self._tasks = Tasks("mdns-browser")
        self._names: dict[str, str] = {}  # service name -> fingerprint
        self._looking: set[str] = set()
        self._again: set[str] = set()
        self._browser: AsyncServiceBrowser | None = None

    def start(self) -> None:
        self._tasks.start("browse", self._browse_forever())

    async def close(self) -> None:
        await self._tasks.close()
        await self._stop_browsing()
        await self._socket.close()

    async def _browse_forever(self) -> None:
        while True:
            try:
                if await self._socket.refresh():
                    self._browser = None
                if self._browser is None and self._socket.zeroconf is not None:
                    self._browser = AsyncServiceBrowser(self._socket.zeroconf.zeroconf, SERVICE_TYPE, listener=self)
            except OSError as error:
                log.warning("cannot look for hosts by mDNS, will try again: %s", error)
            await self._clock.sleep(REFRESH_SECONDS)

    async def _stop_browsing(self) -> None:
        if self._browser is not None:
            await self._browser.async_cancel()
            self._browser = None

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._look_up(zc, name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._look_up(zc, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        fingerprint = self._names.pop(name, None)
        if fingerprint is not None and fingerprint not in self._names.values():
            self._lost(fingerprint)

    def _look_up(self, zc: Zeroconf, name: str) -> None:
        if name in self._looking:
            self._again.add(name)
        elif len(self._looking) >= MAX_LOOKUPS or (name not in self._names and len(self._names) >= MAX_HOSTS):
            log.debug("too many hosts on the local network, %r is left out", name[:80])
        else:
            self._looking.add(name)
            self._tasks.start("look-up", self._resolve(zc, name))

    async def _resolve(self, zc: Zeroconf, name: str) -> None:
        try:
            info = AsyncServiceInfo(SERVICE_TYPE, name)
            if not info.load_from_cache(zc):
                await info.async_request(zc, LOOKUP_MILLISECONDS)
            self._take(name, info)
        finally:
            self._looking.discard(name)
            if name in self._again:
                self._again.discard(name)
                self._look_up(zc, name)

    def _take(self, name: str, info: AsyncServiceInfo) -> None:
        try:
            advertisement = Advertisement.from_properties(info.properties, info.port or 0)
        except ValueError as error:
            log.debug("a host's record is not usable: %s", error)
            return
        addresses = usable_addresses(info.parsed_scoped_addresses())
        if addresses:
            self._names[name] = advertisement.fingerprint
            self._seen(SeenHost(advertisement, addresses))
