"""Kinds that users define, and pages that other packages bring, in the console."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.api.kinds import CUSTOMRESOURCEDEFINITIONS, PODS, Resource
from common.client.resources import ApiResource
from console.plugins import Plugin
from console.tui.acts import Act
from console.tui.app import QuarterdeckApp
from console.tui.pages import PAGES, Page, with_plugins
from console.tui.screens.deck import Deck
from console.tui.screens.lines import LinesScreen
from console.tui.session import Session
from tests.tui.conftest import SIZES, Console, running
from tests.tui.fleet import Fleet
from tests.tui.gateway import SERVED

BOATS = Resource("sea.example.com", "v1", "boats", "Boat")
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "tui-page" / "images_page" / "__init__.py"
NAMES = {"plural": "boats", "singular": "boat", "kind": "Boat", "shortNames": ["bt"]}
COLUMNS = [
    {"name": "Length", "type": "integer", "jsonPath": ".spec.length"},
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Port", "type": "string", "jsonPath": ".spec.port", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def define(fleet: Fleet) -> None:
    versions = [{"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": COLUMNS}]
    spec = {"group": "sea.example.com", "scope": "Namespaced", "names": NAMES, "versions": versions}
    conditions = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
    status = {"acceptedNames": NAMES, "conditions": conditions}
    body = {"metadata": {"name": "boats.sea.example.com", "uid": "crd"}, "spec": spec, "status": status}
    fleet.api.seed(CUSTOMRESOURCEDEFINITIONS, body)
    for name, length, ready in (("alba", 12, "True"), ("brisa", 7, "False")):
        conditions = [{"type": "Ready", "status": ready}]
        meta = {"name": name, "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
        fleet.api.seed(BOATS, {"metadata": meta, "spec": {"length": length}, "status": {"conditions": conditions}})


@pytest.fixture
def sea(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    define(fleet)
    verbs = frozenset({"list", "watch", "get"})
    boat = ApiResource(BOATS, "boat", ("bt",), (), verbs)
    crd = ApiResource(CUSTOMRESOURCEDEFINITIONS, "customresourcedefinition", ("crd",), (), verbs)

    async def discover() -> Sequence[ApiResource]:
        return (*SERVED, boat, crd)

    monkeypatch.setattr(fleet.gateway, "discover", discover)
    return fleet


async def test_a_defined_kind_has_its_own_columns(sea: Fleet) -> None:
    async with running(sea) as console:
        await console.type(":bt")
        await console.press("enter")
        assert console.names() == ["alba", "brisa"]
        heads = next(line for line in console.text().splitlines() if "LENGTH" in line).replace("│", " ").split()
        assert [word for word in heads if word.isalpha()][:5] == ["NS", "NAME", "LENGTH", "READY", "AGE"]
        row = next(line for line in console.text().splitlines() if "alba" in line and "12" in line)
        assert "True" in row.split()
        await console.press("y")
        assert "length: 12" in console.text()


async def test_shift_and_a_letter_sort_by_a_column_of_a_defined_kind(sea: Fleet) -> None:
    async with running(sea) as console:
        await console.type(":bt")
        await console.press("enter", "L")
        assert console.names() == ["brisa", "alba"]
        await console.press("L")
        assert console.names() == ["alba", "brisa"]
        await console.press("R")
        assert console.names() == ["brisa", "alba"]
        await console.press("question_mark", "G")
        assert "L length" in console.text()


async def test_from_a_definition_to_its_objects(sea: Fleet) -> None:
    async with running(sea) as console:
        await console.type(":customresourcedefinitions")
        await console.press("enter")
        assert console.names() == ["boats.sea.example.com"]
        assert {"Boat", "Namespaced", "Established"} <= set(console.text().split())
        await console.press("enter")
        assert console.names() == ["alba", "brisa"]
        assert "LENGTH" in console.text()


def module() -> Any:
    spec = importlib.util.spec_from_file_location("images_page", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def example() -> Page:
    page: Page = module().PAGE
    return page


def plugin(value: Any) -> Plugin:
    return Plugin("p", value, "their-package 1.0")


async def opened(fleet: Fleet, page: Page | Act, text: str, *keys: str, read_only: bool = False) -> tuple[str, str]:
    """What the screen and the note say after a command, and after keys behind it."""
    pages = with_plugins([plugin(page)])
    app = QuarterdeckApp(lambda: fleet.gateway, cluster="homelab", clock=fleet.clock, pages=pages, read_only=read_only)
    async with app.run_test(size=SIZES["120x36"]) as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.type(text)
        await console.press("enter", *keys)
        await console.settle()
        return console.text(), console.note() if isinstance(app.screen, Deck) else ""


async def test_the_example_page_follows_the_pods(fleet: Fleet) -> None:
    shown, _ = await opened(fleet, example(), ":images")
    pod = next(iter(fleet.api.items(PODS)))
    assert f"{pod['spec']['containers'][0]['image']}:" in shown
    assert "containers" in shown
    shown, _ = await opened(fleet, example(), ":img nothing-like-it")
    assert "NO IMAGE IN USE HAS 'nothing-like-it' IN ITS NAME" in shown
    _, note = await opened(fleet, example(), ":images a b")
    assert note == ":images takes one word at most"


async def test_what_a_page_raises_ends_nothing(fleet: Fleet) -> None:
    def broken(session: Session, _words: Sequence[str]) -> LinesScreen:
        return LinesScreen(session, "broken", [PODS], lambda objects: [objects["no such resource"]])  # type: ignore[index]

    def worse(_session: Session, _words: Sequence[str]) -> LinesScreen:
        raise RuntimeError("no")

    shown, _ = await opened(fleet, Page("broken", "", broken), ":broken")
    assert "This page failed: KeyError: 'no such resource'" in shown
    _, note = await opened(fleet, Page("worse", "", worse), ":worse")
    assert note == ":worse of their-package 1.0 failed: RuntimeError: no"


def note() -> Act:
    act: Act = module().ACT
    return act


def noted(fleet: Fleet) -> list[Any]:
    """What was written, by name."""
    return [(call.key.name, call.body) for call in fleet.api.calls if call.verb == "patch"]


async def test_an_action_is_done_to_what_is_marked(fleet: Fleet) -> None:
    _, said = await opened(fleet, note(), ":note look again")
    ((pod, change),) = noted(fleet)
    assert change == {"metadata": {"annotations": {"example.com/note": "look again"}}}
    assert said == f"noted on {pod}"


async def test_an_action_keeps_to_its_kinds_and_to_reading(fleet: Fleet) -> None:
    _, said = await opened(fleet, replace(note(), kinds=frozenset({"nodes"})), ":note x")
    assert said == ":note is for nodes, and these are pods"
    _, said = await opened(fleet, note(), ":note x", read_only=True)
    assert said == ":note: this console is read-only"
    assert noted(fleet) == []


async def test_an_action_that_asks_is_done_when_that_is_answered(fleet: Fleet) -> None:
    asking = replace(note(), asks="Note it on these?")
    shown, _ = await opened(fleet, asking, ":note x")
    assert "Note it on these?" in shown
    assert noted(fleet) == []
    await opened(fleet, asking, ":note x", "tab", "enter")
    assert len(noted(fleet)) == 1


async def test_what_an_action_raises_is_said(fleet: Fleet) -> None:
    async def broken(_session: Session, _objects: Sequence[Any], _words: Sequence[str]) -> str:
        raise KeyError("no")

    _, said = await opened(fleet, replace(note(), act=broken), ":note x")
    assert said == ":note of their-package 1.0 failed: KeyError: 'no'"


def test_a_page_that_cannot_be_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    taken = Page("mine", "", example().open, ("timeline",))
    with caplog.at_level(logging.ERROR):
        assert with_plugins([plugin(taken), plugin([object()])]) == PAGES
    assert ":timeline is taken" in caplog.text
    assert "it is neither a console.tui.pages.Page nor a console.tui.acts.Act" in caplog.text
    assert "images" in with_plugins([plugin([example()])])
