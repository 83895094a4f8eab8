"""ResourceQuotas through the API: no write gets past them, in whatever order writes come."""

from __future__ import annotations

import asyncio

import pytest

from common.api.kinds import CONFIGMAPS, PODS, RESOURCEQUOTAS
from common.api.meta import Object
from common.client.http import HttpClient
from common.errors import Forbidden

from .kubectl import Kubectl


async def limit(client: HttpClient, **hard: str) -> None:
    spec = {"hard": {name.replace("__", "/").replace("_", "."): amount for name, amount in hard.items()}}
    await client.create(RESOURCEQUOTAS, {"metadata": {"name": "quota", "namespace": "default"}, "spec": spec})


def configmap(name: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}}


async def test_refuses_what_exceeds_it(client: HttpClient) -> None:
    await limit(client, pods="1", requests_cpu="1")
    spec = {"containers": [{"name": "main", "image": "app:1", "resources": {"requests": {"cpu": "600m"}}}]}
    await client.create(PODS, {"metadata": {"name": "one", "namespace": "default"}, "spec": spec})
    with pytest.raises(Forbidden) as caught:
        await client.create(PODS, {"metadata": {"name": "two", "namespace": "default"}, "spec": spec})
    assert caught.value.message == (
        'pods "two" is forbidden: exceeded quota: quota, requested: pods=1,requests.cpu=600m, '
        "used: pods=1,requests.cpu=600m, limited: pods=1,requests.cpu=1"
    )
    silent = {"containers": [{"name": "main", "image": "app:1"}]}
    with pytest.raises(Forbidden, match=r"failed quota: quota: must specify requests.cpu for: main"):
        await client.create(PODS, {"metadata": {"name": "three", "namespace": "default"}, "spec": silent})


async def test_refuses_a_resize_that_exceeds_it(client: HttpClient) -> None:
    await limit(client, requests_cpu="1")
    spec = {"containers": [{"name": "main", "image": "app:1", "resources": {"requests": {"cpu": "600m"}}}]}
    made = await client.create(PODS, {"metadata": {"name": "one", "namespace": "default"}, "spec": spec})
    made["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "1100m"
    with pytest.raises(
        Forbidden, match=r"requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    ):
        await client.update(PODS, made, subresource="resize")
    made["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "1"
    resized = await client.update(PODS, made, subresource="resize")
    assert resized["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1"}


async def test_writes_at_once_do_not_exceed_it(client: HttpClient) -> None:
    await limit(client, count__configmaps="3")
    made = await asyncio.gather(
        *(client.create(CONFIGMAPS, configmap(f"c{number}")) for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(result, Forbidden) for result in made) == 5
    await client.delete(
        CONFIGMAPS, next(str(item["metadata"]["name"]) for item in made if isinstance(item, dict)), "default"
    )
    await client.create(CONFIGMAPS, configmap("again"))


@pytest.mark.kubectl
async def test_kubectl_makes_and_shows_them(kubectl: Kubectl) -> None:
    await kubectl("create", "quota", "q", "--hard=pods=2,count/deployments.apps=1", "--scopes=")
    await kubectl("create", "deployment", "one", "--image=app:1")
    error = await kubectl.fails("create", "deployment", "two", "--image=app:1")
    assert "exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=1" in error
    assert "NAME" in await kubectl("get", "quota")
