"""Which container a verb means that goes into pods."""

from __future__ import annotations

from common.api import meta, pods
from common.api.meta import Object
from common.errors import NotFound
from console.tui import shell
from console.tui.stage import TableStage
from console.views.containers import CONTAINERS


def container_under(browse: TableStage) -> tuple[Object, str] | None:
    """The pod under the cursor and its container: the one of the row, or the pod's default. None where there is no row;
    raises NotFound when the pod runs nowhere yet."""
    row = browse.current()
    pod = browse.pod_of(row) if row else None
    if row is None or pod is None:
        return None
    if not pods.node_name(pod):
        raise NotFound(f"pod {meta.name(pod)} has no node yet; W tells why")
    return pod, meta.name(row) if browse.view.resource == CONTAINERS else shell.default_container(pod)
