"""`clientConfig`: how a webhook of users is reached, by URL or Service. Admission and conversion webhooks have it."""

from __future__ import annotations

from urllib.parse import urlsplit

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation


def default(config: Object) -> None:
    """A Service is asked on port 443."""
    service = config.get("service")
    if service is not None:
        service.setdefault("port", 443)


def validate(config: Object, path: str) -> list[Cause]:
    """What is wrong with it, in Kubernetes' words."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [validation.required(path, "exactly one of url or service is required")]
    if service is not None:
        return _validate_service(service, f"{path}.service")
    try:
        parts = urlsplit(str(url))
    except ValueError as error:
        return [validation.required(f"{path}.url", f"url must be a valid URL: {error}")]
    if parts.scheme != "https":
        return [validation.wrong(f"{path}.url", parts.scheme, "'https' is the only allowed URL scheme")]
    if not parts.netloc:
        return [validation.wrong(f"{path}.url", parts.netloc, "host must be specified")]
    if parts.username is not None or parts.fragment or parts.query:
        return [validation.wrong(f"{path}.url", url, "user information, fragments and query are not permitted")]
    return []


def _validate_service(service: Object, path: str) -> list[Cause]:
    causes = [
        validation.required(f"{path}.{name}", f"service {name} is required")
        for name in ("name", "namespace")
        if not service.get(name)
    ]
    port = service.get("port", 443)
    if not 0 < port < 65536:
        why = "port is not valid: must be between 1 and 65535, inclusive"
        causes.append(validation.wrong(f"{path}.port", port, why))
    return causes + _validate_path(str(service.get("path") or ""), f"{path}.path")


def _validate_path(text: str, path: str) -> list[Cause]:
    """A path's parts are names as those of objects are."""
    if text in {"", "/"}:
        return []
    if text == "//":
        return [validation.wrong(path, text, "segment[0] may not be empty")]
    causes = [] if text.startswith("/") else [validation.wrong(path, text, "must start with a '/'")]
    for index, part in enumerate(text[1:].removesuffix("/").split("/")):
        if not part:
            causes.append(validation.wrong(path, text, f"segment[{index}] may not be empty"))
            continue
        why = validation.dns_subdomain(part)
        causes += [validation.wrong(path, text, f"segment[{index}]: {reason}") for reason in why]
    return causes
