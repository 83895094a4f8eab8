"""The contexts of a kubeconfig: where each cluster is, and the certificate or token that it is shown."""

from __future__ import annotations

import base64
import binascii
import logging
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from common.pki import Identity, PkiError
from common.tls import foreign_context

from .credentials import CredentialError, from_program
from .endpoint import Endpoint

log = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """A kubeconfig that cannot be used; the message names the file, the entry and what is wrong."""


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig; `server` and `user` are empty where the file does not say them."""

    name: str
    server: str
    user: str


def contexts_of(path: Path) -> list[Context]:
    """The contexts of a kubeconfig, the current one first. Raises ConfigurationError."""
    return _Kubeconfig(path).contexts()


def endpoint_of(path: Path, context: str = "") -> Endpoint:
    """A context of a kubeconfig, the current one when none is named, with a client certificate, a token, or what a
    program of the user's gives, which is waited for.

    Raises ConfigurationError.
    """
    return _Kubeconfig(path).endpoint(context)


class _Kubeconfig:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            document = yaml.safe_load(path.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"the kubeconfig {path} cannot be read: {error}") from error
        if not isinstance(document, dict):
            raise ConfigurationError(f"the kubeconfig {path} is not a mapping")
        self._document: dict[str, Any] = document

    def contexts(self) -> list[Context]:
        current = self._document.get("current-context")
        found = []
        for item in self._document.get("contexts") or ():
            if isinstance(item, dict) and isinstance(item.get("context"), dict) and item.get("name"):
                cluster = self._find("clusters", "cluster", str(item["context"].get("cluster") or "")) or {}
                user = str(item["context"].get("user") or "")
                found.append(Context(str(item["name"]), str(cluster.get("server") or ""), user))
        return sorted(found, key=lambda context: context.name != current)

    def endpoint(self, name: str) -> Endpoint:
        context = self._entry("contexts", "context", name or str(self._document.get("current-context") or ""))
        cluster = self._entry("clusters", "cluster", str(context.get("cluster") or ""))
        user = self._entry("users", "user", str(context.get("user") or ""))
        url = str(cluster.get("server") or "").rstrip("/")
        if urlsplit(url).scheme != "https":
            raise ConfigurationError(
                f"the kubeconfig {self._path} has the server {url!r}, which is no https:// address"
            )
        verify = cluster.get("insecure-skip-tls-verify") is not True
        authority = None
        if verify and any(cluster.get(name) for name in ("certificate-authority-data", "certificate-authority")):
            authority = self._data(cluster, "certificate-authority")
        token, identity = self._credential(user)
        try:
            tls = foreign_context(identity, authority, verify=verify)
        except (PkiError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"the certificates of the kubeconfig {self._path} cannot be used: {error}"
            ) from error
        changes = bool(token and (user.get("tokenFile") or user.get("exec")))
        return Endpoint(
            url,
            tls=tls,
            token=token,
            renew=partial(self._token_now, user) if changes else None,
            headers=tuple(self._impersonation(user)),
            server_name=str(cluster.get("tls-server-name") or ""),
            proxy=self._proxy(cluster),
        )

    def _proxy(self, cluster: dict[str, Any]) -> str:
        url = str(cluster.get("proxy-url") or "")
        if url and urlsplit(url).scheme not in {"http", "https"}:
            raise ConfigurationError(
                f"the kubeconfig {self._path} has a proxy-url that is neither http:// nor https://, which is all that "
                "can be used here"
            )
        return url

    def _impersonation(self, user: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Whom to act as. Without it the user would have the rights that the file gives away."""
        groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
        if not isinstance(groups, list) or not isinstance(extra, dict):
            raise ConfigurationError(
                f"the kubeconfig {self._path}: as-groups must be a list of names, as-user-extra lists of values by name"
            )
        if not user.get("as"):
            if user.get("as-uid") or groups or extra:
                raise ConfigurationError(f"the kubeconfig {self._path}: as-uid, as-groups and as-user-extra need as")
            return
        yield "Impersonate-User", str(user["as"])
        if user.get("as-uid"):
            yield "Impersonate-Uid", str(user["as-uid"])
        for group in groups:
            yield "Impersonate-Group", str(group)
        for name, values in extra.items():
            for value in values if isinstance(values, list) else [values]:
                yield f"Impersonate-Extra-{quote(str(name), safe='')}", str(value)

    def _token_now(self, user: dict[str, Any]) -> str:
        try:
            return self._credential(user)[0]
        except ConfigurationError as error:
            log.warning("there is no other token: %s", error)
            return ""

    def _credential(self, user: dict[str, Any]) -> tuple[str, Identity | None]:
        """What the user shows: a token, or else a certificate; what is written there comes before a program."""
        token = self._token(user)
        if token:
            return token, None
        program = user.get("exec")
        if isinstance(program, dict) and not user.get("client-certificate") and not user.get("client-certificate-data"):
            try:
                found = from_program(program, self._path.parent)
            except CredentialError as error:
                raise ConfigurationError(f"the kubeconfig {self._path}: {error}") from None
            return found.token, Identity(found.certificate, found.key) if found.certificate else None
        return "", Identity(self._data(user, "client-certificate"), self._data(user, "client-key"))

    def _find(self, section: str, kind: str, name: str) -> dict[str, Any] | None:
        for item in self._document.get(section) or ():
            if isinstance(item, dict) and item.get("name") == name and isinstance(item.get(kind), dict):
                found: dict[str, Any] = item[kind]
                return found
        return None

    def _entry(self, section: str, kind: str, name: str) -> dict[str, Any]:
        found = self._find(section, kind, name)
        if found is not None:
            return found
        raise ConfigurationError(f"the kubeconfig {self._path} has no {kind} {name!r}")

    def _token(self, user: dict[str, Any]) -> str:
        """Empty when the user has none; a file counts before what is written there."""
        if not user.get("tokenFile"):
            return str(user.get("token") or "")
        try:
            return (self._path.parent / str(user["tokenFile"])).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"the kubeconfig {self._path}: tokenFile cannot be read: {error}") from error

    def _data(self, entry: dict[str, Any], field: str) -> bytes:
        embedded = entry.get(f"{field}-data")
        try:
            if embedded:
                return base64.b64decode(embedded, validate=True)
            if entry.get(field):
                return (self._path.parent / str(entry[field])).read_bytes()
        except (OSError, binascii.Error, ValueError, TypeError) as error:
            raise ConfigurationError(f"the kubeconfig {self._path}: {field} cannot be read: {error}") from error
        raise ConfigurationError(f"the kubeconfig {self._path} has neither {field}-data nor {field}")
