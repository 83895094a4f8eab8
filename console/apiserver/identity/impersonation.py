"""Acting as somebody else: the Impersonate-* headers, each of which the caller must be allowed to use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

from multidict import CIMultiDictProxy

from common.errors import BadRequest
from console.apiserver.access.attributes import Attributes
from console.apiserver.access.authorizer import Authorizer
from console.apiserver.caller import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Caller

from .accounts import group_names, split_user

_USER, _GROUP, _UID, _EXTRA = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-"
_ANY = "impersonate-"
_AUTHENTICATION = "authentication.k8s.io"


def impersonate(authorizer: Authorizer, caller: Caller, headers: CIMultiDictProxy[str]) -> Caller:
    """The caller as whom the request counts. Raises Forbidden for what the caller may not be, BadRequest for groups
    or others without a user."""
    if not any(name[: len(_ANY)].lower() == _ANY for name in headers):
        return caller
    user, groups, uid = headers.get(_USER, ""), headers.getall(_GROUP, []), headers.get(_UID, "")
    extra = _extra(headers)
    if not user:
        if groups or uid or extra:
            raise BadRequest(f"requested impersonation without impersonating a user name: {_USER} is missing")
        return caller
    for asked in _asked(user, groups, uid, extra):
        authorizer.check(caller, asked)
    found = set(groups)
    account = split_user(user)
    if account is not None and not groups:
        found |= group_names(account[0])
    if user == ANONYMOUS:
        found |= set() if groups else {UNAUTHENTICATED}
    elif UNAUTHENTICATED not in found:
        found.add(AUTHENTICATED)
    shown = tuple((key, tuple(values)) for key, values in sorted(extra.items()))
    acting = replace(caller, user=user, groups=frozenset(found), uid=uid, extra=shown, impersonator=caller.user)
    if acting.trail is not None:
        acting.trail.acting = acting.info
    return acting


def _asked(user: str, groups: list[str], uid: str, extra: dict[str, list[str]]) -> Iterator[Attributes]:
    account = split_user(user)
    if account is not None:
        yield Attributes("impersonate", "", "v1", "serviceaccounts", namespace=account[0], name=account[1])
    else:
        yield Attributes("impersonate", "", "v1", "users", name=user)
    for group in groups:
        yield Attributes("impersonate", "", "v1", "groups", name=group)
    for key, values in extra.items():
        for value in values:
            yield Attributes("impersonate", _AUTHENTICATION, "v1", "userextras", key, name=value)
    if uid:
        yield Attributes("impersonate", _AUTHENTICATION, "v1", "uids", name=uid)


def _extra(headers: CIMultiDictProxy[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers.items():
        if name.lower().startswith(_EXTRA.lower()):
            found.setdefault(unquote(name[len(_EXTRA) :]).lower(), []).append(value)
    return found
