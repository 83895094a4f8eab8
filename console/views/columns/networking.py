"""Ingresses, their classes, and NetworkPolicies."""

from __future__ import annotations

from common.api import ingressclass, kinds, meta
from common.api.meta import Object

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, text


def _hosts(ingress: Object) -> str:
    rules = (ingress.get("spec") or {}).get("rules") or ()
    return ",".join(dict.fromkeys(str(rule.get("host") or "*") for rule in rules)) or "*"


def _backends(ingress: Object) -> str:
    spec = ingress.get("spec") or {}
    found = [
        path.get("backend") for rule in spec.get("rules") or () for path in (rule.get("http") or {}).get("paths", ())
    ]
    names = [((backend or {}).get("service") or {}).get("name", "") for backend in (*found, spec.get("defaultBackend"))]
    return ",".join(dict.fromkeys(filter(None, names))) or "-"


def _addresses(ingress: Object) -> str:
    entries = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(str(entry.get("ip") or entry.get("hostname") or "") for entry in entries) or "-"


def _is_default(ingress_class: Object) -> str:
    return "yes" if meta.annotations(ingress_class).get(ingressclass.DEFAULT_ANNOTATION) == "true" else "no"


def _selector(policy: Object) -> str:
    found = ((policy.get("spec") or {}).get("podSelector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in found.items()) or "all pods"


TABLES = {
    kinds.INGRESSES: Table((
        NAMESPACE,
        NAME,
        text("CLASS", lambda obj: ingressclass.class_of(obj) or "-", drop=4, letter="S", tone=dim),
        text("HOSTS", _hosts, flexible=True, least=14),
        text("SERVICES", _backends, drop=3, flexible=True, least=10),
        text("TLS", lambda obj: "yes" if (obj.get("spec") or {}).get("tls") else "no", drop=5),
        text("ADDRESSES", _addresses, drop=6, flexible=True, least=14, tone=dim),
        AGE,
        LABELS,
    )),
    kinds.INGRESSCLASSES: Table((
        NAME,
        text("CONTROLLER", lambda obj: str((obj.get("spec") or {}).get("controller", "-"))),
        text("DEFAULT", _is_default),
        AGE,
        LABELS,
    )),
    kinds.NETWORKPOLICIES: Table((
        NAMESPACE,
        NAME,
        text("PODS", _selector, flexible=True, least=14),
        text("TYPES", lambda obj: ",".join((obj.get("spec") or {}).get("policyTypes") or ()) or "-", drop=3),
        AGE,
        LABELS,
    )),
}  # fmt: skip
