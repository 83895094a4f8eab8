"""What every namespace has from the start: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.

Pods name both without the user's doing, so they come back when somebody deletes or changes them.
"""

from __future__ import annotations

from typing import ClassVar

from common.api.kinds import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS, Resource
from common.api.meta import Key, Object, is_deleting, name, namespace, resource_version
from common.errors import AlreadyExists, Forbidden, NotFound
from console.controllers.base import Controller, Kit

ROOT_CA = "kube-root-ca.crt"


class _NamespaceDefault(Controller[str]):
    """Keeps one object in every active namespace. Keys are names of namespaces."""

    workers: ClassVar[int] = 2

    def __init__(self, kit: Kit, resource: Resource, object_name: str) -> None:
        super().__init__(kit)
        self._resource = resource
        self._object_name = object_name
        self._namespaces = self.follow(NAMESPACES, lambda obj: [name(obj)])
        self._objects = self.follow(resource, lambda obj: [namespace(obj)] if name(obj) == object_name else [])

    def content(self) -> Object:
        """The fields that the object must have, besides its metadata."""
        raise NotImplementedError

    async def sync(self, key: str) -> None:
        home = self._namespaces.get(Key("", key))
        if home is None or is_deleting(home):
            return
        content = self.content()
        present = self._objects.get(Key(key, self._object_name))
        if present is None:
            meta = {"name": self._object_name, "namespace": key}
            wanted = {
                "apiVersion": self._resource.api_version, "kind": self._resource.kind, "metadata": meta, **content
            }  # fmt: skip
            try:
                await self.client.create(self._resource, wanted, key)
            except (AlreadyExists, NotFound, Forbidden):
                # Made already, or the namespace ends: its own change brings the key back if it matters.
                return
        elif any(present.get(field) != value for field, value in content.items()):
            patch = {**content, "metadata": {"resourceVersion": resource_version(present)}}
            await self.client.patch(self._resource, self._object_name, patch, key)


class ServiceAccountController(_NamespaceDefault):
    """The ServiceAccount `default`."""

    name: ClassVar[str] = "serviceaccount-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, SERVICEACCOUNTS, "default")

    def content(self) -> Object:
        return {}


class RootCaPublisher(_NamespaceDefault):
    """The cluster's CA certificate, with which pods verify the API server."""

    name: ClassVar[str] = "root-ca-certificate-publisher-controller"

    def __init__(self, kit: Kit, ca_pem: str) -> None:
        super().__init__(kit, CONFIGMAPS, ROOT_CA)
        self._ca_pem = ca_pem

    def content(self) -> Object:
        return {"data": {"ca.crt": self._ca_pem}}
