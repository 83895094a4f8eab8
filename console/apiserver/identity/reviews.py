"""Answers to questions about identities and access: kinds that are created, answered and kept nowhere."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping

from common.api import meta
from common.api.meta import Object
from common.errors import BadRequest, Unauthorized, invalid
from common.pki import MASTERS
from console.apiserver.access.attributes import Attributes
from console.apiserver.access.authorizer import Authorizer
from console.apiserver.access.policy import Grants
from console.apiserver.authentication import token_caller
from console.apiserver.caller import Caller
from console.registry import admission
from console.registry.row import Context, Row

from .accounts import ServiceAccountTokens

Answer = Callable[[Caller, Object], Object | Awaitable[Object]]
"""From who asks and the admitted question to its status."""
_ASKED = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
_EVERYTHING = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


class Reviews:
    """`others` answer questions of other sorts, by kind."""

    def __init__(
        self, authorizer: Authorizer, tokens: ServiceAccountTokens, others: Mapping[str, Answer] | None = None
    ) -> None:
        self._authorizer = authorizer
        self._tokens = tokens
        self._answers: dict[str, Answer] = {
            "TokenReview": self._token_review,
            "SelfSubjectReview": self._self_review,
            "SubjectAccessReview": self._access_review,
            "LocalSubjectAccessReview": self._access_review,
            "SelfSubjectAccessReview": self._self_access_review,
            "SelfSubjectRulesReview": self._rules_review,
            **(others or {}),
        }

    def answers(self, row: Row) -> bool:
        """Whether objects of that kind are answered here instead of being stored."""
        return row.resource.kind in self._answers and not row.durable

    async def answer(self, caller: Caller, row: Row, namespace: str, question: Object, context: Context) -> Object:
        """The question with its status. Raises Invalid for a question that is none."""
        new = admission.clone(question)
        metadata = new.setdefault("metadata", {})
        if row.resource.namespaced:
            if metadata.get("namespace") not in {None, "", namespace}:
                raise BadRequest(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            metadata["namespace"] = namespace
        causes = row.validate(new, None, context)
        if causes:
            raise invalid(row.resource.kind, row.resource.group, meta.name(new), causes)
        new.pop("status", None)
        if row.resource.kind == "SelfSubjectReview":
            metadata["creationTimestamp"] = meta.format_time(context.now)
        status = self._answers[row.resource.kind](caller, new)
        new["status"] = await status if inspect.isawaitable(status) else status
        return new

    def _token_review(self, _caller: Caller, review: Object) -> Object:
        spec = review["spec"]
        audiences = tuple(spec.get("audiences") or ())
        try:
            found = self._tokens.authenticate(spec["token"], audiences)
        except Unauthorized as error:
            return {"user": {}, "error": error.message}
        return {
            "authenticated": True,
            "user": token_caller(found, "").info,
            "audiences": [item for item in audiences or self._tokens.audiences if item in found.audiences],
        }

    def _self_review(self, caller: Caller, _review: Object) -> Object:
        return {"userInfo": caller.info}

    def _access_review(self, _caller: Caller, review: Object) -> Object:
        spec = review["spec"]
        extra = tuple((key, tuple(values)) for key, values in sorted((spec.get("extra") or {}).items()))
        subject = Caller(
            spec.get("user", ""), frozenset(spec.get("groups") or ()), "review", spec.get("uid", ""), extra
        )
        return self._decide(subject, spec)

    def _self_access_review(self, caller: Caller, review: Object) -> Object:
        return self._decide(caller, review["spec"])

    def _decide(self, subject: Caller, spec: Object) -> Object:
        decision = self._authorizer.decide(subject, _asked(spec))
        return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}

    def _rules_review(self, caller: Caller, review: Object) -> Object:
        namespace = (review.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise BadRequest("no namespace on request")
        if MASTERS in caller.groups:
            return {**_EVERYTHING, "incomplete": False}
        return _rules(self._authorizer.grants(caller, namespace))


def _rules(grants: Grants) -> Object:
    resources: list[Object] = []
    paths: list[Object] = []
    for grant in grants.grants:
        if grant.rule.urls:
            paths.append({"verbs": grant.raw["verbs"], "nonResourceURLs": grant.raw["nonResourceURLs"]})
        else:
            resources.append(grant.raw)
    found: Object = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": bool(grants.errors)}
    return {**found, "evaluationError": ", ".join(grants.errors)} if grants.errors else found


def _asked(spec: Object) -> Attributes:
    about_path = spec.get("nonResourceAttributes")
    if about_path is not None:
        return Attributes(str(about_path.get("verb", "")), path=str(about_path.get("path", "")))
    asked: Object = spec.get("resourceAttributes") or {}
    values = {field: str(asked.get(field) or "") for field in _ASKED}
    selector = (asked.get("fieldSelector") or {}).get("rawSelector", "")
    return Attributes(field_selector=str(selector), **values)
