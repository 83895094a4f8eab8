"""A kind that is served in two versions: each client sees its own, one form is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from common.api.kinds import Resource
from common.api.meta import Object
from common.client.base import PatchType
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.registry import schema
from console.registry.catalog import Registry, default_registry, version_order
from console.registry.columns import NAME, field
from console.registry.row import Row, Version
from console.store import open_store

from .test_http import TABLE, Http

NEW = Resource("example.test", "v2", "gauges", "Gauge")
OLD = Resource("example.test", "v1beta1", "gauges", "Gauge")


def _define(name: str, fields: tuple[str, ...]) -> str:
    text = {"type": "string"}
    properties: Object = {"apiVersion": text, "kind": text} | dict.fromkeys(fields, text)
    properties["metadata"] = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    schema.define(name, {"type": "object", "properties": properties})
    return name


def _to_kept(obj: Object) -> Object:
    found = {key: value for key, value in obj.items() if key != "level"}
    return {**found, "height": f"{obj['level']}m"} if "level" in obj else found


def _from_kept(obj: Object) -> Object:
    found = {key: value for key, value in obj.items() if key != "height"}
    return {**found, "level": obj["height"].removesuffix("m")} if "height" in obj else found


GAUGES = Row(
    NEW,
    "gauge",
    columns=(NAME, field("Height", "height")),
    schema=_define("test.v2.Gauge", ("height",)),
    default=lambda obj: obj.setdefault("height", "0m") and None,
    has_spec_generation=False,
    versions=(Version(OLD, _define("test.v1beta1.Gauge", ("level",)), _to_kept, _from_kept),),
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    registry = default_registry()
    registry.add(GAUGES)
    store = await open_store(tmp_path / "store.db", frozenset())
    server = ApiServer(store, registry, SystemClock(), ClusterConfig())
    await server.start(tmp_path / "api.sock")
    yield server
    await server.close()
    await store.close()


@pytest.fixture
async def http(server: ApiServer, tmp_path: Path) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "api.sock"))) as session:
        yield Http(session)


def path(resource: Resource, name: str | None = None) -> str:
    return resource.path("default", name)


def gauge(**fields: Any) -> Object:
    return {"metadata": {"name": "tide"}, **fields}


async def test_both_versions_show_one_object(http: Http) -> None:
    code, made, _ = await http("POST", path(OLD), gauge(level="3"))
    assert (code, made["apiVersion"], made["level"]) == (201, "example.test/v1beta1", "3")
    shown = (await http("GET", path(NEW, "tide")))[1]
    assert (shown["apiVersion"], shown["height"]) == ("example.test/v2", "3m")
    assert shown["metadata"] == made["metadata"]
    listed = (await http("GET", path(OLD)))[1]
    assert (listed["apiVersion"], listed["items"][0]["level"]) == ("example.test/v1beta1", "3")


async def test_changes_are_made_in_the_version_of_the_request(http: Http) -> None:
    await http("POST", path(NEW), gauge(height="1m"))
    merge = {"Content-Type": PatchType.MERGE.value}
    assert (await http("PATCH", path(OLD, "tide"), {"level": "2"}, merge))[1]["level"] == "2"
    old = (await http("GET", path(OLD, "tide")))[1]
    assert (await http("PUT", path(OLD, "tide"), {**old, "level": "4"}))[1]["level"] == "4"
    apply = {"Content-Type": PatchType.APPLY.value}
    config = {"apiVersion": OLD.api_version, "kind": "Gauge", **gauge(level="5")}
    code, applied, _ = await http("PATCH", f"{path(OLD, 'tide')}?fieldManager=me&force=true", config, apply)
    assert (code, applied["level"]) == (200, "5")
    assert (await http("GET", path(NEW, "tide")))[1]["height"] == "5m"
    assert (await http("DELETE", path(OLD, "tide")))[0] == 200
    assert (await http("GET", path(NEW, "tide")))[0] == 404


async def test_defaults_are_those_of_the_stored_form(http: Http) -> None:
    assert (await http("POST", path(OLD), gauge()))[1]["level"] == "0"


async def test_a_field_of_the_other_version_is_unknown(http: Http) -> None:
    code, status, _ = await http("POST", f"{path(OLD)}?fieldValidation=Strict", gauge(height="1m"))
    assert code == 400
    assert 'unknown field "height"' in status["message"]


async def test_watches_and_tables_are_of_the_version_of_the_request(http: Http) -> None:
    await http("POST", path(NEW), gauge(height="7m"))
    event = (await http.lines(f"{path(OLD)}?watch=true", 1))[0]
    assert (event["type"], event["object"]["apiVersion"], event["object"]["level"]) == (
        "ADDED", "example.test/v1beta1", "7",
    )  # fmt: skip
    table = (await http("GET", f"{path(OLD)}?includeObject=Object", None, {"Accept": TABLE}))[1]
    assert table["rows"][0]["cells"] == ["tide", "7m"]
    assert table["rows"][0]["object"]["level"] == "7"


async def test_components_can_speak_either_version(server: ApiServer) -> None:
    client = server.local_client("test")
    await client.create(OLD, gauge(level="1"), "default")
    assert (await client.get(NEW, "tide", "default"))["height"] == "1m"
    patched = await client.patch(OLD, "tide", {"level": "9"}, "default")
    assert (patched["apiVersion"], patched["level"]) == ("example.test/v1beta1", "9")
    assert [item["level"] for item in (await client.list(OLD)).items] == ["9"]
    await client.delete(OLD, "tide", "default")
    assert (await client.list(NEW)).items == []


def test_versions_come_and_go_with_their_row() -> None:
    registry = Registry([GAUGES])
    assert registry.groups() == {"example.test": ["v2", "v1beta1"]}
    assert registry.row_for(OLD).stored is GAUGES
    registry.remove(GAUGES)
    assert registry.rows() == []


def test_the_preferred_version_is_first() -> None:
    versions = ["foo1", "v1beta2", "v12alpha1", "v1", "v11beta2", "v10", "v2", "v10beta3"]
    assert sorted(versions, key=version_order) == [
        "v10", "v2", "v1", "v11beta2", "v10beta3", "v1beta2", "v12alpha1", "foo1",
    ]  # fmt: skip
