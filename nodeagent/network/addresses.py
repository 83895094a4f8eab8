"""Addresses of pods out of the node's slice of the pod networks.

The same host number is taken in every family (10.42.3.7 and fd…::7), which makes the two addresses of a pod
recognisable. Numbers are handed out in a circle, so that an address rests as long as possible before it is used again:
clients may still hold it. Nothing is kept on disk; an agent that restarts adopts what it finds running.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from nodeagent.runtime.base import RuntimeFailure

IPNetwork = IPv4Network | IPv6Network
GATEWAY_NUMBER = 1
MOST_PODS = 65_000  # of a node; bounds the search in a /64


def gateway(cidr: str) -> str:
    """The first address of the slice, which the node's bridge has."""
    return str(ip_network(cidr)[GATEWAY_NUMBER])


class Allocator:
    """Who has which host number. `configure` before `allocate`; the primary family comes first."""

    def __init__(self) -> None:
        self._networks: list[IPNetwork] = []
        self._pods: dict[str, tuple[str, ...]] = {}
        self._last = GATEWAY_NUMBER

    def configure(self, cidrs: Iterable[str]) -> None:
        """The node's podCIDRs; pods that have addresses keep them."""
        self._networks = [ip_network(cidr) for cidr in cidrs]

    def allocate(self, pod_uid: str) -> tuple[str, ...]:
        """One address a family; the same ones for the same pod until `release`. RuntimeFailure when none is free."""
        if pod_uid in self._pods:
            return self._pods[pod_uid]
        if not self._networks:
            raise RuntimeFailure(
                "FailedCreatePodSandBox", "the node has no podCIDRs yet: its network is not configured"
            )
        # Network, gateway and broadcast addresses are never a pod's.
        limit = min(min(network.num_addresses for network in self._networks) - 1, MOST_PODS)
        used = self._used_numbers()
        usable = limit - GATEWAY_NUMBER - 1
        for step in range(usable):
            number = (self._last - GATEWAY_NUMBER + step) % usable + GATEWAY_NUMBER + 1
            if number not in used:
                self._last = number
                self._pods[pod_uid] = tuple(str(network[number]) for network in self._networks)
                return self._pods[pod_uid]
        slices = ", ".join(str(network) for network in self._networks)
        raise RuntimeFailure(
            "FailedCreatePodSandBox",
            f"no pod address is free in {slices} ({len(used)} in use): delete pods here or enlarge the slice",
        )

    def _used_numbers(self) -> set[int]:
        numbers = set()
        for addresses in self._pods.values():
            numbers |= set(self._numbers(addresses))
        return numbers

    def _numbers(self, addresses: Iterable[str]) -> Iterable[int]:
        for text in addresses:
            address = ip_address(text)
            for network in self._networks:
                if address in network:
                    yield int(address) - int(network.network_address)

    def adopt(self, pod_uid: str, addresses: Iterable[str]) -> None:
        self._pods[pod_uid] = tuple(addresses)
        self._last = max([self._last, *(n for n in self._numbers(self._pods[pod_uid]) if n < MOST_PODS)])

    def addresses(self, pod_uid: str) -> tuple[str, ...]:
        """What the pod has; nothing when it has none."""
        return self._pods.get(pod_uid, ())

    def are_free(self, addresses: Iterable[str]) -> bool:
        """Whether no pod has any of them."""
        taken = {address for held in self._pods.values() for address in held}
        return taken.isdisjoint(addresses)

    def release(self, pod_uid: str) -> tuple[str, ...]:
        """The addresses that the pod had, which are free now."""
        return self._pods.pop(pod_uid, ())
