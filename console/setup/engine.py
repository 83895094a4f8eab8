"""The container engine as setup needs it: does it answer, what of ours is in it, the example's image.

Speaks the Engine API itself over its socket: a few plain requests, before and after there is an agent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.blocking import Answer, UnixHttp

DEFAULT_SOCKET = Path("/var/run/docker.sock")
LABEL = "io.quarterdeck"
TIMEOUT = 120.0  # seconds; a busy engine takes long to remove a container


class EngineError(Exception):
    """The engine refused; the message is its own."""


def engine_socket() -> Path | None:
    """The engine's socket as the docker command finds it; None when DOCKER_HOST names no Unix socket."""
    host = os.environ.get("DOCKER_HOST", "")
    if not host:
        return DEFAULT_SOCKET
    return Path(host.removeprefix("unix://")) if host.startswith("unix://") else None


class Engine:
    """Raises Unreachable when nobody answers, EngineError when the engine refuses."""

    def __init__(self, path: Path) -> None:
        self._http = UnixHttp(path, TIMEOUT)

    def version(self) -> str:
        return str(_json(self._http.request("GET", "/version", timeout=10))["Version"])

    def containers(self, label: str = "", *, only_running: bool = False) -> list[dict[str, Any]]:
        params = {"all": "0" if only_running else "1"}
        return _list(self._http.request("GET", "/containers/json", params=params | _labelled(label)))

    def networks(self, label: str) -> list[dict[str, Any]]:
        return _list(self._http.request("GET", "/networks", params=_labelled(label)))

    def volumes(self, label: str) -> list[dict[str, Any]]:
        answer = _json(self._http.request("GET", "/volumes", params=_labelled(label)))
        return list(answer.get("Volumes") or ())

    def images(self, label: str) -> list[dict[str, Any]]:
        return _list(self._http.request("GET", "/images/json", params=_labelled(label)))

    def has_image(self, name: str) -> bool:
        return self._http.request("GET", f"/images/{name}/json").code == 200

    def remove_container(self, identifier: str) -> None:
        self._delete(f"/containers/{identifier}", {"force": "1", "v": "1"})

    def remove_network(self, identifier: str) -> None:
        self._delete(f"/networks/{identifier}", {})

    def remove_volume(self, name: str) -> None:
        self._delete(f"/volumes/{name}", {"force": "1"})

    def remove_image(self, name: str) -> None:
        """The name, and the layers that no other image has. In use by somebody else's container: it stays."""
        self._delete(f"/images/{name}", {}, also=frozenset({409}))

    def import_image(self, name: str, tar: Iterable[bytes], changes: Iterable[str]) -> None:
        """Make an image of one layer from a tar of its files; `changes` are Dockerfile lines."""
        repository, _, tag = name.rpartition(":")
        query = "&".join(f"changes={_quoted(change)}" for change in changes)
        path = f"/images/create?fromSrc=-&repo={_quoted(repository)}&tag={_quoted(tag)}&{query}"
        answer = self._http.request("POST", path, body=b"".join(tar), headers={"Content-Type": "application/x-tar"})
        _checked(answer)
        for line in answer.body.splitlines():
            error = json.loads(line).get("error")
            if error:
                raise EngineError(f"image {name}: {error}")

    def _delete(self, path: str, params: dict[str, str], also: frozenset[int] = frozenset()) -> None:
        answer = self._http.request("DELETE", path, params=params)
        if answer.code not in {404, *also}:  # gone already is as good as removed
            _checked(answer)


def _labelled(label: str) -> dict[str, str]:
    return {"filters": json.dumps({"label": [label]})} if label else {}


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _checked(answer: Answer) -> Answer:
    if answer.code >= 400:
        try:
            message = str(json.loads(answer.body)["message"])
        except (ValueError, KeyError, TypeError):
            message = f"the engine answered {answer.code}"
        raise EngineError(message)
    return answer


def _json(answer: Answer) -> Any:
    return _checked(answer).json()


def _list(answer: Answer) -> list[dict[str, Any]]:
    return list(_json(answer) or ())
