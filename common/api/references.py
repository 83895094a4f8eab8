"""Which ConfigMaps and Secrets a pod or an Ingress names: the nodes that need them get them, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from .meta import Object, namespace

Reference: TypeAlias = tuple[str, str, str]
"""Plural, namespace, name."""
CONFIGMAPS, SECRETS, INGRESSES = "configmaps", "secrets", "ingresses"


def references(pod: Object) -> frozenset[Reference]:
    """Volumes, environment and image pull secrets, in all kinds of containers."""
    spec = pod.get("spec") or {}
    found = set(_of_volumes(spec.get("volumes") or ()))
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            found.update(_of_environment(container))
    found.update((SECRETS, str(entry.get("name", ""))) for entry in spec.get("imagePullSecrets") or ())
    space = namespace(pod)
    return frozenset((plural, space, name) for plural, name in found if name)


def tls_references(ingress: Object) -> frozenset[Reference]:
    """The Secrets with its certificates."""
    entries = (ingress.get("spec") or {}).get("tls") or ()
    return frozenset((SECRETS, namespace(ingress), str(tls["secretName"])) for tls in entries if tls.get("secretName"))


def _of_volumes(volumes: Iterable[Object]) -> Iterator[tuple[str, str]]:
    for volume in volumes:
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            yield CONFIGMAPS, str((source.get("configMap") or {}).get("name") or "")
            secret = source.get("secret") or {}
            yield SECRETS, str(secret.get("secretName") or secret.get("name") or "")
        yield SECRETS, str(((volume.get("csi") or {}).get("nodePublishSecretRef") or {}).get("name") or "")


def _of_environment(container: Object) -> Iterator[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        yield CONFIGMAPS, str((source.get("configMapRef") or {}).get("name") or "")
        yield SECRETS, str((source.get("secretRef") or {}).get("name") or "")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield CONFIGMAPS, str((source.get("configMapKeyRef") or {}).get("name") or "")
        yield SECRETS, str((source.get("secretKeyRef") or {}).get("name") or "")
