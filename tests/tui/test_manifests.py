"""Applying manifests from within: what is shown before, what is applied, what is refused, and taking it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.api.kinds import CHANGES, CONFIGMAPS, DEPLOYMENTS, SECRETS
from common.api.meta import Key, Object, uid
from common.errors import Cause, Invalid, NotFound
from console.tui.screens.manifests import ManifestsScreen
from console.views import applying as views
from tests.tui.conftest import Console, running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {name: web-config, namespace: shop}
data:
  motd: ahoy
"""
SCALED = """apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout-api, namespace: default}
spec:
  replicas: 5
"""
SECRET = """apiVersion: v1
kind: Secret
metadata: {name: web-login, namespace: shop}
data: {password: czNjcmV0}
"""
WEB = Key("shop", "web-config")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose name is the same in every run, for it stands in the picture."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "site"
        folder.mkdir()
        (folder / "10-config.yaml").write_text(CONFIG)
        (folder / "20-checkout.yaml").write_text(SCALED)
        (folder / "30-broken.yaml").write_text("kind: [\n")
        (folder / "overlay").mkdir()
        (folder / "overlay" / "secret.yaml").write_text(SECRET)
        monkeypatch.chdir(folder)
        yield folder


def screen(console: Console) -> ManifestsScreen:
    assert isinstance(console.screen, ManifestsScreen)
    return console.screen


def words(console: Console) -> list[str]:
    return [row.obj["status"].word for row in screen(console).table.model.rows]


async def opened(console: Console, command: str = "apply") -> None:
    await console.type(f":{command}")
    await console.press("enter")
    await console.until(lambda: bool(words(console)) and "asking" not in words(console))


@pytest.mark.actions("manifest.apply")
async def test_what_would_change_is_shown_and_applied_on_demand(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console)
        assert words(console) == ["create", "change", "unreadable", "folder", "folder"]
        assert "+   motd: ahoy" in console.text()
        await console.press("a", "enter")
        assert fleet.api.find(CONFIGMAPS, WEB) is None, "Cancel has the focus"
        await console.press("a", "tab", "enter")
        assert fleet.api.get(CONFIGMAPS, WEB)["data"] == {"motd": "ahoy"}
        assert words(console)[:2] == ["created", "change"]
        assert console.note() == "applied: web-config; U takes it back"
        await console.press("a")
        assert "configmap/web-config: created, so there is nothing to apply" in console.note()
        await console.press("j")
        assert "-   replicas: 3" in console.text()
        assert "+   replicas: 5" in console.text()


@pytest.mark.actions("manifest.apply-all", "manifest.open")
async def test_all_that_differ_are_applied_in_the_order_of_the_files(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console, "dir ..")
        assert words(console) == ["folder", "folder"]
        await console.press("enter")
        await console.until(lambda: len(words(console)) == 5 and "asking" not in words(console))
        await console.press("A")
        text = console.text()
        assert text.index("create  configmap/web-config in shop") < text.index("change  deployment/checkout-api")
        await console.press("tab", "enter")
        assert words(console)[:2] == ["created", "configured"]
        assert fleet.api.get(DEPLOYMENTS, Key("default", "checkout-api"))["spec"]["replicas"] == 5
        await console.press("A")
        assert console.note() == "none of them differs from what is there"
        await console.press("ctrl+r")
        await console.until(lambda: words(console)[:2] == ["as it is", "as it is"])
        await console.press("enter")
        assert "It is what the manifest says." in console.text()


async def test_only_the_marked_are_applied(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console)
        await console.press("j", "space", "a", "tab", "enter")
        assert words(console)[:2] == ["create", "configured"]


async def test_what_the_server_refuses_stands_at_its_line(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        cause = Cause("spec.replicas", "Invalid value: 5: too many", "FieldValueInvalid")
        fleet.gateway.refusals = [NotFound("no"), Invalid("Deployment is invalid", causes=(cause,))]
        await opened(console)
        assert words(console)[:3] == ["refused", "refused", "unreadable"]
        await console.press("j")
        assert "line 5: spec.replicas: Invalid value: 5: too many" in console.text()
        await console.press("a")
        assert "deployment/checkout-api: refused" in console.note()
        await console.press("j")
        assert "30-broken.yaml: not valid YAML: line 2" in console.text()


async def test_a_write_that_fails_is_told_in_its_row_and_the_others_go_on(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console)
        fleet.gateway.refusals = [Invalid("the quota is spent")]
        await console.press("A", "tab", "enter")
        assert words(console)[:2] == ["failed", "configured"]
        assert "the quota is spent" in console.text()
        await console.press("a", "tab", "enter")
        assert words(console)[:2] == ["created", "configured"]


async def test_values_of_secrets_are_never_shown(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console, "apply overlay")
        assert words(console) == ["create", "folder"]
        assert "password: <6 bytes>" in console.text()
        await console.press("a", "tab", "enter")
        assert fleet.api.get(SECRETS, Key("shop", "web-login"))["data"] == {"password": "czNjcmV0"}
        (site / "overlay" / "secret.yaml").write_text(SECRET.replace("czNjcmV0", "YmVmb3Jl"))
        await console.press("ctrl+r")
        await console.until(lambda: words(console)[:1] == ["change"])
        assert "password: <6 bytes, another value>" in console.text()
        assert "czNjcmV0" not in console.text()


async def test_what_comes_with_its_namespace_is_no_error(fleet: Fleet, site: Path) -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n"
    file = site / "both.yaml"
    file.write_text(f"{namespace}---\n{CONFIG.replace('shop', 'fresh')}")
    missing = NotFound('namespaces "fresh" not found', details={"name": "fresh", "kind": "namespaces"})
    async with running(fleet) as console:
        fleet.api.fail(missing, verb="get", resource=CONFIGMAPS)
        await opened(console, "apply both.yaml")
        assert words(console) == ["create", "create"]


@pytest.mark.actions("manifest.undo")
async def test_undo_takes_back_what_was_applied(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console)
        await console.press("U")
        assert console.note() == "no write to anything here is recorded"
        await console.press("a", "tab", "enter")
        made = fleet.api.get(CONFIGMAPS, WEB)
        fleet.api.seed(CHANGES, _change(made))
        await console.press("U")
        assert "It is deleted again" in " ".join(console.text().split())


def _change(obj: Object) -> Object:
    about = {"resource": "configmaps", "kind": "ConfigMap", "name": "web-config", "namespace": "shop", "uid": uid(obj)}
    return {"metadata": {"name": "c-1"}, "verb": "create", "user": "captain", "time": "2026-11-22T09:00:00Z",
            "object": about}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "said"),
    [("apply nowhere", "there is no such file or folder"), ("apply a b c", ":apply takes a file or folder")],
)
async def test_wrong_words_are_named(fleet: Fleet, site: Path, command: str, said: str) -> None:
    async with running(fleet) as console:
        await console.type(f":{command}")
        await console.press("enter")
        assert said in console.note()


async def test_a_file_that_cannot_be_read_says_why(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await console.type(":apply 30-broken.yaml")
        await console.press("enter")
        await console.until(lambda: "not valid YAML" in console.text())
        assert words(console) == []


async def test_pictures(fleet: Fleet, site: Path) -> None:
    async with running(fleet) as console:
        await opened(console)
        screen(console).table.border_title = "Manifests · site"
        await portray(console, "manifests")
        await console.press("A")
        await portray(console, "manifests-dialog")


async def test_the_view_of_a_created_object_leaves_out_the_record_of_what_was_applied() -> None:
    noted: Object = {"kind": "ConfigMap", "metadata": {"name": "a", "annotations": {"k": "v"}}}
    record = "kubectl.kubernetes.io/last-applied-configuration"
    noted["metadata"]["annotations"][record] = "{}"
    assert [line for line, _ in views.difference(None, noted)][-1] == "+     k: v"
