"""The package `kr8s`: objects with a will of their own, synchronous and not, of built-in kinds and of users'."""

from __future__ import annotations

from typing import Any

import kr8s
import kr8s.asyncio
import kr8s.asyncio.objects
import kr8s.objects
import pytest
from kr8s._async_utils import as_sync_func

from .server import Server
from .test_kubernetes import DEPLOYMENT

pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version:UserWarning")  # it knows older ones only


def _named(kind: str, name: str, space: str, **parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": space}, **parts}


def test_synchronous_objects(server: Server, space: str) -> None:
    api = kr8s.api(kubeconfig=str(server.kubeconfig))
    assert api.version()["gitVersion"].startswith("v1.36")
    one = kr8s.objects.ConfigMap(_named("ConfigMap", "one", space, data={"a": "1"}), api=api)
    assert not one.exists()
    one.create()
    assert one.exists()
    one.patch({"data": {"a": "2"}})
    one.label({"tier": "front"})
    one.annotate({"note": "mine"})
    (found,) = api.get("configmaps", namespace=space, label_selector={"tier": "front"})
    assert (found.data["a"], found.annotations["note"]) == ("2", "mine")
    body = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "namespace": space}}
    web = kr8s.objects.Deployment(body, api=api)
    web.create()
    web.scale(3)
    assert web.replicas == 3
    web.delete()
    one.delete()
    one.wait("delete", timeout=60)
    assert not one.exists()
    as_sync_func(api._session.aclose)()  # it has no other end, and lives in a loop of its own


async def test_asynchronous_objects_of_users_kinds(server: Server, space: str) -> None:
    api = await kr8s.asyncio.api(kubeconfig=str(server.kubeconfig))
    widget_kind = kr8s.asyncio.objects.new_class("Widget", "clients.example.com/v1", namespaced=True, scalable=True,
                                                 scalable_spec="size")  # fmt: skip
    body = {"apiVersion": "clients.example.com/v1", "kind": "Widget",
            "metadata": {"name": "one", "namespace": space}, "spec": {"size": 1}}  # fmt: skip
    widget = await widget_kind(body, api=api)
    await widget.create()
    await widget.patch({"status": {"phase": "Done"}}, subresource="status")
    await widget.wait("jsonpath='{.status.phase}'=Done", timeout=60)
    await widget.scale(4)
    assert widget.raw["spec"]["size"] == 4
    owned = await kr8s.asyncio.objects.ConfigMap(_named("ConfigMap", "child", space), api=api)
    await owned.create()
    await widget.adopt(owned)
    assert owned.raw["metadata"]["ownerReferences"][0]["uid"] == widget.metadata["uid"]
    seen = []
    async for event, item in api.watch("widgets.clients.example.com", namespace=space):
        seen.append((event, item.name))
        if event == "ADDED":
            await item.delete()
        else:
            break
    assert seen[0] == ("ADDED", "one")
    with pytest.raises(kr8s.NotFoundError):
        await widget_kind.get("one", namespace=space, api=api)
    await owned.wait("delete", timeout=20)
    await api._session.aclose()
