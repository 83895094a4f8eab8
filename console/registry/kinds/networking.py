"""Ingresses, their classes, and NetworkPolicies."""

from __future__ import annotations

from collections.abc import Iterable

from common.api import kinds, meta
from common.api.ingressclass import CLASS_ANNOTATION, DEFAULT_ANNOTATION
from common.api.meta import Object
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at, field
from console.registry.row import Column, Context, Row
from console.registry.scale import selector_text

from . import ingress_validation, network_policies

_SHOWN = 3  # hosts of a table cell before "+ N more..."


def _default_ingress(obj: Object) -> None:
    obj.setdefault("spec", {})


def _prepare_ingress(new: Object, old: Object | None, context: Context) -> None:
    if old is not None:
        return
    new["status"] = {"loadBalancer": {}}
    if new["spec"].get("ingressClassName") is None and CLASS_ANNOTATION not in meta.annotations(new):
        chosen = default_class(context.lookup.items(kinds.INGRESSCLASSES))
        if chosen:
            new["spec"]["ingressClassName"] = chosen


def _class_warnings(obj: Object) -> list[str]:
    if CLASS_ANNOTATION not in meta.annotations(obj):
        return []
    return [
        f"annotation {validation.shown(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead"
    ]


def default_class(classes: Iterable[Object]) -> str:
    """The class of Ingresses that name none, empty when there is none: of several defaults the newest, then the first
    by name, as Kubernetes' DefaultIngressClass admission has it."""
    marked = [obj for obj in classes if meta.annotations(obj).get(DEFAULT_ANNOTATION) == "true"]
    newest = max((str(meta.metadata(obj).get("creationTimestamp", "")) for obj in marked), default="")
    return min((meta.name(obj) for obj in marked if meta.metadata(obj).get("creationTimestamp") == newest), default="")


def _default_class(obj: Object) -> None:
    parameters = obj.setdefault("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


def _hosts(obj: Object) -> str:
    rules = at(obj, "spec.rules", [])
    named = [str(rule["host"]) for rule in rules if rule.get("host")]
    if not named:
        return "*"
    more = len(rules) - _SHOWN
    return ",".join(named[:_SHOWN]) + (f" + {more} more..." if more > 0 and len(named) >= _SHOWN else "")


def _address(obj: Object) -> str:
    return ",".join(
        str(item.get("ip") or item.get("hostname") or "") for item in at(obj, "status.loadBalancer.ingress", ())
    )


def _parameters(obj: Object) -> str:
    found = at(obj, "spec.parameters")
    if not found:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found.get('kind', '')}{group}/{found.get('name', '')}"


INGRESSES = Row(
    kinds.INGRESSES,
    "ingress",
    short_names=("ing",),
    columns=(
        NAME,
        field("Class", "spec.ingressClassName", default=NONE, description="The name of the IngressClass"),
        Column("Hosts", lambda obj, _now: _hosts(obj), description="Hosts that incoming requests are matched against"),
        Column("Address", lambda obj, _now: _address(obj), description="Where the Ingress is reached"),
        Column("Ports", lambda obj, _now: "80, 443" if at(obj, "spec.tls") else "80", description="Ports of the hosts"),
        AGE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.networking.v1.Ingress",
    default=_default_ingress,
    prepare=_prepare_ingress,
    validate=ingress_validation.validate_ingress,
    warnings=_class_warnings,
)
INGRESSCLASSES = Row(
    kinds.INGRESSCLASSES,
    "ingressclass",
    columns=(
        NAME,
        field("Controller", "spec.controller", description="Controller that is responsible for this class"),
        Column("Parameters", lambda obj, _now: _parameters(obj), description="A resource with more parameters"),
        AGE,
    ),
    schema="io.k8s.api.networking.v1.IngressClass",
    default=_default_class,
    validate=ingress_validation.validate_class,
)
NETWORKPOLICIES = Row(
    kinds.NETWORKPOLICIES,
    "networkpolicy",
    short_names=("netpol",),
    columns=(
        NAME,
        Column(
            "Pod-Selector",
            lambda obj, _now: selector_text(at(obj, "spec.podSelector", {})) or NONE,
            description="The pods that this policy is about",
        ),
        AGE,
    ),
    schema="io.k8s.api.networking.v1.NetworkPolicy",
    default=network_policies.default,
    warnings=network_policies.warnings,
    validate=network_policies.validate,
    name_format=validation.dns_subdomain,
)
ROWS = (INGRESSES, INGRESSCLASSES, NETWORKPOLICIES)
