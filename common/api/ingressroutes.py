"""What all Ingresses of a cluster mean together: which host and path leads to which port of which Service.

Pure, and the same on every node and in the control plane: nodes render it for HAProxy, the control plane tells what
cannot be done. Rules of Kubernetes: an exact host is better than a wildcard, which stands for one label; an exact path
is better than a prefix, a longer prefix better than a shorter one, and prefixes end at a `/`. Of two Ingresses that
claim the same place the older one has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import meta
from .ingressclass import class_of
from .ingressoptions import Canary, Options, Problem, options_of
from .meta import Key, Object

ANY_HOST = "*"
_SENDABLE = re.compile("[!-~]+")  # what a request line can have


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A port of a Service as an Ingress names it; `port` is its name or number."""

    ingress: Key
    service: str
    port: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a request may lead: `host` is a name, `*.` and a name, or `*`; `path` of a prefix ends with a `/`."""

    host: str
    path: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Route:
    target: Target
    redirect: bool  # plain HTTP is sent to HTTPS
    canary: tuple[Target, Canary] | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A TLS Secret and the host names it is for; none: those in the certificate."""

    secret: Key
    hosts: tuple[str, ...]


@dataclass(slots=True)
class Routes:
    """`options` by Ingress, `problems` by Ingress; `ingresses` are those that count, the oldest first."""

    ingresses: list[Object] = field(default_factory=list)
    places: dict[Place, Route] = field(default_factory=dict)
    certificates: list[Certificate] = field(default_factory=list)
    options: dict[Key, Options] = field(default_factory=dict)
    problems: dict[Key, list[Problem]] = field(default_factory=dict)

    def targets(self) -> set[Target]:
        """Every Service port that something leads to."""
        found = {route.target for route in self.places.values()}
        return found | {route.canary[0] for route in self.places.values() if route.canary is not None}


def routes_of(ingresses: Iterable[Object], classes: frozenset[str]) -> Routes:
    """`classes` are the names of those that are ours; what is being deleted still counts until it is gone."""
    ours = [ingress for ingress in ingresses if class_of(ingress) in classes]
    ours.sort(key=lambda obj: (str(meta.metadata(obj).get("creationTimestamp", "")), meta.key(obj)))
    routes = Routes(ours)
    for ingress in ours:
        found, problems = options_of(ingress)
        routes.options[meta.key(ingress)] = found
        routes.problems[meta.key(ingress)] = list(problems)
    stable = [obj for obj in ours if routes.options[meta.key(obj)].canary is None]
    for ingress in stable:
        _add_certificates(routes, ingress)
        for place, target in _rules(routes, ingress):
            _claim(routes, ingress, place, target)
    # After all rules: somebody's default is for what nobody names.
    for ingress in stable:
        _add_default(routes, ingress)
    for ingress in ours:
        canary = routes.options[meta.key(ingress)].canary
        if canary is not None:
            _add_canary(routes, ingress, canary)
    return routes


def _rules(routes: Routes, ingress: Object) -> Iterable[tuple[Place, Target]]:
    spec = ingress.get("spec") or {}
    for rule in spec.get("rules") or ():
        for entry in (rule.get("http") or {}).get("paths") or ():
            place = _place(str(rule.get("host") or ANY_HOST), entry)
            target = _target(routes, ingress, entry.get("backend") or {})
            if not _SENDABLE.fullmatch(place.path):
                text = f"the path {place.path!r} has characters that no request has: write them as %XX"
                routes.problems[meta.key(ingress)].append(Problem("InvalidPath", text))
            elif target is not None:
                yield place, target


def _place(host: str, entry: Object) -> Place:
    path = str(entry.get("path") or "/")
    if entry.get("pathType") == "Exact":
        return Place(host, path, exact=True)
    return Place(host, path if path.endswith("/") else f"{path}/", exact=False)


def _target(routes: Routes, ingress: Object, backend: Object) -> Target | None:
    service = backend.get("service")
    if service is None:
        kind = (backend.get("resource") or {}).get("kind", "")
        text = f"a backend of kind {kind} cannot be served: name a Service"
        routes.problems[meta.key(ingress)].append(Problem("UnsupportedBackend", text))
        return None
    port = service.get("port") or {}
    return Target(meta.key(ingress), str(service.get("name")), str(port.get("name") or port.get("number") or ""))


def _claim(routes: Routes, ingress: Object, place: Place, target: Target) -> None:
    owner = routes.places.get(place)
    if owner is None:
        routes.places[place] = Route(target, _redirects(routes, ingress, place.host))
    elif owner.target.ingress != target.ingress:
        what = f"{'' if place.host == ANY_HOST else place.host}{place.path}"
        text = f"{what} belongs to the older Ingress {owner.target.ingress}, which keeps it"
        routes.problems[target.ingress].append(Problem("PathConflict", text))


def _redirects(routes: Routes, ingress: Object, host: str) -> bool:
    asked = routes.options[meta.key(ingress)].redirect
    if asked is not None:
        return asked
    names = {host, "*." + host.partition(".")[2]}
    entries = (ingress.get("spec") or {}).get("tls") or ()
    return any(not tls.get("hosts") or names & set(tls["hosts"]) for tls in entries)


def _add_certificates(routes: Routes, ingress: Object) -> None:
    for tls in (ingress.get("spec") or {}).get("tls") or ():
        if tls.get("secretName"):
            secret = Key(meta.namespace(ingress), str(tls["secretName"]))
            routes.certificates.append(Certificate(secret, tuple(sorted(tls.get("hosts") or ()))))


def _add_default(routes: Routes, ingress: Object) -> None:
    """`defaultBackend`: for the other paths of the Ingress' hosts, and for hosts that nobody knows."""
    spec = ingress.get("spec") or {}
    backend = spec.get("defaultBackend")
    target = _target(routes, ingress, backend) if backend is not None else None
    if target is None:
        return
    hosts = {str(rule.get("host") or ANY_HOST) for rule in spec.get("rules") or ()}
    for host in sorted({*hosts, ANY_HOST}):
        place = Place(host, "/", exact=False)
        if place not in routes.places:
            routes.places[place] = Route(target, _redirects(routes, ingress, host))


def _add_canary(routes: Routes, ingress: Object, canary: Canary) -> None:
    key = meta.key(ingress)
    for place, target in _rules(routes, ingress):
        route = routes.places.get(place)
        where = f"{'' if place.host == ANY_HOST else place.host}{place.path}"
        if route is None:
            text = f"no other Ingress has {where}: a canary takes a share of what another one serves"
            routes.problems[key].append(Problem("CanaryWithoutMain", text))
        elif route.canary is not None:
            text = f"{where} has a canary already, Ingress {route.canary[0].ingress}"
            routes.problems[key].append(Problem("PathConflict", text))
        else:
            routes.places[place] = Route(route.target, route.redirect, (target, canary))
