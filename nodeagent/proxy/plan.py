"""From the objects that the control plane sent to what HAProxy is to do. Pure.

Endpoints are chosen as the Service tables choose them (ready ones, else those that still serve while they end), so that
both agree on who is in and who is out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.api import meta
from common.api.ingressclass import our_classes
from common.api.ingressnode import ProxySettings
from common.api.ingressoptions import Canary, Options
from common.api.ingressroutes import Place, Route, Routes, Target, routes_of
from common.api.meta import Key, Object
from common.api.weights import DEFAULT, weights_of
from nodeagent.network.services import addresses_of, group_slices, readiness

from .certificates import Keyring
from .model import Backend, Listener, Server, Wanted, Way

MAPS = ("hosts", "exact", "prefix", "shares", "canaries")


@dataclass(frozen=True, slots=True)
class Inputs:
    """`unready` are pod addresses known to be unready whatever the slices say."""

    settings: ProxySettings
    ingresses: tuple[Object, ...] = ()
    classes: tuple[Object, ...] = ()
    services: tuple[Object, ...] = ()
    slices: tuple[Object, ...] = ()
    secrets: tuple[Object, ...] = ()
    unready: frozenset[str] = frozenset()


def plan(inputs: Inputs, keyring: Keyring, versions: tuple[int, ...]) -> Wanted | None:
    """None when there is no Ingress to serve. `keyring` keeps the last good certificates."""
    routes = routes_of(inputs.ingresses, our_classes(inputs.classes))
    if not routes.ingresses or not inputs.settings.enabled:
        return None
    certificates, names = keyring.select(routes.certificates, {meta.key(obj): obj for obj in inputs.secrets})
    return Wanted(
        listener=Listener(inputs.settings.http_port, inputs.settings.https_port, versions),
        backends=_backends(routes, inputs),
        maps=_maps(routes.places),
        certificates=certificates,
        names=names,
        choices=_choices(routes.places),
    )


def backend_name(target: Target) -> str:
    return f"{target.ingress.namespace}:{target.ingress.name}:{target.service}:{target.port}"


def _backends(routes: Routes, inputs: Inputs) -> tuple[Backend, ...]:
    services = {meta.key(obj): obj for obj in inputs.services}
    slices = group_slices(inputs.slices)
    made = []
    for target in sorted(routes.targets()):
        key = Key(target.ingress.namespace, target.service)
        service = services.get(key)
        way = _way(routes.options[target.ingress], service)
        servers = servers_of(service, target.port, slices.get(key, []), inputs.unready) if service else ()
        made.append(Backend(backend_name(target), way, servers))
    return tuple(made)


def _way(options: Options, service: Object | None) -> Way:
    affinity = ((service or {}).get("spec") or {}).get("sessionAffinity")
    return Way(
        options.connect_timeout,
        options.read_timeout,
        options.retries,
        options.protocol,
        options.rewrite,
        sticky=affinity == "ClientIP",
    )


def servers_of(service: Object, port: str, slices: Iterable[Object], unready: frozenset[str]) -> tuple[Server, ...]:
    """The endpoints behind a port (name or number) of a Service, of its primary address family."""
    wanted = next((item for item in _ports(service) if port in {item.get("name"), str(item.get("port"))}), None)
    if wanted is None:
        return ()
    family = ((service.get("spec") or {}).get("ipFamilies") or ["IPv4"])[0]
    ready: set[Server] = set()
    draining: set[Server] = set()
    for item in slices:
        number = _target_port(item, wanted)
        if number is None or item.get("addressType") != family:
            continue
        weights = weights_of(item)
        for entry in item.get("endpoints") or ():
            kind = readiness(entry)
            for address in addresses_of(entry.get("addresses") or (), int(family[-1])):
                server = Server(address, number, weights.get(address, DEFAULT))
                if address not in unready and kind != "unready":
                    (ready if kind == "ready" else draining).add(server)
    # An address in two slices is one server.
    return tuple(sorted({server.name: server for server in sorted(ready or draining)}.values()))


def _ports(service: Object) -> list[Object]:
    return list((service.get("spec") or {}).get("ports") or ())


def _target_port(item: Object, wanted: Object) -> int | None:
    for candidate in item.get("ports") or ():
        if (candidate.get("name") or "") == (wanted.get("name") or "") and candidate.get("port"):
            return int(candidate["port"])
    return None


def _maps(places: Mapping[Place, Route]) -> dict[str, dict[str, str]]:
    """Each route is `BACKEND~CANARY~REDIRECT`: what the rules of the frontend read from it."""
    maps: dict[str, dict[str, str]] = {name: {} for name in MAPS}
    for place, route in sorted(places.items(), key=lambda item: item[0]):
        maps["hosts"][place.host] = place.host
        canary = _canary_id(place) if route.canary is not None else ""
        value = f"{backend_name(route.target)}~{canary}~{'redirect' if route.redirect else ''}"
        maps["exact" if place.exact else "prefix"][place.host + place.path] = value
        if route.canary is not None:
            maps["shares"][canary] = str(route.canary[1].share)
            maps["canaries"][canary] = backend_name(route.canary[0])
    return maps


def _canary_id(place: Place) -> str:
    return hashlib.sha256(repr(place).encode()).hexdigest()[:10]


def _choices(places: Mapping[Place, Route]) -> tuple[tuple[str, Canary], ...]:
    found = [
        (_canary_id(place), Canary(0, canary.header, canary.header_value, canary.cookie))
        for place, route in places.items()
        if route.canary is not None and ((canary := route.canary[1]).header or canary.cookie)
    ]
    return tuple(sorted(found, key=lambda item: item[0]))
