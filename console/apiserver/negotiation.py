"""Which form of an answer a client wants, from its Accept header. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from common.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"
META = "meta.k8s.io/v1"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_ANY = frozenset({"*/*", "application/*"})
_META_KINDS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_DISCOVERY_KIND = "APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Form:
    """`media` is JSON or YAML. `kind` is empty for the object itself, or what to convert it to, of `api_version`."""

    media: str = JSON
    kind: str = ""
    api_version: str = META

    @property
    def is_table(self) -> bool:
        return self.kind == "Table"

    @property
    def is_metadata(self) -> bool:
        return self.kind.startswith("PartialObjectMetadata")

    @property
    def is_aggregated_discovery(self) -> bool:
        return self.kind == _DISCOVERY_KIND


@lru_cache(maxsize=256)
def negotiate(accept: str, *, tables: bool = True) -> Form:
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
