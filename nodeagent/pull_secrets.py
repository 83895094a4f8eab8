"""Credentials for pulling an image, out of the pod's imagePullSecrets. They are never logged."""

from __future__ import annotations

import base64
import binascii

import orjson

from common.api import meta
from common.api.meta import Object

from .environment import Lookup, MissingReference, contents

DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


def registry_of(image: str) -> str:
    """The registry's host that an image name means."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if named else DOCKER_HUB[0]


def credentials(pod: Object, image: str, lookup: Lookup) -> Object | None:
    """Username and password of the first secret that has some for the image's registry; None for anonymous."""
    wanted = registry_of(image)
    names = DOCKER_HUB if wanted in DOCKER_HUB else (wanted,)
    for reference in (pod.get("spec") or {}).get("imagePullSecrets") or ():
        secret = lookup.find("secrets", meta.namespace(pod), str(reference.get("name", "")))
        for server, entry in _auths(secret or {}).items():
            host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
            found = _login(entry) if host in names else None
            if found is not None:
                return found
    return None


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
