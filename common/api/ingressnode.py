"""Whether a node runs the proxy for Ingresses, on which ports, and how it is: settings and condition of Nodes."""

from __future__ import annotations

from dataclasses import dataclass

from . import meta
from .conditions import get_condition
from .meta import Object

ENABLED = "quarterdeck.io/ingress"
"""Annotation of a Node: `disabled` keeps the proxy, and the secrets it needs, away from it."""
HTTP_PORT = "quarterdeck.io/ingress-http-port"
HTTPS_PORT = "quarterdeck.io/ingress-https-port"
"""Annotations of a Node: other ports than the cluster's."""
ANNOTATIONS = frozenset({ENABLED, HTTP_PORT, HTTPS_PORT})
CONDITION = "IngressProxyReady"
"""Condition of a Node; its reasons are these."""
RUNNING, IDLE, MISSING, FAILING, DISABLED = "Running", "Idle", "NotInstalled", "Failing", "Disabled"


@dataclass(frozen=True, slots=True)
class ProxySettings:
    enabled: bool = True
    http_port: int = 80
    https_port: int = 443


def settings_of(node: Object, http_port: int, https_port: int) -> ProxySettings:
    """The ports are the cluster's; an annotation that is no port counts as absent."""
    found = meta.annotations(node)
    return ProxySettings(
        found.get(ENABLED) != "disabled",
        _port(found.get(HTTP_PORT), http_port),
        _port(found.get(HTTPS_PORT), https_port),
    )


def _port(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536 else default


def may_run(node: Object) -> bool:
    """Whether the node is to get what its proxy needs: it is not switched off, and HAProxy is not known to lack."""
    if meta.annotations(node).get(ENABLED) == "disabled":
        return False
    condition = get_condition(node, CONDITION)
    return condition is not None and condition.get("reason") not in {MISSING, DISABLED}


def serves(node: Object) -> bool:
    """Whether requests to this node's ports reach the Ingresses: it is Ready and so is its proxy."""
    ready, proxy = get_condition(node, "Ready"), get_condition(node, CONDITION)
    up = ready is not None and ready.get("status") == "True"
    return up and proxy is not None and proxy.get("status") == "True" and may_run(node)
