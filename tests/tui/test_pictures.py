"""Every screen at the sizes people have, as the characters they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from common.api.kinds import NODES, PODS, SECRETS, Resource
from common.api.meta import Object, name
from common.errors import Forbidden
from console.tui.screens.lines import LinesScreen
from tests.tui.conftest import running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

SCREENS: dict[str, tuple[str, ...]] = {
    "pods": (),
    "pods-marked": ("space", "space"),
    "pods-wide": ("ctrl+w",),
    "pods-faults": ("ctrl+z",),
    "pods-tall-header": ("ctrl+e",),
    "deployments": ("colon", "d", "e", "p", "l", "o", "y", "enter"),
    "replicasets": ("colon", "r", "s", "enter"),
    "jobs": ("colon", *"jobs", "enter"),
    "cronjobs": ("colon", *"cj", "enter"),
    "trigger": ("colon", *"cj", "enter", "t"),
    "suspend": ("colon", *"jobs", "enter", "s"),
    "autoscalers": ("colon", *"hpa", "enter"),
    "autoscaler": ("colon", *"hpa", "enter", "d"),
    "pulses": ("colon", *"pulses", "enter"),
    "services": ("colon", "s", "v", "c", "enter"),
    "nodes": ("colon", "n", "o", "enter"),
    "namespaces": ("colon", "n", "s", "enter"),
    "configmaps": ("colon", "c", "m", "enter"),
    "secrets": ("colon", "s", "e", "c", "enter"),
    "events": ("colon", "e", "v", "enter"),
    "endpointslices": ("colon", "e", "p", "s", "enter"),
    "claims": ("colon", *"pvc", "enter"),
    "claim": ("colon", *"pvc", "enter", "d"),
    "volumes": ("colon", *"pv", "enter"),
    "storageclasses": ("colon", *"sc", "enter"),
    "clusterroles": ("colon", *"clusterroles", "enter"),
    "rolebindings": ("colon", *"rolebindings", "enter"),
    "serviceaccounts": ("colon", *"sa", "enter"),
    "leases": ("colon", "l", "e", "a", "s", "e", "s", "enter"),
    "history": ("colon", *"history", "enter"),
    "timeline": ("colon", *"timeline", "enter"),
    "topology": ("colon", *"topo", "enter"),
    "topology-pod": ("colon", *"topo", "enter", "down", "right", "right"),
    "themes": ("colon", *"theme", "enter"),
    "doctor": ("colon", *"doctor", "enter"),
    "balancer": ("colon", *"lb", "enter"),
    "balancer-weight": ("colon", *"lb", "enter", "down", "s"),
    "undo-change": ("colon", *"dp", "enter", "slash", *"checkout", "enter", "U"),
    "discover": ("colon", "d", "i", "s", "c", "o", "v", "e", "r", "enter"),
    "containers": ("enter",),
    "prompt": ("colon", "p"),
    "describe": ("d",),
    "yaml": ("y",),
    "secret-yaml": ("colon", "s", "e", "c", "enter", "y"),
    "delete": ("ctrl+d",),
    "help": ("question_mark",),
    "scale": ("colon", "d", "p", "enter", "s"),
    "rollout": ("colon", "d", "p", "enter", "v"),
    "undo": ("colon", "d", "p", "enter", "ctrl+l"),
    "adopt": ("colon", "d", "i", "s", "c", "o", "v", "e", "r", "enter", "a"),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_screen(name: str, fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*SCREENS[name])
        await portray(console, name)


async def test_why(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("slash")
        await console.type("pending")
        await console.press("enter", "W")
        await portray(console, "why")


def _answer() -> Object:
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    nodes: list[Object] = [
        {"name": node, "replicas": replicas, "fits": not reasons, "reasons": reasons, "allocatable": amounts,
         "before": {"cpu": f"{before}m", "memory": "2Gi"},
         "after": {"cpu": f"{before + 500 * replicas}m", "memory": f"{2 + replicas}Gi"}}
        for node, replicas, before, reasons in (
            ("berth-1", 3, 2200, ["Insufficient cpu"]), ("berth-2", 1, 3400, ["Insufficient cpu"]),
            ("berth-3", 0, 900, ["node(s) had untolerated taint {disk: slow}"]),
        )
    ]  # fmt: skip
    return {
        "placements": [], "fitting": 4, "nodes": nodes,
        "message": "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 "
        "nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming "
        "pod.",
        "packing": {"before": {"cpu": 54.2, "memory": 25.0, "nodesInUse": 3},
                    "after": {"cpu": 70.8, "memory": 41.7, "nodesInUse": 3}},
    }  # fmt: skip


async def test_fit(fleet: Fleet) -> None:
    fleet.gateway.fits = _answer()
    async with running(fleet) as console:
        await console.press("colon")
        await console.type("fit nginx cpu=500m mem=1Gi x6")
        await console.press("enter")
        await portray(console, "fit")


async def test_a_question_that_means_nothing_is_answered_with_what_is_allowed(fleet: Fleet) -> None:
    async with running(fleet, "120x36") as console:
        await console.press("colon")
        await console.type("fit nginx colour=red")
        await console.press("enter")
        assert "'colour=red' means nothing here; allowed: IMAGE [cpu=500m]" in console.text()


async def test_a_block_leads_to_its_pod_and_a_box_to_its_node(fleet: Fleet) -> None:
    async with running(fleet, "120x36") as console:
        await console.press("colon", *"topo", "enter", "right", "enter")
        assert console.browse.view.resource == PODS
        await console.press("colon", *"topo", "enter", "enter")
        assert console.browse.view.resource == NODES


async def test_logs(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("slash")
        await console.type("mqtt")
        await console.press("enter", "l", "t")
        await portray(console, "logs")


async def test_logs_of_all_pods_with_a_label(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon")
        await console.type("logs app=mqtt-bridge iot")
        await console.press("enter")
        await portray(console, "logs-labelled")


async def test_a_cluster_without_nodes_says_what_to_do() -> None:
    async with running(Fleet()) as console:
        await portray(console, "empty")


async def test_what_nobody_may_look_at_says_why(fleet: Fleet) -> None:
    why = (
        'secrets is forbidden: User "system:serviceaccount:default:ledger" cannot list resource "secrets" in API group '
        '"" at the cluster scope'
    )
    fleet.api.fail(Forbidden(why), verb="list", resource=SECRETS, times=1000)
    async with running(fleet) as console:
        await console.press("colon", *"sec", "enter")
        await portray(console, "refused")


async def test_a_page_of_a_plugin(fleet: Fleet) -> None:
    def lines(objects: Mapping[Resource, Sequence[Object]]) -> list[str]:
        nodes = objects[NODES]
        return [f"Nodes:     {len(nodes)}", "", "NAME      READY", *(f"{name(node):<10}yes" for node in nodes)]

    async with running(fleet) as console:
        console.app.push_screen(LinesScreen(console.app.session, "roll call", [NODES], lines))
        await console.settle()
        await portray(console, "plugin-page")


async def test_a_simulation_says_so() -> None:
    async with running(Fleet(hollow=True).fill(), "80x24") as console:
        await portray(console, "simulation")
