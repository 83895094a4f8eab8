"""Acting as somebody else: the Impersonate-* headers.

There are several ways to be allowed to, tried one after the other. The constrained ones (KEP-5284) ask for the right to
be that user (`impersonate:user-info` on users, `impersonate:serviceaccount`, `impersonate:arbitrary-node`, or
`impersonate:associated-node` for the node that a ServiceAccount's pod runs on), and for the right to do what is asked
in that way (`impersonate-on:user-info:list` on pods). The oldest one asks for `impersonate` on all that is put on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from multidict import CIMultiDictProxy

from common.errors import ApiError, BadRequest, Forbidden
from common.pki import MASTERS, NODE_PREFIX, NODES
from console.apiserver.access.attributes import Attributes
from console.apiserver.access.authorizer import Authorizer, refusal
from console.apiserver.caller import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Caller
from console.registry import validation

from .accounts import NODE_NAME, group_names, split_user

_USER, _GROUP, _UID, _EXTRA = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-"
_ANY = "impersonate-"
_AUTHENTICATION = "authentication.k8s.io"
_MANY = 4  # groups or values from which on a right to all of them is asked for first
_REMEMBERED = 1024
_PREFIXED_PATH = re.compile(r"[a-z0-9.-]+/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom the headers name, as they name them."""

    user: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_name_alone(self) -> bool:
        return not (self.uid or self.groups or self.extra)


Check = Callable[[Attributes], None]
"""Raises Forbidden."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to act as others. `name` is empty for the oldest. `applies` says whether it can be about that user."""

    name: str
    applies: Callable[[Wanted, Caller], bool]

    @property
    def verb(self) -> str:
        return f"impersonate:{self.name}" if self.name else "impersonate"

    def confirm(self, check: Check, caller: Caller, wanted: Wanted, request: Attributes) -> None:
        """Raises Forbidden for what the caller may not."""
        if self.name:
            check(replace(request, verb=f"impersonate-on:{self.name}:{request.verb}"))
        check(self._of_user(wanted))
        if wanted.uid:
            check(Attributes(self.verb, _AUTHENTICATION, "v1", "uids", name=wanted.uid))
        self._confirm_groups(check, caller, wanted.groups)
        self._confirm_extra(check, caller, wanted.extra)

    def _of_user(self, wanted: Wanted) -> Attributes:
        node, account = _node_of(wanted.user), split_user(wanted.user)
        asked = Attributes(self.verb, self._group, "v1", "users", name=wanted.user)
        if self.name and node:
            return replace(asked, resource="nodes", name="*" if self.name == _ASSOCIATED else node)
        if account is not None:
            return replace(asked, resource="serviceaccounts", namespace=account[0], name=account[1])
        return asked

    @property
    def _group(self) -> str:
        return _AUTHENTICATION if self.name else ""

    def _confirm_groups(self, check: Check, caller: Caller, groups: tuple[str, ...]) -> None:
        asked = Attributes(self.verb, self._group, "v1", "groups")
        if self.name and "" in groups:
            raise refusal(caller, asked, "impersonating the empty string group is not allowed")
        if self.name and MASTERS in groups:
            raise refusal(caller, replace(asked, name=MASTERS), f"impersonating the {MASTERS} group is not allowed")
        if self.name and len(groups) >= _MANY and _passes(check, replace(asked, name="*")):
            return
        for group in groups:
            check(replace(asked, name=group))

    def _confirm_extra(self, check: Check, caller: Caller, extra: dict[str, list[str]]) -> None:
        asked = Attributes(self.verb, _AUTHENTICATION, "v1", "userextras")
        if self.name and (why := _refuse_extra(extra)):
            raise refusal(caller, asked, why)
        many = len(extra) >= _MANY or sum(map(len, extra.values())) >= _MANY
        if self.name and many and _passes(check, replace(asked, subresource="*", name="*")):
            return
        for key, values in extra.items():
            for value in values:
                check(replace(asked, subresource=key, name=value))


_ASSOCIATED = "associated-node"
_MODES = (
    Mode(_ASSOCIATED, lambda wanted, caller: wanted.is_name_alone and _runs_on(caller, _node_of(wanted.user))),
    Mode("arbitrary-node", lambda wanted, _caller: wanted.is_name_alone and bool(_node_of(wanted.user))),
    Mode("serviceaccount", lambda wanted, _caller: wanted.is_name_alone and split_user(wanted.user) is not None),
    Mode("user-info", lambda wanted, _caller: not _node_of(wanted.user) and split_user(wanted.user) is None),
    Mode("", lambda _wanted, _caller: True),
)


class Impersonation:
    """Remembers in which way a user was allowed last: that one is tried first, and gives the reason of a refusal."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._last: dict[str, Mode] = {}

    def act(self, caller: Caller, headers: CIMultiDictProxy[str], request: Callable[[], Attributes]) -> Caller:
        """The caller as whom a request counts; `request` says what is asked. Raises Forbidden for what the caller may
        not be, BadRequest for groups or others without a user."""
        if not impersonates(headers):
            return caller
        wanted = _wanted(headers)
        if not wanted.user:
            if not wanted.is_name_alone:
                raise BadRequest(f"requested {_as_go_has_it(wanted)} without impersonating a user name")
            return caller
        mode = self._allowed(caller, wanted, request())
        acting = _acting(caller, wanted, mode)
        if acting.trail is not None:
            acting.trail.acts_as(acting.info, mode.verb if mode.name else "")
        return acting

    def _allowed(self, caller: Caller, wanted: Wanted, request: Attributes) -> Mode:
        def check(asked: Attributes) -> None:
            self._authorizer.check(caller, asked)

        first: ApiError | None = None
        last = self._last.get(caller.user)
        for mode in sorted(_MODES, key=lambda mode: mode is not last):
            if not mode.applies(wanted, caller):
                continue
            try:
                mode.confirm(check, caller, wanted, request)
            except Forbidden as error:
                first = first or error
                continue
            if len(self._last) >= _REMEMBERED:
                self._last.clear()
            self._last[caller.user] = mode
            return mode
        if caller.trail is not None:
            caller.trail.decided(allowed=False, reason="")
        raise first or Forbidden("all impersonation modes failed")


def impersonates(headers: Iterable[str]) -> bool:
    """Whether any of these names has to do with acting as somebody else."""
    return any(name[: len(_ANY)].lower() == _ANY for name in headers)


def _wanted(headers: CIMultiDictProxy[str]) -> Wanted:
    extra: dict[str, list[str]] = {}
    for name, value in headers.items():
        if name.lower().startswith(_EXTRA.lower()):
            extra.setdefault(unquote(name[len(_EXTRA) :].lower()), []).append(value)
    return Wanted(headers.get(_USER, ""), headers.get(_UID, ""), tuple(headers.getall(_GROUP, [])), extra)


def _acting(caller: Caller, wanted: Wanted, mode: Mode) -> Caller:
    found = set(wanted.groups)
    account = split_user(wanted.user)
    if account is not None and not wanted.groups:
        found |= group_names(account[0])
    if mode.name and _node_of(wanted.user):
        found.add(NODES)
    if wanted.user == ANONYMOUS:
        found.add(UNAUTHENTICATED)
    elif UNAUTHENTICATED not in found:
        found.add(AUTHENTICATED)
    shown = tuple((key, tuple(values)) for key, values in sorted(wanted.extra.items()))
    return replace(
        caller, user=wanted.user, groups=frozenset(found), uid=wanted.uid, extra=shown, impersonator=caller.user
    )


def _node_of(user: str) -> str:
    name = user.removeprefix(NODE_PREFIX)
    return name if user.startswith(NODE_PREFIX) and not validation.dns_subdomain(name) else ""


def _runs_on(caller: Caller, node: str) -> bool:
    """Whether a ServiceAccount asks with the token of a pod on that node."""
    return bool(node) and split_user(caller.user) is not None and dict(caller.extra).get(NODE_NAME) == (node,)


def _passes(check: Check, asked: Attributes) -> bool:
    try:
        check(asked)
    except Forbidden:
        return False
    return True


def _refuse_extra(extra: dict[str, list[str]]) -> str:
    for key, values in extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        if not _PREFIXED_PATH.fullmatch(key):
            why = 'extra.key: Invalid value: "%s": must be a domain-prefixed path (such as "acme.io/foo")'
            return f"impersonating an invalid key in extra is not allowed: {why % key}"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


def _as_go_has_it(wanted: Wanted) -> str:
    """The words of Kubernetes for headers without a user."""

    def listed(values: Iterator[str]) -> str:
        return "{" + ", ".join(values) + "}"

    groups = f"[]string{listed(map(json.dumps, wanted.groups))}" if wanted.groups else "[]string(nil)"
    pairs = (f"{json.dumps(key)}:[]string{listed(map(json.dumps, values))}" for key, values in wanted.extra.items())
    extra = f"map[string][]string{listed(pairs)}" if wanted.extra else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{json.dumps(wanted.uid)}, Groups:{groups}, Extra:{extra}}}'
