"""Every screen at the sizes people have, as the characters they see."""

from __future__ import annotations

import pytest

from common.api.kinds import NODES, PODS, SECRETS
from common.api.meta import Object
from common.errors import Forbidden
from console.tui.palette import ASCII_GLYPHS, SIXTEEN, Look
from tests.tui.conftest import running, snap
from tests.tui.fleet import Fleet

SMALL = ("60x20", "80x24", "120x36")
ALL = (*SMALL, "200x50")

JOURNEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pods": ((), ALL),
    "pods-marked": (("space", "space"), ("80x24",)),
    "pods-wide": (("ctrl+w",), ("200x50",)),
    "pods-faults": (("ctrl+z",), SMALL),
    "pods-tall-header": (("ctrl+e",), ("80x24", "120x36")),
    "deployments": (("colon", "d", "e", "p", "l", "o", "y", "enter"), ALL),
    "replicasets": (("colon", "r", "s", "enter"), SMALL),
    "jobs": (("colon", *"jobs", "enter"), SMALL),
    "cronjobs": (("colon", *"cj", "enter"), SMALL),
    "trigger": (("colon", *"cj", "enter", "t"), SMALL),
    "suspend": (("colon", *"jobs", "enter", "s"), SMALL),
    "autoscalers": (("colon", *"hpa", "enter"), SMALL),
    "autoscaler": (("colon", *"hpa", "enter", "d"), SMALL),
    "pulses": (("colon", *"pulses", "enter"), ALL),
    "services": (("colon", "s", "v", "c", "enter"), SMALL),
    "nodes": (("colon", "n", "o", "enter"), ALL),
    "namespaces": (("colon", "n", "s", "enter"), SMALL),
    "configmaps": (("colon", "c", "m", "enter"), ("80x24",)),
    "secrets": (("colon", "s", "e", "c", "enter"), ("80x24",)),
    "events": (("colon", "e", "v", "enter"), ALL),
    "endpointslices": (("colon", "e", "p", "s", "enter"), SMALL),
    "claims": (("colon", *"pvc", "enter"), ALL),
    "claim": (("colon", *"pvc", "enter", "d"), SMALL),
    "volumes": (("colon", *"pv", "enter"), ALL),
    "storageclasses": (("colon", *"sc", "enter"), SMALL),
    "clusterroles": (("colon", *"clusterroles", "enter"), SMALL),
    "rolebindings": (("colon", *"rolebindings", "enter"), SMALL),
    "serviceaccounts": (("colon", *"sa", "enter"), ("80x24",)),
    "leases": (("colon", "l", "e", "a", "s", "e", "s", "enter"), ("80x24",)),
    "history": (("colon", *"history", "enter"), ALL),
    "timeline": (("colon", *"timeline", "enter"), ALL),
    "topology": (("colon", *"topo", "enter"), ALL),
    "topology-pod": (("colon", *"topo", "enter", "down", "right", "right"), ALL),
    "doctor": (("colon", *"doctor", "enter"), ALL),
    "balancer": (("colon", *"lb", "enter"), ALL),
    "balancer-weight": (("colon", *"lb", "enter", "down", "s"), SMALL),
    "undo-change": (("colon", *"dp", "enter", "slash", *"checkout", "enter", "U"), SMALL),
    "discover": (("colon", "d", "i", "s", "c", "o", "v", "e", "r", "enter"), ALL),
    "containers": (("enter",), SMALL),
    "prompt": (("colon", "p"), SMALL),
    "describe": (("d",), SMALL),
    "yaml": (("y",), SMALL),
    "secret-yaml": (("colon", "s", "e", "c", "enter", "y"), ("80x24",)),
    "delete": (("ctrl+d",), SMALL),
    "help": (("question_mark",), ALL),
    "scale": (("colon", "d", "p", "enter", "s"), SMALL),
    "rollout": (("colon", "d", "p", "enter", "v"), ALL),
    "undo": (("colon", "d", "p", "enter", "ctrl+l"), SMALL),
    "adopt": (("colon", "d", "i", "s", "c", "o", "v", "e", "r", "enter", "a"), SMALL),
}


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, (_, sizes) in JOURNEYS.items() for size in sizes])
async def test_screen(name: str, size: str, fleet: Fleet) -> None:
    async with running(fleet, size) as console:
        await console.press(*JOURNEYS[name][0])
        snap(console, name, size)


@pytest.mark.parametrize("size", ALL)
async def test_why(size: str, fleet: Fleet) -> None:
    async with running(fleet, size) as console:
        await console.press("slash")
        await console.type("pending")
        await console.press("enter", "W")
        snap(console, "why", size)


def _answer() -> Object:
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    nodes: list[Object] = [
        {"name": name, "replicas": replicas, "fits": not reasons, "reasons": reasons, "allocatable": amounts,
         "before": {"cpu": f"{before}m", "memory": "2Gi"},
         "after": {"cpu": f"{before + 500 * replicas}m", "memory": f"{2 + replicas}Gi"}}
        for name, replicas, before, reasons in (
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


@pytest.mark.parametrize("size", ALL)
async def test_fit(size: str, fleet: Fleet) -> None:
    fleet.gateway.fits = _answer()
    async with running(fleet, size) as console:
        await console.press("colon")
        await console.type("fit nginx cpu=500m mem=1Gi x6")
        await console.press("enter")
        snap(console, "fit", size)


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


@pytest.mark.parametrize("size", ALL)
async def test_logs(size: str, fleet: Fleet) -> None:
    async with running(fleet, size) as console:
        await console.press("slash")
        await console.type("mqtt")
        await console.press("enter", "l", "t")
        snap(console, "logs", size)


@pytest.mark.parametrize("size", SMALL)
async def test_a_cluster_without_nodes_says_what_to_do(size: str) -> None:
    async with running(Fleet(), size) as console:
        snap(console, "empty", size)


@pytest.mark.parametrize("size", SMALL)
async def test_what_nobody_may_look_at_says_why(size: str, fleet: Fleet) -> None:
    why = (
        'secrets is forbidden: User "system:serviceaccount:default:ledger" cannot list resource "secrets" in API group '
        '"" at the cluster scope'
    )
    fleet.api.fail(Forbidden(why), verb="list", resource=SECRETS, times=1000)
    async with running(fleet, size) as console:
        await console.press("colon", *"sec", "enter")
        snap(console, "refused", size)


async def test_a_simulation_says_so() -> None:
    async with running(Fleet(hollow=True).fill(), "80x24") as console:
        snap(console, "simulation", "80x24")


@pytest.mark.parametrize(("name", "keys"), [("pods", ()), ("delete", ("ctrl+d",))])
async def test_sixteen_colours_show_the_same_characters(name: str, keys: tuple[str, ...], fleet: Fleet) -> None:
    async with running(fleet, "80x24", look=Look(SIXTEEN)) as console:
        await console.press(*keys)
        snap(console, name, "80x24")


async def test_ascii_needs_no_other_character(fleet: Fleet) -> None:
    async with running(fleet, "80x24", look=Look(ascii=True)) as console:
        table = "\n".join(line for line in console.text().splitlines() if "─" not in line and "│" not in line)
        table = table.replace("·", "")
        assert table.isascii(), [letter for letter in table if not letter.isascii()]
        assert set(ASCII_GLYPHS.values()) & set(table)
