"""Answers to questions about identities and access: kinds that are created, answered and kept nowhere."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping

from common.api import meta, selectors
from common.api.meta import Object
from common.errors import BadRequest, Unauthorized, invalid
from console.apiserver.access import nodes
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
_OF_NODES = "node authorizer does not support user rule resolution"


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

    def allowed(self, spec: Object) -> bool:
        """The answer to the spec of a SubjectAccessReview."""
        return bool(self._decide(_subject(spec), spec)["allowed"])

    def _access_review(self, _caller: Caller, review: Object) -> Object:
        return self._decide(_subject(review["spec"]), review["spec"])

    def _self_access_review(self, caller: Caller, review: Object) -> Object:
        return self._decide(caller, review["spec"])

    def _decide(self, subject: Caller, spec: Object) -> Object:
        asked, problems = _asked(spec)
        decision = self._authorizer.decide(subject, asked)
        found: Object = {"allowed": decision.allowed}
        if decision.reason:
            found["reason"] = decision.reason
        if problems:
            found["evaluationError"] = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        return found

    def _rules_review(self, caller: Caller, review: Object) -> Object:
        namespace = (review.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise BadRequest("no namespace on request")
        grants = self._authorizer.grants(caller, namespace)
        of_nodes = [_OF_NODES] if nodes.is_node(caller.user, caller.groups) else []
        return _rules(grants, [*of_nodes, *grants.errors])


def _subject(spec: Object) -> Caller:
    """Whom a question is about."""
    extra = tuple((key, tuple(values)) for key, values in sorted((spec.get("extra") or {}).items()))
    return Caller(spec.get("user", ""), frozenset(spec.get("groups") or ()), "review", spec.get("uid", ""), extra)


def _rules(grants: Grants, errors: list[str]) -> Object:
    resources: list[Object] = []
    paths: list[Object] = []
    for grant in grants.grants:
        if grant.rule.urls:
            paths.append({"verbs": grant.raw["verbs"], "nonResourceURLs": grant.raw["nonResourceURLs"]})
        else:
            resources.append(grant.raw)
    found: Object = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": bool(errors)}
    return {**found, "evaluationError": ", ".join(errors)} if errors else found


def _asked(spec: Object) -> tuple[Attributes, list[str]]:
    """What is asked, and which parts of the question had to be left out."""
    about_path = spec.get("nonResourceAttributes")
    if about_path is not None:
        return Attributes(str(about_path.get("verb", "")), path=str(about_path.get("path", ""))), []
    asked: Object = spec.get("resourceAttributes") or {}
    values = {field: str(asked.get(field) or "") for field in _ASKED}
    fields, problems = _selector("fieldSelector", asked.get("fieldSelector") or {}, selectors.parse_fields)
    _, others = _selector("labelSelector", asked.get("labelSelector") or {}, selectors.parse)
    return Attributes(field_selector=fields, **values), [*problems, *others]


def _selector(name: str, selector: Object, parse: Callable[[str], object]) -> tuple[str, list[str]]:
    """The selector of a question as a text, without what is not understood of it: less is selected then than is said,
    which gives nobody more."""
    raw, requirements = str(selector.get("rawSelector") or ""), selector.get("requirements") or []
    if raw:
        try:
            parse(raw)
        except ValueError:
            return "", [f"spec.resourceAttributes.{name} ignored due to parse error"]
        return raw, []
    of_fields = name == "fieldSelector"
    terms = [term for item in requirements if (term := _term(item, of_fields=of_fields))]
    if len(terms) == len(requirements):
        return ",".join(terms), []
    how = "partially ignored" if terms else "ignored"
    return ",".join(terms), [f"spec.resourceAttributes.{name} {how} due to parse error"]


def _term(item: Object, *, of_fields: bool) -> str:
    """A requirement as selectors write it; empty for one that they cannot say."""
    key, operator, values = str(item.get("key")), item.get("operator"), list(map(str, item.get("values") or ()))
    sign = {"In": "=", "NotIn": "!="}.get(str(operator), "")
    if of_fields:
        return f"{key}{sign}{values[0]}" if sign and len(values) == 1 else ""
    if sign:
        return f"{key} {'in' if operator == 'In' else 'notin'} ({','.join(values)})"
    return {"Exists": key, "DoesNotExist": f"!{key}"}.get(str(operator), "")
