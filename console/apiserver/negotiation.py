"""Which form of an answer a client wants, from its Accept header, its name and what it asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from common.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"
META = "meta.k8s.io/v1"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_ANY = frozenset({"*/*", "application/*"})
_META_KINDS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_DISCOVERY_KIND = "APIGroupDiscoveryList"
_READ_BY_PEOPLE = ("curl", "Wget", "Mozilla/5.0")
_YES = frozenset({"1", "t", "T", "true", "TRUE", "True"})


@dataclass(frozen=True, slots=True)
class Form:
    """`media` is JSON or YAML. `kind` is empty for the object itself, or what to convert it to, of `api_version`.
    `pretty` JSON is on several lines."""

    media: str = JSON
    kind: str = ""
    api_version: str = META
    pretty: bool = False

    @property
    def plain(self) -> Form:
        """The same for an answer that is always itself."""
        return Form(self.media, pretty=self.pretty)

    @property
    def is_table(self) -> bool:
        return self.kind == "Table"

    @property
    def is_metadata(self) -> bool:
        return self.kind.startswith("PartialObjectMetadata")

    @property
    def is_aggregated_discovery(self) -> bool:
        return self.kind == _DISCOVERY_KIND


def negotiate(headers: Mapping[str, str], query: Mapping[str, str], *, tables: bool = True) -> Form:
    """What the Accept header wants, on several lines where somebody reads it."""
    form = accepted(headers.get("Accept", ""), tables=tables)
    return replace(form, pretty=True) if is_pretty(headers, query) else form


def is_pretty(headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """Whether the answer is read by people: asked for, or to what they have on their command lines and in browsers."""
    if asked := query.get("pretty"):
        return asked in _YES
    return headers.get("User-Agent", "").startswith(_READ_BY_PEOPLE)


@lru_cache(maxsize=256)
def accepted(accept: str, *, tables: bool = True) -> Form:
    """The first form of the header that there is; raises NotAcceptable when there is none of them. Without `tables` a
    Table is no form: answers to questions have none."""
    if not accept.strip():
        return Form()
    for _, item in sorted(_ranked(accept), key=lambda pair: -pair[0]):
        form = _form(item)
        if form is not None and (tables or not form.is_table):
            return form
    raise NotAcceptable(f"only the following media types are accepted: {JSON}, {YAML}")


@lru_cache(maxsize=256)
def accepts(accept: str) -> bool:
    """Whether any form of the header is of a media type that there is, whatever else it asks for. A client of typed
    answers alone is told later what there is."""
    named = {item["media"] for _, item in _ranked(accept)}
    return not accept.strip() or bool(named & {JSON, YAML, _PROTOBUF, *_ANY})


def _ranked(accept: str) -> list[tuple[float, dict[str, str]]]:
    ranked = []
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        found = dict(part.split("=", 1) for part in parameters if "=" in part)
        try:
            quality = float(found.pop("q", "1"))
        except ValueError:
            quality = 0.0
        ranked.append((quality, {"media": media.lower(), **found}))
    return ranked


def _form(item: dict[str, str]) -> Form | None:
    media = JSON if item["media"] in _ANY else item["media"]
    if media not in {JSON, YAML}:
        return None
    if "as" not in item:
        return Form(media)
    kind = item["as"]
    version = f"{item.get('g', '')}/{item.get('v', '')}"
    if kind in _META_KINDS and version in {META, "meta.k8s.io/v1beta1"}:
        return Form(media, kind, version)
    if kind == _DISCOVERY_KIND and version == "apidiscovery.k8s.io/v2":
        return Form(media, kind)
    return None
