"""Which Ingresses are ours: those whose class is handled by this cluster's HAProxy."""

from __future__ import annotations

from collections.abc import Iterable

from . import meta
from .meta import Object

CLASS = "quarterdeck"
"""The class that every cluster has, and the default one until somebody marks another."""
CONTROLLER = "quarterdeck.io/haproxy"
"""`spec.controller` of the classes that the nodes' HAProxy serves."""
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
"""How Ingresses named their class before there was a field."""
DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"


def built_in() -> Object:
    """The IngressClass that a new cluster gets."""
    return {
        "metadata": {"name": CLASS, "annotations": {DEFAULT_ANNOTATION: "true"}},
        "spec": {"controller": CONTROLLER},
    }


def our_classes(classes: Iterable[Object]) -> frozenset[str]:
    """Names of the classes that HAProxy serves."""
    return frozenset(meta.name(obj) for obj in classes if (obj.get("spec") or {}).get("controller") == CONTROLLER)


def class_of(ingress: Object) -> str:
    """The class that an Ingress names by field or annotation, empty when by neither."""
    named = (ingress.get("spec") or {}).get("ingressClassName")
    return str(named or meta.annotations(ingress).get(CLASS_ANNOTATION, ""))
