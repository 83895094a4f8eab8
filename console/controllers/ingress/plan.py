"""What an Ingress' status should be and what its users should know. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from common.api import ingressnode
from common.api.ingressoptions import Problem
from common.api.ingressroutes import Routes, Target
from common.api.meta import Key, Object, metadata, name
from common.tlssecret import CertificateError, pem_of

Find = Callable[[Key], Object | None]


def addresses(nodes: Iterable[Object]) -> list[str]:
    """Of all nodes whose proxy serves, IPv4 first."""
    found = []
    for node in sorted(nodes, key=name):
        if ingressnode.serves(node):
            entries = (node.get("status") or {}).get("addresses") or ()
            found += [str(entry.get("address")) for entry in entries if entry.get("type") == "InternalIP"]
    return sorted(filter(_is_address, found), key=lambda text: ip_address(text).version)


def _is_address(text: str) -> bool:
    try:
        return not ip_address(text).is_link_local
    except ValueError:
        return False


def problems(routes: Routes, service: Find, secret: Find) -> dict[Key, list[Problem]]:
    """By Ingress: what its rules say that cannot be, Services and ports that are missing, TLS Secrets that are no
    certificate."""
    found = {key: list(known) for key, known in routes.problems.items()}
    for target in sorted(routes.targets()):
        missing = _missing(target, service(Key(target.ingress.namespace, target.service)))
        if missing:
            found[target.ingress].append(Problem("BackendNotFound", missing))
    for ingress in routes.ingresses:
        key = Key(metadata(ingress).get("namespace", ""), name(ingress))
        for tls in (ingress.get("spec") or {}).get("tls") or ():
            if tls.get("secretName"):
                where = Key(key.namespace, str(tls["secretName"]))
                found[key] += _check_secret(where, secret(where))
    return found


def _missing(target: Target, service: Object | None) -> str:
    if service is None:
        return f"Service {target.ingress.namespace}/{target.service} does not exist"
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return f"Service {target.ingress.namespace}/{target.service} has no endpoints: it is of type ExternalName"
    ports = spec.get("ports") or ()
    if any(target.port in {port.get("name"), str(port.get("port"))} for port in ports):
        return ""
    return f"Service {target.ingress.namespace}/{target.service} has no port {target.port}"


def _check_secret(key: Key, secret: Object | None) -> list[Problem]:
    if secret is None:
        return [Problem("TLSSecretNotFound", f"Secret {key} does not exist: the default certificate is shown")]
    try:
        pem_of(secret)
    except CertificateError as error:
        return [Problem("TLSSecretInvalid", f"Secret {key}: {error}; nodes go on with the last good one")]
    return []
