"""Tables as a whole: several namespaces, their keys, saving, copying names, kinds that others define."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path

import pytest
import yaml

from common.api import kinds
from common.api.kinds import Resource
from console.tui.app import QuarterdeckApp
from console.tui.favourites import Favourites
from console.tui.screens.dialogs import Ask, Confirm
from console.tui.view import View, kind_word
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet


def spaces(console: Console) -> set[str]:
    return {row.key.namespace for row in console.browse.table.model.rows}


@pytest.mark.parametrize("command", ["pods iot,metrics", "po iot metrics", "pods metrics,,iot,iot"])
async def test_several_namespaces_at_once(command: str, fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto(command)
        assert spaces(console) == {"iot", "metrics"}
        assert "NS" in console.text()
        assert ",".join(console.browse.view.namespaces) in console.text()


async def test_a_command_takes_a_filter(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("pods metrics,iot /!grafana")
        assert spaces(console) == {"iot", "metrics"}
        assert console.names()
        assert not any(name.startswith("grafana") for name in console.names())


async def test_completion_goes_on_behind_a_comma(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon")
        await console.type("pods iot,met")
        await console.press("tab", "enter")
        assert console.browse.view.namespaces == ("iot", "metrics")


@pytest.mark.actions("mark", "open")
async def test_marked_namespaces_open_together(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("ns")
        await console.press("j", "space", "j", "space", "enter")
        assert spaces(console) == {"iot", "metrics"}
        await console.press("escape")
        assert console.browse.view.resource == kinds.NAMESPACES


async def test_a_namespace_that_is_not_there_is_told_with_what_is_near(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("pods metrix")
        assert "There is no namespace 'metrix'; near it: metrics." in console.text()


async def test_a_beginning_of_a_page_or_alias_is_enough(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("disc")
        assert console.browse.view.resource == kinds.HOSTS


async def test_what_was_said_does_not_outlive_the_view(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nonsense")
        assert console.note()
        await console.goto("nodes")
        assert not console.note()


# Favourites


@pytest.mark.actions("favourite", "favourite.1", "favourite.2", "favourite.3", "namespaces.all")
async def test_a_namespace_gets_a_key_and_loses_it(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("1")
        assert spaces(console) == {"default"}
        await console.goto("ns")
        await console.press("j", "space", "j", "j", "space", "asterisk")
        assert console.note() == "2 shows iot, 3 shows network"
        assert console.browse.table.model.rows[1].cells[2] == "2"
        await console.press("3")
        assert (console.browse.view.resource, spaces(console)) == (kinds.PODS, {"network"})
        await console.goto("deploy")
        await console.press("2")
        assert (console.browse.view.resource, spaces(console)) == (kinds.DEPLOYMENTS, {"iot"})
        await console.press("0")
        assert len(spaces(console)) > 2
        await console.goto("ns")
        await console.press("j", "asterisk", "2")
        assert "no namespace has the key 2" in console.note()


@pytest.mark.actions("favourite.4", "favourite.5", "favourite.6", "favourite.7", "favourite.8", "favourite.9")
async def test_a_key_without_a_namespace_says_how_to_give_it_one(fleet: Fleet) -> None:
    async with running(fleet) as console:
        for number in "456789":
            await console.press(number)
            assert f"no namespace has the key {number}: * in :ns gives it to one" in console.note()


async def test_keys_of_namespaces_mean_nothing_where_there_are_none(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("nodes")
        await console.press("1")
        assert "nodes belong to no namespace" in console.note()
        assert console.browse.view.resource == kinds.NODES


async def test_favourites_are_kept_for_each_cluster(tmp_path: Path, fleet: Fleet) -> None:
    path = tmp_path / "favourites.json"
    path.write_text('{"other": {"1": "there"}}')
    app = QuarterdeckApp(lambda: fleet.gateway, cluster="homelab", clock=fleet.clock, favourites=Favourites(path, "a"))
    async with app.run_test(size=(100, 30)) as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.goto("ns")
        await console.press("j", "asterisk")
        await console.settle()
        async with asyncio.timeout(60):
            while '"iot"' not in path.read_text():
                await console.settle()
    assert Favourites(path, "a").numbers == {1: "default", 2: "iot"}
    assert Favourites(path, "other").numbers == {1: "there"}


def test_no_number_is_left_after_nine() -> None:
    favourites = Favourites(None, "a")
    favourites.toggle([f"n{number}" for number in range(8)])
    before = dict(favourites.numbers)
    with pytest.raises(ValueError, match="0 of the numbers 1 to 9 are free"):
        favourites.toggle(["one-more"])
    assert favourites.numbers == before


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": {"0": "x", "10": "y", "z": "w"}}', '{"a": 3}'])
def test_a_spoilt_file_of_favourites_costs_no_start(text: str, tmp_path: Path) -> None:
    path = tmp_path / "favourites.json"
    path.write_text(text)
    assert set(Favourites(path, "a").numbers.values()) <= {"default"}


# Saving and copying


async def save(console: Console, path: Path) -> None:
    await console.press("ctrl+s", "ctrl+u")
    paste(console, path)
    await console.press("enter")
    async with asyncio.timeout(60):
        while not isinstance(console.app.screen, Confirm) and not console.note():
            await console.settle()


def paste(console: Console, path: Path) -> None:
    asked = console.app.screen
    assert isinstance(asked, Ask)
    asked.paste(str(path))


@pytest.mark.actions("save")
async def test_the_rows_that_are_shown_are_saved_as_csv(tmp_path: Path, fleet: Fleet) -> None:
    async with running(fleet) as console:
        console.browse.search("grafana", final=True)
        await save(console, tmp_path / "t.csv")
        assert console.note() == f"2 rows saved to {tmp_path / 't.csv'}"
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [row["NS"] for row in rows] == ["metrics", "metrics"]
    assert {"NAME", "STATUS", "CPU", "LABELS"} <= rows[0].keys()
    assert rows[0]["STATUS"] == "Running"


async def test_objects_are_saved_as_json_and_yaml_and_a_secrets_values_are_not(tmp_path: Path, fleet: Fleet) -> None:
    secrets = {item["metadata"]["name"] for item in fleet.api.items(kinds.SECRETS)}
    async with running(fleet) as console:
        await console.goto("pods metrics")
        await save(console, tmp_path / "pods.json")
        await console.goto("secrets")
        await save(console, tmp_path / "s.yaml")
    listing = json.loads((tmp_path / "pods.json").read_text())
    assert {item["metadata"]["namespace"] for item in listing["items"]} == {"metrics"}
    assert not any("use" in field for item in listing["items"] for field in item)
    text = (tmp_path / "s.yaml").read_text()
    found = list(yaml.safe_load_all(text))
    assert {item["metadata"]["name"] for item in found} == secrets
    assert {value for item in found for value in item["data"].values()} == {"********"}


async def test_a_name_without_a_form_is_refused_and_a_file_is_not_lost_by_an_enter(
    tmp_path: Path, fleet: Fleet
) -> None:
    (tmp_path / "t.csv").write_text("mine")
    async with running(fleet) as console:
        await console.press("ctrl+s", "ctrl+u")
        paste(console, tmp_path / "t.txt")
        await console.press("enter")
        assert isinstance(console.app.screen, Ask)
        assert "a file's name ends with .csv" in console.text()
        await console.press("escape")
        await save(console, tmp_path / "t.csv")
        await console.press("enter")
        assert (tmp_path / "t.csv").read_text() == "mine"


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, fleet: Fleet) -> None:
    (tmp_path / "file").write_text("")
    async with running(fleet) as console:
        await save(console, tmp_path / "file" / "t.csv")
        assert str(tmp_path / "file") in console.note()


@pytest.mark.actions("name.copy", "config.copy")
async def test_names_are_copied_one_a_line(fleet: Fleet) -> None:
    async with running(fleet) as console:
        two = console.names()[:2]
        await console.press("space", "space", "Y")
        assert console.app.clipboard == "\n".join(two)
        await console.goto("cm")
        await console.press("c")
        assert console.app.clipboard == console.names()[0]


@pytest.mark.actions("used-by")
async def test_a_table_tells_who_uses_a_secret(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.goto("secrets")
        await console.press("u")
        assert "Used by:" in console.text()


# Kinds of others


def test_a_kind_with_the_plural_of_one_of_ours_is_not_taken_for_it() -> None:
    assert kind_word(kinds.PODS) == "pods"
    assert kind_word(kinds.POD_METRICS) == "pods.metrics.k8s.io"
    assert kind_word(Resource("batch.volcano.sh", "v1", "jobs", "Job")) == "jobs.batch.volcano.sh"
    assert kind_word(Resource("example.org", "v1", "sites", "Site")) == "sites"


def test_titles_name_a_few_namespaces_and_count_the_rest() -> None:
    assert View(kinds.PODS, ("a", "b")).crumbs() == ["a,b", "pods"]
    assert View(kinds.PODS, tuple("abcde")).place == "a,b,c and 2 more"


async def test_an_age_that_grows_is_never_cut(fleet: Fleet) -> None:
    async with running(fleet, "80x24") as console:
        await console.goto("pods default /checkout")
        assert " 70s" in console.text()
        await fleet.clock.advance(45)
        await console.settle()
        assert " 115s" in console.text()
        await fleet.clock.advance(40)
        await console.settle()
        assert " 2m35s" in console.text()
