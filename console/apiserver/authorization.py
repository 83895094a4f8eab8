"""Who may do what: the one place that decides it for requests from outside."""

from __future__ import annotations

from common.errors import Forbidden
from common.pki import MASTERS

from .caller import Caller
from .requestinfo import RequestInfo

_DISCOVERY = frozenset({"api", "apis", "openapi"})


def authorize(caller: Caller, request: RequestInfo) -> None:
    """Raises Forbidden, in Kubernetes' words. Administrators may do everything, nobody else anything."""
    if MASTERS in caller.groups:
        return
    resource = f"{request.plural}/{request.subresource}" if request.subresource else request.plural
    subject = (
        f'{request.plural}.{request.group} "{request.name}"' if request.group else f'{request.plural} "{request.name}"'
    )
    if not request.name:
        subject = f"{request.plural}.{request.group}" if request.group else request.plural
    place = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    raise Forbidden(
        f'{subject} is forbidden: User "{caller.user}" cannot {request.verb} resource "{resource}" in API group '
        f'"{request.group}" {place}',
        details={"name": request.name, "group": request.group, "kind": request.plural},
    )


def authorize_path(caller: Caller, method: str, path: str) -> None:
    """The same for paths that are no resource's. What is served is no secret from anybody with an identity."""
    public = method == "GET" and path.split("/")[1] in _DISCOVERY
    if MASTERS not in caller.groups and not public:
        raise Forbidden(f'forbidden: User "{caller.user}" cannot {method.lower()} path "{path}"')
