"""One registry of actions: keys mean one thing in one place, all of them work, and the documentation says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.api import kinds
from console.tui import keysdoc
from console.tui.actions import ACTIONS, BY_ID, Where, available, hints, key_label
from console.tui.keymap import Keymap, KeymapError, load
from console.tui.view import kind_word
from console.views.columns import columns_for, table_of
from tests.tui.conftest import running
from tests.tui.fleet import Fleet

ROOT = Path(__file__).parents[2]


def test_the_page_of_keys_is_the_generated_one() -> None:
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert page == keysdoc.document(), "run: python -m console.tui.keysdoc > docs/keys.md"


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


def test_no_key_means_two_things_in_one_place() -> None:
    assert Keymap().conflicts() == []


async def test_every_action_of_a_table_has_a_handler(fleet: Fleet) -> None:
    async with running(fleet) as console:
        handlers = {**console.browse._own_handlers(), **console.browse.handlers()}
        wanted = {action.id for action in ACTIONS if Where.TABLE in action.where}
        assert wanted - handlers.keys() == set()


@pytest.mark.parametrize(("keys", "where"), [(("d",), Where.TEXT), (("l",), Where.LOGS), (("W",), Where.WHY)])
async def test_every_action_of_a_screen_has_a_handler(keys: tuple[str, ...], where: Where, fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press(*keys)
        handlers = {**console.screen._own_handlers(), **console.screen.handlers()}
        assert console.screen.where is where
        assert {action.id for action in available(where)} - handlers.keys() == set()


async def test_every_action_of_the_rollout_has_a_handler(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"deploy", "enter", "v")
        handlers = {**console.screen._own_handlers(), **console.screen.handlers()}
        assert {action.id for action in available(Where.ROLLOUT)} - handlers.keys() == set()


def test_the_footer_never_offers_what_does_not_apply() -> None:
    assert "scale" not in {action.id for action in hints(Where.TABLE, "pods")}
    assert "shell" not in {action.id for action in hints(Where.TABLE, "deployments")}


def test_a_key_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"describe": "z", "delete": ["ctrl+x"]}))
    keymap = load(tmp_path)
    found = keymap.lookup("z", Where.TABLE, "pods")
    assert found is not None
    assert found.id == "describe"
    assert keymap.lookup("ctrl+d", Where.TABLE, "pods") is None
    assert keymap.label(BY_ID["delete"]) == "^x"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("%", "percent_sign"),
        ("^x", "ctrl+x"),
        ("shift+z", "Z"),
        ("Z", "Z"),
        ("f5", "f5"),
        ("@", "at"),
        ("<", "less_than_sign"),
    ],
)
def test_keys_may_be_written_as_people_write_them(written: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"describe": written}))
    assert load(tmp_path).keys(BY_ID["describe"]) == (key,)


def test_a_clash_is_mended_by_moving_the_other_action_or_taking_its_key(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"describe": "y", "yaml": []}))
    found = load(tmp_path).lookup("y", Where.TABLE, "pods")
    assert found is not None
    assert found.id == "describe"


def test_no_key_that_sorts_a_table_means_something_else_there() -> None:
    for resource in {item for item in vars(kinds).values() if isinstance(item, kinds.Resource)}:
        for column in columns_for(resource):
            taken = Keymap().lookup(column.letter, Where.TABLE, kind_word(resource)) if column.letter else None
            assert taken is None, f"{column.letter} sorts {resource.plural} by {column.title} and is {taken}"


async def test_enter_that_was_typed_before_the_console_had_the_terminal_is_enter(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"nodes", "ctrl+j")
        assert console.names() == ["berth-1", "berth-2", "berth-3"]


def test_every_column_of_a_kind_that_users_define_has_a_letter_that_means_nothing_else() -> None:
    titles = [
        "Status",
        "Since",
        "Ready",
        "Replicas",
        "Endpoint",
        "Age",
        "Wait",
        "Wüste",
        "Host",
        "Up-To-Date",
        "x",
        *"yz",
    ]
    printed = [{"name": title, "type": "string", "jsonPath": f".spec.c{place}"} for place, title in enumerate(titles)]
    version = {"name": "v1", "additionalPrinterColumns": printed}
    columns = table_of({"spec": {"scope": "Namespaced", "versions": [version]}}, "v1").columns
    letters = [column.letter for column in columns]
    assert letters[:7] == ["P", "N", "S", "I", "R", "L", "O"]
    assert all(letters)
    assert len(set(letters)) == len(letters)
    taken = {letter: Keymap().lookup(letter, Where.TABLE, "boats.sea.example.com") for letter in letters}
    assert {letter: action.id for letter, action in taken.items() if action is not None} == {}


def test_without_a_file_the_keys_are_those_of_the_registry(tmp_path: Path) -> None:
    assert load(tmp_path) == Keymap()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "must hold an object"),
        ('{"fly": "f"}', "no action 'fly'"),
        ('{"describe": 3}', "the keys of describe must be"),
        ('{"describe": [""]}', "the keys of describe must be"),
        ('{"descripe": "d"}', "no action 'descripe'; near it: describe"),
        ('{"describe": "y"}', "y is both describe and yaml"),
        ('{"describe": "hyper+d"}', r"'hyper\+d' of describe is no key: a character, or a name such as ctrl\+d"),
        ('{"describe": "enterr"}', "'enterr' of describe is no key"),
        ('{"describe": "ctrl+m"}', r"a terminal cannot tell 'ctrl\+m' of describe from enter"),
    ],
)
def test_a_bad_file_of_keys_is_refused_with_the_reason(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(KeymapError, match=expected):
        load(tmp_path)


def test_conflicts_of_changed_keys_are_found() -> None:
    assert any("describe" in line for line in Keymap({"describe": ("y",)}).conflicts())


async def test_the_palette_offers_the_actions_of_the_screen(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("ctrl+p")
        assert "cordon" not in console.text()
        assert "describe" in console.text()


@pytest.mark.parametrize(
    ("key", "label"), [("ctrl+d", "^d"), ("escape", "esc"), ("left_square_bracket", "["), ("W", "W")]
)
def test_keys_are_written_as_people_write_them(key: str, label: str) -> None:
    assert key_label(key) == label
