"""Drives the real console against a running control plane and draws it; `tests.gallery` makes the cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.settings import Home
from console.tui.app import QuarterdeckApp

FOLDER = Path(__file__).parents[2] / "screenshots"
SIZES = {"120x36": (120, 36), "80x24": (80, 24)}
LOAD_SECONDS = 2.0  # what a screen may take to read from a busy control plane
SCREENS: dict[str, tuple[str, ...]] = {
    "pods": (),
    "pods-header": ("ctrl+e",),
    "deployments": ("colon", *"deploy", "enter"),
    "rollout": ("colon", *"deploy", "enter", "slash", *"web", "enter", "v"),
    "services": ("colon", *"svc", "enter"),
    "nodes": ("colon", *"nodes", "enter"),
    "discover": ("colon", *"discover", "enter"),
    "events": ("colon", *"events", "enter"),
    "logs": ("l",),
    "describe": ("d",),
    "why": ("ctrl+z", "G", "W"),  # of the last pod that is at fault: one that is pending
    "delete": ("ctrl+d",),
    "help": ("question_mark",),
}


def as_document(svg: str) -> str:
    """The SVG with spaces kept and a font that programs other than browsers have too."""
    return svg.replace("<text ", '<text xml:space="preserve" ').replace("Fira Code", "DejaVu Sans Mono")


async def draw(home: Home, cluster: str, name: str, size: str) -> Path:
    """One screen as a file."""
    app = QuarterdeckApp(lambda: HttpClient(Endpoint.of_socket(home.api_socket)), cluster=cluster)
    async with app.run_test(size=SIZES[size]) as pilot:
        await _loaded(pilot)
        for key in SCREENS[name]:
            await pilot.press(key)
            await pilot.pause(0.05)
        await _loaded(pilot)
        path = FOLDER / f"{name}-{size}.svg"
        await asyncio.to_thread(path.write_text, as_document(app.export_screenshot(title="quarterdeck")))
        return path


async def _loaded(pilot: Pilot[None]) -> None:
    await pilot.pause(LOAD_SECONDS)
