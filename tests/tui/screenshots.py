"""Drives the real console against a running control plane and draws it; `tests.gallery` makes the cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.settings import Home
from console.tui.app import QuarterdeckApp
from console.tui.palette import Look
from console.tui.themes import THEMES

FOLDER = Path(__file__).parents[2] / "screenshots"
SIZES = {"120x36": (120, 36), "80x24": (80, 24)}
LOAD_SECONDS = 2.0  # what a screen may take to read from a busy control plane
SCREENS: dict[str, tuple[str, ...]] = {
    "pods": (),
    "pods-header": ("ctrl+e",),
    "deployments": ("colon", *"deploy", "enter"),
    "statefulsets": ("colon", *"sts", "enter"),
    "jobs": ("colon", *"jobs", "enter"),
    "cronjobs": ("colon", *"cj", "enter"),
    "services": ("colon", *"svc", "enter"),
    "ingresses": ("colon", *"ing", "enter"),
    "autoscalers": ("colon", *"hpa", "enter"),
    "claims": ("colon", *"pvc", "enter"),
    "nodes": ("colon", *"nodes", "enter"),
    "discover": ("colon", *"discover", "enter"),
    "events": ("colon", *"events", "enter"),
    "logs": ("l",),
    "describe": ("d",),
    "why": ("colon", *"pods", "enter", "slash", *"transcoder", "enter", "W"),
    "doctor": ("colon", *"doctor", "enter"),
    "topology": ("colon", *"topo", "enter"),
    "fit": ("colon", *"fit checkout:1.5 cpu=300m mem=1Gi x6", "enter"),
    "balancer": ("colon", *"lb shop", "enter", "G"),
    "pulses": ("colon", *"pulses", "enter"),
    "history": ("colon", *"history", "enter"),
    "timeline": ("colon", *"timeline", "enter"),
    "delete": ("ctrl+d",),
    "help": ("question_mark",),
    "drain": ("colon", *"nodes", "enter", "r"),
    "secret": ("colon", *"secrets", "enter", "slash", *"shop", "minus", "tls", "enter", "e"),
    "xray": ("colon", *"xray deploy shop", "enter"),
    "logs-workload": ("colon", *"deploy", "enter", "slash", *"ledger", "enter", "l"),
    "themes": ("colon", *"theme", "enter", "down", "down"),
    "light": (),
    "production": (),
    "rollout": ("colon", *"deploy", "enter", "slash", *"web", "enter", "v"),
}
MAIN = frozenset({"pods", "doctor", "topology", "balancer", "pulses", "timeline", "why", "rollout"})
"""The screens that are drawn at 80x24 too."""

WORN = {"light": "light"}
CLUSTERS = {"production": "prod"}
"""Pictures in another theme than the usual one, and of a cluster that is called otherwise."""


KEYS = {" ": "space", ":": "colon", ".": "full_stop", "=": "equals_sign", "/": "slash"}
"""Characters whose key has another name."""


def as_document(svg: str) -> str:
    """The SVG with spaces kept and a font that programs other than browsers have too."""
    return svg.replace("<text ", '<text xml:space="preserve" ').replace("Fira Code", "DejaVu Sans Mono")


async def draw(home: Home, cluster: str, name: str, size: str) -> Path:
    """One screen as a file."""
    app = QuarterdeckApp(
        lambda: HttpClient(Endpoint.of_socket(home.api_socket)), cluster=CLUSTERS.get(name, cluster),
        look=Look(THEMES[WORN.get(name, "dark")]),
    )  # fmt: skip
    async with app.run_test(size=SIZES[size]) as pilot:
        await _loaded(pilot)
        for key in SCREENS[name]:
            await pilot.press(KEYS.get(key, key))
            await pilot.pause(0.05)
        await _loaded(pilot)
        path = FOLDER / f"{name}-{size}.svg"
        await asyncio.to_thread(path.write_text, as_document(app.export_screenshot(title="quarterdeck")))
        return path


async def _loaded(pilot: Pilot[None]) -> None:
    await pilot.pause(LOAD_SECONDS)
