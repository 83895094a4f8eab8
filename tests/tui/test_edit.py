"""Editing an object as YAML: the text the editor gets, what is shown before it is written, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from common.api.kinds import DEPLOYMENTS
from common.api.meta import Key, Object
from common.errors import Cause, Invalid, ServiceUnavailable
from console.views import editing
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

EDIT = ("colon", *"deploy", "enter", "e")
WEB = Key("default", "checkout-api")


def deployment(fleet: Fleet) -> Object:
    return fleet.api.get(DEPLOYMENTS, WEB)


class Editor:
    """Stands for the user at the editor: each visit does the next change and is remembered."""

    def __init__(self, *changes: Callable[[str], str]) -> None:
        self.seen: list[str] = []
        self._changes = list(changes)

    async def __call__(self, content: bytes, _name: str) -> bytes:
        self.seen.append(editing.decode(content))
        return editing.encode(self._changes.pop(0)(self.seen[-1]))


def replicas(count: int) -> Callable[[str], str]:
    return lambda text: "\n".join(
        f"  replicas: {count}" if line.startswith("  replicas:") else line for line in text.splitlines()
    ) + "\n"  # fmt: skip


async def opened(console: Console, monkeypatch: pytest.MonkeyPatch, *changes: Callable[[str], str]) -> Editor:
    editor = Editor(*changes)
    monkeypatch.setattr(console.app, "leave_for_editor", editor)
    await console.press(*EDIT)
    return editor


async def test_pictures(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        fleet.gateway.refusals = []
        await opened(console, monkeypatch, replicas(5), lambda text: text.replace("replicas: 5", "replicas: ["))
        await portray(console, "edit-review")
        await console.press("e")
        await portray(console, "edit-refused")


@pytest.mark.actions("edit")
async def test_what_changed_is_shown_and_written_on_demand(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        was = deployment(fleet)
        editor = await opened(console, monkeypatch, replicas(7))
        assert "status:" not in editor.seen[0]
        assert "+   replicas: 7" in console.text()
        assert deployment(fleet) == was
        await console.press("tab", "tab", "enter")
        assert deployment(fleet)["spec"] == {**was["spec"], "replicas": 7}
        assert "U takes it back" in console.note()


async def test_enter_alone_writes_nothing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        was = deployment(fleet)
        await opened(console, monkeypatch, replicas(7))
        await console.press("enter")
        assert deployment(fleet) == was


async def test_an_unchanged_text_is_no_edit(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        await opened(console, monkeypatch, lambda text: text)
        assert console.note() == "nothing is changed"


async def test_what_the_server_refuses_is_said_at_its_line_and_edited_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "Invalid value: -1: must be greater than or equal to 0"
    fleet.gateway.refusals = [Invalid("it is invalid", causes=(Cause("spec.replicas", message),))]
    async with running(fleet) as console:
        editor = await opened(console, monkeypatch, replicas(-1), replicas(4))
        assert "must be greater" in console.text()
        assert "Apply" not in console.text()
        await console.press("e", "tab", "tab", "enter")
        lines = editor.seen[1].splitlines()
        assert lines[lines.index(f"  #> {message}") + 1] == "  replicas: -1"
        assert deployment(fleet)["spec"]["replicas"] == 4


async def test_what_somebody_else_wrote_meanwhile_stays(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        await opened(console, monkeypatch, replicas(7))
        await fleet.gateway.patch(DEPLOYMENTS, WEB.name, {"spec": {"minReadySeconds": 9}}, WEB.namespace)
        await console.press("tab", "tab", "enter")
        assert (deployment(fleet)["spec"]["replicas"], deployment(fleet)["spec"]["minReadySeconds"]) == (7, 9)


async def test_the_same_field_changed_by_somebody_else_is_not_overwritten(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fleet) as console:
        await opened(console, monkeypatch, replicas(7))
        await fleet.gateway.patch(DEPLOYMENTS, WEB.name, {"spec": {"replicas": 2}}, WEB.namespace)
        await console.press("tab", "tab", "enter")
        assert deployment(fleet)["spec"]["replicas"] == 2
        assert "spec.replicas: somebody else changed this" in console.text()


async def test_another_object_is_refused(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        await opened(console, monkeypatch, lambda text: text.replace("name: checkout-api", "name: other", 1))
        assert "another object" in " ".join(console.text().split())


async def test_what_was_typed_is_there_again_when_the_write_fails(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fleet) as console:
        editor = await opened(console, monkeypatch, replicas(7), lambda text: text)
        fleet.gateway.refusals = [ServiceUnavailable("the API cannot be reached")]
        await console.press("tab", "tab", "enter")
        assert "the API cannot be reached" in console.text()
        await console.press("e", "tab", "tab", "enter")
        assert "  replicas: 7" in editor.seen[1]
        assert "#> the API cannot be reached" in editor.seen[1]
        assert deployment(fleet)["spec"]["replicas"] == 7


async def test_bytes_that_are_no_text_are_refused_and_kept(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(fleet) as console:
        editor = await opened(
            console, monkeypatch, lambda text: text.replace("replicas: 3", "replicas: \udcff"), lambda text: text
        )
        assert "this is no YAML" in console.text()
        await console.press("e")
        assert "replicas: \udcff" in editor.seen[1]
