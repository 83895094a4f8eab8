"""What people see of Services: how many endpoints are ready, where they are reached, how traffic is led."""

from __future__ import annotations

from common.api.kinds import SERVICES
from common.api.meta import Key, Object
from console.views.columns import columns_for
from console.views.describe.workloads import service as described
from console.views.status import Tone
from console.views.usage import Backing, attached, backings


def slice_of(service: str, family: str, *ready: bool | None) -> Object:
    metadata = {"name": f"{service}-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": service}}
    states = [{"conditions": {} if state is None else {"ready": state}} for state in ready]
    return {"metadata": metadata, "addressType": family, "endpoints": states}


def test_endpoints_of_two_families_are_counted_once_and_those_of_two_slices_together() -> None:
    found = backings(
        [
            slice_of("web", "IPv4", True, False), slice_of("web", "IPv6", True, False), slice_of("web", "IPv4", None),
            slice_of("db", "IPv6"), {"metadata": {"name": "free", "namespace": "shop"}, "endpoints": []},
        ]
    )  # fmt: skip
    assert found == {Key("shop", "web"): Backing(2, 3), Key("shop", "db"): Backing(0, 0)}


def cell(title: str, service: Object) -> tuple[object, Tone | None]:
    column = next(item for item in columns_for(SERVICES) if item.title == title)
    return column.value(service, None), column.tone(service) if column.tone else None  # type: ignore[arg-type]


def test_a_service_shows_how_many_endpoints_are_ready() -> None:
    service: Object = {"metadata": {"name": "web"}, "spec": {}}
    found = [cell("READY", attached(service, figure)) for figure in (None, Backing(2, 2), Backing(1, 2), Backing(0, 2))]
    assert found == [("-", Tone.DIM), ("2/2", Tone.OK), ("1/2", Tone.WARN), ("0/2", Tone.BAD)]


def test_a_service_shows_where_it_is_reached_from_outside() -> None:
    balanced = {"spec": {"externalIPs": ["192.0.2.9"]}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    named = {"spec": {"type": "ExternalName", "externalName": "db.example"}}
    assert [cell("EXTERNAL", service)[0] for service in (balanced, named, {"spec": {}})] == [
        "192.0.2.1,192.0.2.9", "db.example", "-",
    ]  # fmt: skip


def test_a_description_tells_how_traffic_is_led() -> None:
    spec = {
        "type": "NodePort", "clusterIPs": ["10.43.0.9", "fd00::9"], "ipFamilies": ["IPv4", "IPv6"],
        "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Local", "trafficDistribution": "PreferSameNode",
        "externalIPs": ["192.0.2.9"],
    }  # fmt: skip
    text = "\n".join(" ".join(line.split()) for line in described({"spec": spec}, []))
    for expected in (
        "IPs: 10.43.0.9, fd00::9", "Session Affinity: ClientIP for 60 s", "Inside Traffic: Cluster",
        "Outside Traffic: Local", "Prefers: PreferSameNode", "External IPs: 192.0.2.9",
    ):  # fmt: skip
        assert expected in text
