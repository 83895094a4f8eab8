"""Tokens of ServiceAccounts: what they say, and whether they still hold.

A token is signed once and carries its claims; whether the ServiceAccount and the pod, Secret or node that it is bound
to are still the same is asked of the store with every request, so that a token ends with them. Signatures that were
found good are remembered, as checking one costs more than all else of a small request.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from common.api import meta
from common.api.kinds import NODES, PODS, SECRETS, SERVICEACCOUNTS, Resource
from common.api.meta import Object
from common.api.names import new_uid
from common.clock import Clock
from common.errors import Unauthorized
from common.jwt import SigningKey, TokenError
from common.settings import ClusterConfig
from console.apiserver.caller import AUTHENTICATED
from console.store import Store

PREFIX = "system:serviceaccount:"
GROUP = "system:serviceaccounts"
LEGACY_ISSUER = "kubernetes/serviceaccount"
_LEGACY = "kubernetes.io/serviceaccount/"
_CLAIMS = "kubernetes.io"
_EXTRA = "authentication.kubernetes.io/"
ISSUED = f"{_EXTRA}issued-credential-id"
"""The annotation of the audit log that says which token was given out."""
NODE_NAME = f"{_EXTRA}node-name"
"""What a token says of the node that its pod runs on."""
LEEWAY = timedelta(
    seconds=60
)  # a token outlives the deletion of what it is bound to by this, so that pods end in peace
_REMEMBERED = 8192
_BOUND: tuple[tuple[str, Resource], ...] = (("pod", PODS), ("secret", SECRETS), ("node", NODES))


def user_name(namespace: str, account: str) -> str:
    return f"{PREFIX}{namespace}:{account}"


def group_names(namespace: str) -> frozenset[str]:
    """The groups of a namespace's ServiceAccounts, besides the one of everybody who is somebody."""
    return frozenset({GROUP, f"{GROUP}:{namespace}"})


def _groups(namespace: str) -> frozenset[str]:
    return group_names(namespace) | {AUTHENTICATED}


def split_user(user: str) -> tuple[str, str] | None:
    """Namespace and name of a ServiceAccount by its user name; None when the user is none."""
    namespace, colon, name = user.removeprefix(PREFIX).partition(":")
    return (namespace, name) if user.startswith(PREFIX) and colon and namespace and name else None


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom a token stands for. `audiences` are those it was issued for."""

    user: str
    uid: str
    groups: frozenset[str]
    extra: tuple[tuple[str, tuple[str, ...]], ...]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is issued for. `bound` is the pod, Secret or node whose end ends it, by the name of its claim;
    `warn_after` is when its holder should have fetched a new one, if that is before it expires."""

    audiences: tuple[str, ...]
    lifetime: timedelta
    bound: tuple[str, Object] | None = None
    warn_after: timedelta | None = None


class ServiceAccountTokens:
    def __init__(self, key: SigningKey, store: Store, clock: Clock, config: ClusterConfig) -> None:
        self.key = key
        self.issuer = f"https://kubernetes.default.svc.{config.cluster_domain}"
        self._store = store
        self._clock = clock
        self._verified: dict[str, tuple[Object, Identified]] = {}

    @property
    def audiences(self) -> tuple[str, ...]:
        """What the API itself answers to."""
        return (self.issuer,)

    # Issuing

    def issue(self, account: Object, grant: Grant) -> str:
        now = self._clock.now()
        private: Object = {
            "namespace": meta.namespace(account),
            "serviceaccount": {"name": meta.name(account), "uid": meta.uid(account)},
        }
        if grant.bound is not None:
            claim, obj = grant.bound
            private[claim] = {"name": meta.name(obj), "uid": meta.uid(obj)}
            if claim == "pod":
                private.update(self._node_of(obj))
        if grant.warn_after is not None:
            private["warnafter"] = _seconds(now + grant.warn_after)
        return self.key.sign(
            {
                "aud": list(grant.audiences),
                "exp": _seconds(now + grant.lifetime),
                "iat": _seconds(now),
                "iss": self.issuer,
                "jti": new_uid(),
                _CLAIMS: private,
                "nbf": _seconds(now),
                "sub": user_name(meta.namespace(account), meta.name(account)),
            }
        )

    def issue_legacy(self, account: Object, secret: str) -> str:
        """A token without end, for a Secret of type kubernetes.io/service-account-token that somebody asked for."""
        return self.key.sign(
            {
                "iss": LEGACY_ISSUER,
                f"{_LEGACY}namespace": meta.namespace(account),
                f"{_LEGACY}secret.name": secret,
                f"{_LEGACY}service-account.name": meta.name(account),
                f"{_LEGACY}service-account.uid": meta.uid(account),
                "sub": user_name(meta.namespace(account), meta.name(account)),
            }
        )

    def _node_of(self, pod: Object) -> Object:
        name = str((pod.get("spec") or {}).get("nodeName") or "")
        if not name:
            return {}
        node = self._find(NODES, "", name)
        return {"node": {"name": name, **({"uid": meta.uid(node)} if node else {})}}

    # Believing

    def authenticate(self, token: str, audiences: tuple[str, ...] = ()) -> Identified:
        """Whom the token stands for, if it is good now and for one of `audiences` (default: the API's own). Raises
        Unauthorized with a reason that is for the log and for TokenReview, never for whoever showed it."""
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token)
            if len(self._verified) >= _REMEMBERED:
                self._verified.clear()
            self._verified[token] = known
        claims, identified = known
        if set(identified.audiences).isdisjoint(audiences or self.audiences):
            raise Unauthorized("invalid bearer token: it is not for this audience")
        if claims.get("iss") == LEGACY_ISSUER:
            self._check_legacy(token, claims)
        else:
            self._check_times(claims)
            self._check_objects(claims[_CLAIMS])
        return identified

    def _verify(self, token: str) -> tuple[Object, Identified]:
        try:
            claims = self.key.verify(token)
        except TokenError as error:
            raise Unauthorized(f"invalid bearer token: {error}") from None
        try:
            return claims, self._identify(claims)
        except (KeyError, TypeError, AttributeError):
            raise Unauthorized("invalid bearer token: it lacks claims") from None

    def _identify(self, claims: Object) -> Identified:
        if claims["iss"] == LEGACY_ISSUER:
            namespace, name = claims[f"{_LEGACY}namespace"], claims[f"{_LEGACY}service-account.name"]
            uid = claims[f"{_LEGACY}service-account.uid"]
            return Identified(user_name(namespace, name), uid, _groups(namespace), (), self.audiences)
        if claims["iss"] != self.issuer:
            raise Unauthorized("invalid bearer token: it was issued by somebody else")
        private = claims[_CLAIMS]
        namespace, account = private["namespace"], private["serviceaccount"]
        extra = {"credential-id": _credential(claims)}
        for claim in ("pod", "node"):
            for part, value in (private.get(claim) or {}).items():
                extra[f"{claim}-{part}"] = str(value)
        return Identified(
            user_name(namespace, account["name"]),
            account["uid"],
            _groups(namespace),
            tuple((_EXTRA + name, (value,)) for name, value in sorted(extra.items())),
            tuple(claims["aud"]),
        )

    def _check_times(self, claims: Object) -> None:
        now = self._clock.now().timestamp()
        if now >= claims["exp"]:
            raise Unauthorized("invalid bearer token: service account token has expired")
        if now < claims["nbf"] - LEEWAY.total_seconds():
            raise Unauthorized("invalid bearer token: service account token is not valid yet")

    def _check_objects(self, private: Object) -> None:
        namespace, account = private["namespace"], private["serviceaccount"]
        self._check_alive(SERVICEACCOUNTS, namespace, account)
        for claim, resource in _BOUND:
            reference = private.get(claim)
            if reference is not None:
                self._check_alive(resource, namespace if resource.namespaced else "", reference)
                return  # a pod's node is said for information only

    def _check_legacy(self, token: str, claims: Object) -> None:
        namespace = claims[f"{_LEGACY}namespace"]
        account = {
            "name": claims[f"{_LEGACY}service-account.name"],
            "uid": claims[f"{_LEGACY}service-account.uid"],
        }
        self._check_alive(SERVICEACCOUNTS, namespace, account)
        secret = self._find(SECRETS, namespace, claims[f"{_LEGACY}secret.name"])
        if secret is None or meta.is_deleting(secret) or _stored_token(secret) != token:
            raise Unauthorized("invalid bearer token: token has been invalidated")

    def _check_alive(self, resource: Resource, namespace: str, reference: Any) -> None:
        found = self._find(resource, namespace, reference["name"])
        if found is None or meta.uid(found) != reference.get("uid") or self._is_long_gone(found):
            raise Unauthorized(f"invalid bearer token: {resource.kind} {reference['name']} is not there any more")

    def _is_long_gone(self, obj: Object) -> bool:
        deleted = meta.metadata(obj).get("deletionTimestamp")
        return bool(deleted) and meta.parse_time(str(deleted)) < self._clock.now() - LEEWAY

    def _find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        entry = self._store.get(resource.group_resource, namespace, str(name))
        return None if entry is None else entry.obj


def credential_of(token: str) -> str:
    """What names a token of our own without being one."""
    body = token.split(".")[1]
    return _credential(orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def _credential(claims: Object) -> str:
    return f"JTI={claims['jti']}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _stored_token(secret: Object) -> str:
    try:
        return base64.b64decode(str((secret.get("data") or {}).get("token", ""))).decode()
    except ValueError:
        return ""
