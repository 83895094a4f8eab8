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
from urllib.parse import quote, urlsplit

from common.pki import Identity, PkiError
from common.tls import foreign_context

from .credentials import CredentialError, from_program
from .endpoint import Endpoint
from .kubeconfig import ConfigurationError, Entry, Kubeconfig

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig; `server` and `user` are empty where the file does not say them."""

    name: str
    server: str
    user: str


def contexts_of(config: Kubeconfig) -> list[Context]:
    """The current one first."""
    found = []
    for name, context in config.entries("contexts").items():
        cluster = config.entries("clusters").get(str(context.get("cluster") or ""), {})
        found.append(Context(name, str(cluster.get("server") or ""), str(context.get("user") or "")))
    return sorted(found, key=lambda context: context.name != config.current)


def endpoint_of(config: Kubeconfig | Path, name: str = "") -> Endpoint:
    """A context, the current one when none is named, with a client certificate, a token, or what a program of the
    user's gives, which is waited for.

    Raises ConfigurationError.
    """
    config = Kubeconfig(config) if isinstance(config, Path) else config
    context = config.entry("contexts", name or config.current)
    cluster = config.entry("clusters", str(context.get("cluster") or ""))
    user = config.entry("users", str(context.get("user") or ""))
    try:
        return _endpoint(cluster, user)
    except (ConfigurationError, CredentialError) as error:
        raise ConfigurationError(f"{config}: {error}") from error


def _endpoint(cluster: Entry, user: Entry) -> Endpoint:
    url = str(cluster.get("server") or "").rstrip("/")
    if _scheme(url) != "https":
        raise ConfigurationError(f"the server {url!r} is no https:// address")
    verify = cluster.get("insecure-skip-tls-verify") is not True
    authority = _authority(cluster) if verify else None
    token, identity = _credential(user)
    changes = bool(token and (user.get("tokenFile") or user.get("exec")))
    headers = tuple(_impersonation(user))
    if not all(value.isprintable() for _, value in headers):
        raise ConfigurationError("as, as-uid, as-groups and as-user-extra must be texts of one line")
    return Endpoint(
        url,
        tls=_tls(identity, authority, verify=verify),
        token=token,
        renew=partial(_token_now, user) if changes else None,
        headers=headers,
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=_proxy(cluster),
    )


def _scheme(url: str) -> str:
    """Empty for what is no URL."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _authority(cluster: Entry) -> bytes | None:
    """None when the file has none: the system's count."""
    given = any(cluster.get(name) for name in ("certificate-authority-data", "certificate-authority"))
    return _data(cluster, "certificate-authority") if given else None


def _tls(identity: Identity | None, authority: bytes | None, *, verify: bool) -> ssl.SSLContext:
    try:
        return foreign_context(identity, authority, verify=verify)
    except (PkiError, ssl.SSLError) as error:
        raise ConfigurationError(f"the certificates cannot be used: {error}") from error


def _proxy(cluster: Entry) -> str:
    url = str(cluster.get("proxy-url") or "")
    if url and _scheme(url) not in {"http", "https"}:
        raise ConfigurationError("proxy-url is neither http:// nor https://, which is all that can be used here")
    return url


def _impersonation(user: Entry) -> Iterator[tuple[str, str]]:
    """Whom to act as. Without it the user would have the rights that the file gives away."""
    groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
    if not isinstance(groups, list) or not isinstance(extra, dict):
        raise ConfigurationError("as-groups must be a list of names, as-user-extra lists of values by name")
    if not user.get("as"):
        if user.get("as-uid") or groups or extra:
            raise ConfigurationError("as-uid, as-groups and as-user-extra need as")
        return
    yield "Impersonate-User", str(user["as"])
    if user.get("as-uid"):
        yield "Impersonate-Uid", str(user["as-uid"])
    for group in groups:
        yield "Impersonate-Group", str(group)
    for name, values in extra.items():
        for value in values if isinstance(values, list) else [values]:
            yield f"Impersonate-Extra-{quote(str(name), safe='')}", str(value)


def _token_now(user: Entry) -> str:
    try:
        return _credential(user)[0]
    except (ConfigurationError, CredentialError) as error:
        log.warning("there is no other token: %s", error)
        return ""


def _credential(user: Entry) -> tuple[str, Identity | None]:
    """What the user shows: a token, or else a certificate; what is written there comes before a program."""
    token = _token(user)
    if token:
        return token, None
    program = user.get("exec")
    if isinstance(program, dict) and not user.get("client-certificate") and not user.get("client-certificate-data"):
        found = from_program(program)
        return found.token, Identity(found.certificate, found.key) if found.certificate else None
    return "", Identity(_data(user, "client-certificate"), _data(user, "client-key"))


def _token(user: Entry) -> str:
    """Empty when the user has none; a file counts before what is written there."""
    if not user.get("tokenFile"):
        token = str(user.get("token") or "")
    else:
        try:
            token = Path(user["tokenFile"]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"tokenFile cannot be read: {error}") from error
    if not token.isprintable():
        raise ConfigurationError("the token is no text of one line")
    return token


def _data(entry: Entry, field: str) -> bytes:
    embedded = entry.get(f"{field}-data")
    try:
        if embedded:
            return base64.b64decode(embedded, validate=True)
        if entry.get(field):
            return Path(entry[field]).read_bytes()
    except (OSError, binascii.Error, ValueError, TypeError) as error:
        raise ConfigurationError(f"{field} cannot be read: {error}") from error
    raise ConfigurationError(f"there is neither {field}-data nor {field}")
