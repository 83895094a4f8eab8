"""Which ConfigMaps and Secrets a pod or an Ingress names: the nodes that need them get them, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from .meta import Object, namespace

Reference: TypeAlias = tuple[str, str, str]
"""Plural, namespace, name."""
CONFIGMAPS, SECRETS, INGRESSES = "configmaps", "secrets", "ingresses"
_Named: TypeAlias = tuple[str, str, bool]
"""Plural, name, and whether the pod cannot start without it."""


def references(pod: Object) -> frozenset[Reference]:
    """Volumes, environment and image pull secrets, in all kinds of containers."""
    spec = pod.get("spec") or {}
    space = namespace(pod)
    found = set(configuration(pod))
    for volume in spec.get("volumes") or ():
        name = ((volume.get("csi") or {}).get("nodePublishSecretRef") or {}).get("name")
        found.add((SECRETS, space, str(name or "")))
    found.update((SECRETS, space, str(entry.get("name", ""))) for entry in spec.get("imagePullSecrets") or ())
    return frozenset(reference for reference in found if reference[2])


def configuration(pod: Object) -> dict[Reference, bool]:
    """What its files and variables are made of, and of each whether the pod cannot start without it."""
    spec = pod.get("spec") or {}
    named = list(_of_volumes(spec.get("volumes") or ()))
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            named += _of_environment(container)
    space = namespace(pod)
    found: dict[Reference, bool] = {}
    for plural, name, required in named:
        if name:
            reference = (plural, space, name)
            found[reference] = found.get(reference, False) or required
    return found


def tls_references(ingress: Object) -> frozenset[Reference]:
    """The Secrets with its certificates."""
    entries = (ingress.get("spec") or {}).get("tls") or ()
    return frozenset((SECRETS, namespace(ingress), str(tls["secretName"])) for tls in entries if tls.get("secretName"))


def _of_volumes(volumes: Iterable[Object]) -> Iterator[_Named]:
    for volume in volumes:
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            yield _named(CONFIGMAPS, source.get("configMap"))
            secret = source.get("secret") or {}
            yield _named(SECRETS, {**secret, "name": secret.get("secretName") or secret.get("name")})


def _of_environment(container: Object) -> Iterator[_Named]:
    for source in container.get("envFrom") or ():
        yield _named(CONFIGMAPS, source.get("configMapRef"))
        yield _named(SECRETS, source.get("secretRef"))
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield _named(CONFIGMAPS, source.get("configMapKeyRef"))
        yield _named(SECRETS, source.get("secretKeyRef"))


def _named(plural: str, source: Any) -> _Named:
    found = source or {}
    return plural, str(found.get("name") or ""), not found.get("optional")
