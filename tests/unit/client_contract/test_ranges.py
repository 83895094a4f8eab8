"""The range of Services and addresses, as programs that look after networks use them."""

from __future__ import annotations

from common.api.kinds import IPADDRESSES, SERVICECIDRS
from common.client.base import Client
from common.settings import ClusterConfig


async def test_the_range_of_the_cluster_is_there_and_ready(client: Client) -> None:
    found = await client.get(SERVICECIDRS, "kubernetes")
    status = await client.get(SERVICECIDRS, "kubernetes", subresource="status")
    assert status["metadata"]["uid"] == found["metadata"]["uid"]
    assert status["kind"] == "ServiceCIDR"
    assert found["spec"]["cidrs"] == list(ClusterConfig().service_cidrs)
    ready = found["status"]["conditions"][0]
    assert (ready["type"], ready["status"]) == ("Ready", "True")
    assert [item["metadata"]["name"] for item in (await client.list(SERVICECIDRS)).items] == ["kubernetes"]


async def test_addresses_of_anybody_are_kept_changed_and_deleted(client: Client) -> None:
    parent = {"group": "example.com", "resource": "doors", "namespace": "n", "name": "front"}
    labels = {"kind": "broadcast"}
    first = {"metadata": {"name": "255.255.255.255", "labels": labels}, "spec": {"parentRef": parent}}
    made = await client.create(IPADDRESSES, first)
    await client.create(IPADDRESSES, {"metadata": {"name": "fe80::42:1dff:fe84:f9e2"}, "spec": {"parentRef": parent}})
    patched = await client.patch(IPADDRESSES, "255.255.255.255", {"metadata": {"annotations": {"patched": "true"}}})
    assert int(patched["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    metadata = {**patched["metadata"], "annotations": {"patched": "true", "updated": "true"}}
    await client.update(IPADDRESSES, {**patched, "metadata": metadata})
    found = (await client.list(IPADDRESSES, label_selector="kind=broadcast")).items
    assert [item["metadata"]["annotations"] for item in found] == [{"patched": "true", "updated": "true"}]
    await client.delete(IPADDRESSES, "255.255.255.255")
    assert [item["metadata"]["name"] for item in (await client.list(IPADDRESSES)).items] == ["fe80::42:1dff:fe84:f9e2"]
