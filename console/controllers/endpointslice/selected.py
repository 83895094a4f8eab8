"""Which pods a Service selects, and which Services select a pod: by indexes, as every change of a pod asks."""

from __future__ import annotations

from collections.abc import Iterable

from common.api.kinds import PODS, SERVICES
from common.api.meta import Key, Object, key, labels, namespace
from common.api.selectors import from_labels
from common.client import Informer
from console.controllers.base import BY_NAMESPACE, Kit, namespace_index

_BY_LABEL = "label"


class Selected:
    """Looks into the mirrors of Services and Pods, which whoever uses it has to follow."""

    def __init__(self, kit: Kit) -> None:
        kit.informers.index(PODS, _BY_LABEL, lambda pod: [_label(namespace(pod), item) for item in labels(pod).items()])
        kit.informers.index(SERVICES, BY_NAMESPACE, namespace_index)
        self._services: Informer = kit.informers.get(SERVICES)
        self._pods: Informer = kit.informers.get(PODS)

    def services_of(self, pod: Object) -> Iterable[Key]:
        pod_labels = labels(pod)
        for service in self._services.by_index(BY_NAMESPACE, namespace(pod)):
            selector = service["spec"].get("selector")
            if selector and all(pod_labels.get(field) == value for field, value in selector.items()):
                yield key(service)

    def pods_of(self, service: Object | None) -> list[Object]:
        """Found by the rarest of the selector's labels; none without a selector."""
        wanted: dict[str, str] = ((service or {}).get("spec") or {}).get("selector") or {}
        if service is None or not wanted:
            return []
        selector, space = from_labels(wanted), namespace(service)
        found = min((self._pods.by_index(_BY_LABEL, _label(space, item)) for item in wanted.items()), key=len)
        return [pod for pod in found if selector.matches(labels(pod))]


def _label(space: str, item: tuple[str, str]) -> str:
    return f"{space}/{item[0]}={item[1]}"
