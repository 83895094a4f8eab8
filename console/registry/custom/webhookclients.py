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
        causes = [
            validation.required(f"{path}.service.{name}") for name in ("name", "namespace") if not service.get(name)
        ]
        if service.get("path") and not str(service["path"]).startswith("/"):
            why = "must start with a '/'"
            causes.append(validation.wrong(f"{path}.service.path", service["path"], why))
        if not 0 < service.get("port", 443) < 65536:
            why = "port is not valid: must be between 1 and 65535, inclusive"
            causes.append(validation.wrong(f"{path}.service.port", service["port"], why))
        return causes
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
