"""Credentials for pulling an image, out of the pod's imagePullSecrets. They are never logged."""

from __future__ import annotations

import base64
import binascii
from fnmatch import fnmatchcase

import orjson

from common.api import meta
from common.api.meta import Object

from .environment import Lookup, MissingReference, contents

_VERSIONS = frozenset({"v1", "v2"})  # of the registry's protocol, which logins name for history's sake
DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


def registry_of(image: str) -> str:
    """The registry's host that an image name means."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if named else DOCKER_HUB[0]


def credentials(pod: Object, image: str, lookup: Lookup) -> Object | None:
    """Username and password for the image; None for anonymous.

    As kubelet: the entry whose path is the longest that the image's begins with counts, then the first secret's.
    Hosts may have wildcards for whole labels or parts of them (`*.example`), ports must be equal.
    """
    wanted = registry_of(image)
    names = DOCKER_HUB if wanted in DOCKER_HUB else (wanted,)
    path = _path(image)
    best: tuple[int, Object] | None = None
    for reference in (pod.get("spec") or {}).get("imagePullSecrets") or ():
        secret = lookup.find("secrets", meta.namespace(pod), str(reference.get("name", "")))
        for server, entry in _auths(secret or {}).items():
            host, _, below = server.removeprefix("https://").removeprefix("http://").partition("/")
            prefix = below.strip("/")
            if prefix in _VERSIONS:
                prefix = ""
            login = _login(entry) if any(_matches(host, name) for name in names) and path.startswith(prefix) else None
            if login is not None and (best is None or len(prefix) > best[0]):
                best = len(prefix), login
    return best[1] if best else None


def _path(image: str) -> str:
    """The image's name behind its registry; Docker Hub's own images have none to match."""
    first, _, rest = image.partition("/")
    return rest if registry_of(image) == first else image


def _matches(pattern: str, host: str) -> bool:
    """Label by label, so that `*.example` is not `a.b.example`."""
    wanted, wanted_port = _split(pattern)
    found, found_port = _split(host)
    return (
        wanted_port == found_port
        and len(wanted) == len(found)
        and all(fnmatchcase(label, part) for part, label in zip(wanted, found, strict=True))
    )


def _split(host: str) -> tuple[list[str], str]:
    name, _, port = host.partition(":")
    return name.split("."), port


def _auths(secret: Object) -> dict[str, Object]:
    try:
        files = contents(secret)
        if ".dockerconfigjson" in files:
            auths = orjson.loads(files[".dockerconfigjson"]).get("auths")
        else:
            auths = orjson.loads(files.get(".dockercfg", b"{}"))
    except (MissingReference, orjson.JSONDecodeError, AttributeError):
        return {}  # a broken pull secret counts as none, as with kubelet
    return auths if isinstance(auths, dict) else {}


def _login(entry: object) -> Object | None:
    if not isinstance(entry, dict):
        return None
    user, password = entry.get("username"), entry.get("password")
    if not user and isinstance(entry.get("auth"), str):
        try:
            user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    return {"username": user, "password": password or ""} if user else None
