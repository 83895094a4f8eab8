"""What is no resource: version, health, discovery, OpenAPI, a few figures."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import orjson
from aiohttp import web

from common import settings
from common.api.meta import format_time
from common.build import architecture, this_build
from common.errors import unserved
from console.registry import discovery, openapi_v2
from console.registry.catalog import Registry
from console.registry.openapi import OpenApi
from console.registry.openapi_v2 import OpenApiV2

from . import health, routing
from .aggregation import remote
from .aggregation.remote import Remote
from .documents import answer_document, answer_packed
from .flowcontrol.dump import PRIORITY_LEVELS
from .health import Check, is_health
from .identity.accounts import ServiceAccountTokens
from .negotiation import JSON, Form, negotiate
from .responses import respond

OPENID, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"
_KEPT = {"Cache-Control": "public, max-age=3600"}
METRICS = "text/plain; version=0.0.4; charset=utf-8"


class System:
    """`checks` are those of the health paths, `figures` gives the lines of /metrics, `tokens` has the key with which
    others verify tokens of ServiceAccounts, `remotes` are the groups and versions of other servers, `levels` tells what
    priority levels do."""

    def __init__(
        self,
        registry: Registry,
        checks: Sequence[Check],
        figures: Callable[[], Iterator[str]],
        tokens: ServiceAccountTokens,
        remotes: Callable[[], list[Remote]],
        levels: Callable[[], str],
    ) -> None:
        self._levels = levels
        self._remotes = remotes
        self._registry = registry
        self._openapi = OpenApi(registry)
        self._openapi_v2 = OpenApiV2(registry)
        self._checks = checks
        self._figures = figures
        self._tokens = tokens

    async def handle(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        """Raises NotFound for a path that is nothing. `path` has no trailing slash."""
        if is_health(path):
            return self._answer_health(http, path)
        if path == "/metrics":
            return web.Response(text="".join(self._figures()), headers={"Content-Type": METRICS})
        if path == PRIORITY_LEVELS:
            return web.Response(text=self._levels())
        if path in {OPENID, KEYS}:
            return self._answer_openid(path)
        parts = path.strip("/").split("/")
        if parts[:2] == ["openapi", "v3"]:
            return await self._answer_openapi(http, parts[2:])
        if path == "/openapi/v2":
            return await self._answer_openapi_v2(http)
        if parts[0] not in {"", "api", "apis", "version"}:
            return web.Response(
                body=orjson.dumps({"paths": self._paths()}, option=orjson.OPT_INDENT_2), status=404,
                content_type=JSON,
            )  # fmt: skip
        await asyncio.to_thread(this_build)  # which reads all of our code, the first time
        document = self._document(http, path, parts)
        form = negotiate(http.headers, http.query)
        if path in {"/", "/version"}:  # people read these: Kubernetes answers them on several lines
            form = replace(form, pretty=True)
        response = await respond(orjson.dumps(document), form, http=http)
        if document.get("kind") == "APIGroupDiscoveryList":
            response.headers["Content-Type"] = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        return response

    def _document(self, http: web.BaseRequest, path: str, parts: list[str]) -> dict[str, object]:
        if path == "/version":
            return version()
        if path in {"/api", "/apis"} and negotiate(http.headers, http.query).is_aggregated_discovery:
            return self._aggregated(core=path == "/api")
        groups = remote.with_groups(self._registry.groups(), self._remotes())
        match parts:
            case ["api"]:
                return discovery.api_versions(http.host)
            case ["apis"]:
                return discovery.api_group_list(groups)
            case ["apis", group] if group in groups:
                return discovery.api_group(group, groups[group])
            case ["apis", group, found] if found in groups.get(group, ()):
                return discovery.api_resource_list(self._registry, group, found)
            case ["api", found] if found in groups.get("", ()):
                return discovery.api_resource_list(self._registry, "", found)
            case [""]:
                return {"paths": self._paths()}
        raise routing.nothing_in(self._registry, parts[1]) if parts[0] == "apis" else unserved()

    def _aggregated(self, *, core: bool) -> dict[str, object]:
        document = discovery.aggregated(self._registry, core=core)
        remotes = self._remotes()
        if core or not remotes:
            return document
        return remote.aggregated(document, remotes, remote.with_groups(self._registry.groups(), remotes))

    def _paths(self) -> list[str]:
        groups = remote.with_groups(self._registry.groups(), self._remotes())
        served = [f"/apis/{group}/{item}" for group, versions in groups.items() if group for item in versions]
        documents = ["/openapi/v2", "/openapi/v3", OPENID, KEYS]
        own = ["/api", "/api/v1", "/apis", "/metrics", "/version", *health.ALL, *documents]
        return sorted([*own, *served])

    def _answer_health(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        excluded = http.query.getall("exclude", [])
        if path in health.ALL:
            found = health.overall(self._checks, path, http.query, excluded)
        else:
            found = health.single(self._checks, path)
        headers = {"X-Content-Type-Options": "nosniff"}
        return web.Response(text=found.text, status=200 if found.healthy else 500, headers=headers)

    def _answer_openid(self, path: str) -> web.StreamResponse:
        key = self._tokens.key
        if path == KEYS:
            return web.Response(
                body=orjson.dumps(key.key_set()), content_type="application/jwk-set+json", headers=_KEPT
            )
        document = {
            "issuer": self._tokens.issuer,
            "jwks_uri": f"{self._tokens.issuer}{KEYS}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [key.algorithm],
        }
        return web.Response(body=orjson.dumps(document), content_type="application/json", headers=_KEPT)

    async def _answer_openapi(self, http: web.BaseRequest, parts: list[str]) -> web.StreamResponse:
        match parts:
            case []:
                others = {(item.group, item.version): item.openapi for item in self._remotes() if item.openapi}
                return await respond(orjson.dumps(self._openapi.index(others)), Form(), http=http)
            case ["api", found]:
                body = self._openapi_document("", found)
            case ["apis", group, found]:
                body = self._openapi_document(group, found)
            case _:
                raise unserved()
        return await answer_document(http, body)

    async def _answer_openapi_v2(self, http: web.BaseRequest) -> web.StreamResponse:
        # kubectl asks for protobuf by this media type in two spellings, and takes what it asked for without a look.
        protobuf = "proto-openapi.spec.v2" in http.headers.get("Accept", "")
        found = await self._openapi_v2.encoded(remote.swaggers(self._remotes()), protobuf=protobuf)
        return await answer_packed(http, found, openapi_v2.PROTOBUF if protobuf else JSON)

    def _openapi_document(self, group: str, found: str) -> bytes:
        for item in self._remotes():
            if (item.group, item.version) == (group, found) and item.openapi:
                return item.openapi
        try:
            return self._openapi.document(group, found)
        except KeyError:
            raise unserved() from None


def version() -> dict[str, object]:
    """Reads the code of this program when it is first asked: blocks for the disk."""
    build = this_build()
    major, minor = settings.VERSION.lstrip("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": settings.VERSION,
        "gitCommit": build.digest,
        "gitTreeState": "archive",
        "buildDate": format_time(build.date),
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"linux/{architecture()}",
    }
