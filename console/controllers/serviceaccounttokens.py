"""Fills Secrets of type kubernetes.io/service-account-token, and removes those whose ServiceAccount is gone.

Somebody asks for one by creating it with the name of a ServiceAccount in an annotation; programs that know nothing of
short-lived tokens read theirs from it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import ClassVar

from common.api import meta
from common.api.kinds import SECRETS, SERVICEACCOUNTS
from common.api.meta import Key, Object, is_deleting, key, name, namespace, resource_version, uid
from common.errors import NotFound
from console.controllers.base import Controller, Kit

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
_BY_ACCOUNT = "service account"

Issue = Callable[[Object, str], str]
"""From a ServiceAccount and the name of a Secret to a token that lasts as long as both."""


def is_of_namesake(secret: Object, account: Object) -> bool:
    """Whether the Secret was made for an earlier ServiceAccount of that name."""
    made_for = meta.annotations(secret).get(UID)
    return bool(made_for) and made_for != uid(account)


def plan(secret: Object, account: Object, ca_pem: str, issue: Issue) -> Object | None:
    """The patch that completes the Secret; None when it is complete."""
    found = secret.get("data") or {}
    wanted = {"namespace": _encoded(namespace(account))}
    if ca_pem:
        wanted["ca.crt"] = _encoded(ca_pem)
    wanted["token"] = found.get("token") or _encoded(issue(account, name(secret)))
    missing = {field: value for field, value in wanted.items() if found.get(field) != value}
    if not missing and meta.annotations(secret).get(UID) == uid(account):
        return None
    marks = {"resourceVersion": resource_version(secret), "annotations": {UID: uid(account)}}
    return {"metadata": marks, "data": missing}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class TokenController(Controller[Key]):
    """Keys are those of Secrets."""

    name: ClassVar[str] = "tokens-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit, ca_pem: str, issue: Issue) -> None:
        super().__init__(kit)
        self._ca_pem = ca_pem
        self._issue = issue
        self._secrets = self.follow(SECRETS, lambda secret: [key(secret)] if secret.get("type") == TYPE else [])
        self.index(SECRETS, _BY_ACCOUNT, _account_of)
        self._accounts = self.follow(SERVICEACCOUNTS, self._secrets_of)

    def _secrets_of(self, account: Object) -> list[Key]:
        return [key(secret) for secret in self._secrets.by_index(_BY_ACCOUNT, str(key(account)))]

    async def sync(self, secret_key: Key) -> None:
        secret = self._secrets.get(secret_key)
        if secret is None or is_deleting(secret) or secret.get("type") != TYPE:
            return
        account = await self._account(secret)
        try:
            if account is None or is_of_namesake(secret, account):
                await self.client.delete(SECRETS, secret_key.name, secret_key.namespace, uid=uid(secret))
            elif (patch := plan(secret, account, self._ca_pem, self._issue)) is not None:
                await self.client.patch(SECRETS, secret_key.name, patch, secret_key.namespace)
        except NotFound:
            return

    async def _account(self, secret: Object) -> Object | None:
        """Asked of the API when the mirror does not have it: a Secret may be seen before its ServiceAccount is."""
        space, account = namespace(secret), meta.annotations(secret).get(NAME, "")
        found = self._accounts.get(Key(space, account))
        if found is not None:
            return found
        try:
            return await self.client.get(SERVICEACCOUNTS, account, space)
        except NotFound:
            return None


def _account_of(secret: Object) -> list[str]:
    account = meta.annotations(secret).get(NAME)
    return [str(Key(namespace(secret), account))] if secret.get("type") == TYPE and account else []
