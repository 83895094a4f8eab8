"""What Kubernetes warns of in volumes whose files come to lie in one another's place; in its words and order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from common.api.meta import Object
from console.registry import validation

_Place = tuple[str, str]  # the path of a file, and where the file comes from
_CERTIFICATES = {
    "certificateChainPath": "PodCertificate chain",
    "keyPath": "PodCertificate key",
    "credentialBundlePath": "PodCertificate credential bundle",
}


def path_warnings(volumes: Iterable[Object]) -> Iterator[str]:
    for volume in volumes:
        name = validation.shown(str(volume.get("name") or ""))
        for kind, items in _plain(volume):
            for told in _overlaps((path, "") for path in items):
                yield f"volume {name} ({kind}): overlapping paths: {told}"
        if (projected := volume.get("projected")) is not None:
            sources = projected.get("sources") or []
            yield from (f"volume {name} (Projected) has no sources provided" for source in sources if not source)
            places = [place for source in sources for place in _projected(source)]
            yield from (f"volume {name} (Projected): overlapping paths: {told}" for told in _overlaps(places))


def _plain(volume: Object) -> Iterator[tuple[str, list[str]]]:
    """Of volumes of one source: what it is called, and the paths of its files."""
    for field, word, name in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        if source := volume.get(field):
            yield f"{word} {validation.shown(str(source.get(name) or ''))}", _paths(source)
    if source := volume.get("downwardAPI"):
        yield "DownwardAPI", _paths(source)


def _projected(source: Object) -> Iterator[_Place]:
    for field, word in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if found := source.get(field):
            yield from ((path, f"{word} {validation.shown(str(found.get('name') or ''))}") for path in _paths(found))
    yield from ((path, "DownwardAPI") for path in _paths(source.get("downwardAPI") or {}))
    if token := source.get("serviceAccountToken"):
        yield str(token.get("path") or ""), "ServiceAccountToken"
    if bundle := source.get("clusterTrustBundle"):
        named = validation.shown(str(bundle.get("name") or bundle.get("signerName") or ""))
        yield str(bundle.get("path") or ""), f"ClusterTrustBundle {named}"
    for field, word in _CERTIFICATES.items():
        if path := (source.get("podCertificate") or {}).get(field):
            yield str(path), word


def _paths(source: Object) -> list[str]:
    return [str(item.get("path") or "") for item in source.get("items") or ()]


def _overlaps(places: Iterable[_Place]) -> Iterator[str]:
    """Each two of which one is the other's path, or on the way to it."""
    known: list[_Place] = []
    for given, source in places:
        place = (given.rstrip("/"), source)
        yield from (f"{_shown(place)} with {_shown(other)}" for other in known if _meet(place[0], other[0]))
        known.append(place)


def _meet(one: str, other: str) -> bool:
    if not one or not other:
        return False
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _shown(place: _Place) -> str:
    path, source = place
    return f"{validation.shown(path)} ({source})" if source else validation.shown(path)
