"""FlowSchemas and PriorityLevelConfigurations: what they may say. `apiserver/flowcontrol` heeds them."""

from __future__ import annotations

import math

from common.api import kinds, meta
from common.api.conditions import get_condition
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at, field, number
from console.registry.row import ALL_METADATA, Column, Context, Row

from .flowcontrol_defaults import EXEMPT, MANDATORY

_MOST_PRECEDENCE = 10_000
_MOST_QUEUES = 10_000_000
_HASH_BITS = 60
_RESOURCE_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_PATH_VERBS = ("delete", "get", "head", "options", "patch", "post", "put")
_SUBJECTS = {"User": "user", "Group": "group", "ServiceAccount": "serviceAccount"}


def _default_schema(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("matchingPrecedence", 1000)


def _validate_schema(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = _validate_fixed(kinds.FLOWSCHEMAS, new)
    precedence = spec["matchingPrecedence"]
    if precedence <= 0:
        causes.append(validation.wrong("spec.matchingPrecedence", precedence, "must be a positive value"))
    elif precedence > _MOST_PRECEDENCE:
        why = f"must not be greater than {_MOST_PRECEDENCE}"
        causes.append(validation.wrong("spec.matchingPrecedence", precedence, why))
    elif precedence == 1 and meta.name(new) != EXEMPT:
        why = "only the schema named 'exempt' may have matchingPrecedence 1"
        causes.append(validation.wrong("spec.matchingPrecedence", precedence, why))
    name = (spec.get("priorityLevelConfiguration") or {}).get("name")
    causes += validation.name_field("spec.priorityLevelConfiguration.name", name, validation.dns_subdomain)
    method = (spec.get("distinguisherMethod") or {}).get("type")
    if method is not None:
        causes += validation.one_of("spec.distinguisherMethod.type", method, ("ByNamespace", "ByUser"))
    for index, rule in enumerate(spec.get("rules") or ()):
        causes += _validate_rule(rule, f"spec.rules[{index}]")
    return causes


def _validate_rule(rule: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if not rule.get("subjects"):
        causes.append(validation.required(f"{path}.subjects", "subjects must contain at least one value"))
    for index, subject in enumerate(rule.get("subjects") or ()):
        kind = subject.get("kind")
        causes += validation.one_of(f"{path}.subjects[{index}].kind", kind, tuple(_SUBJECTS))
        part = _SUBJECTS.get(str(kind))
        if part and not (subject.get(part) or {}).get("name"):
            causes.append(validation.required(f"{path}.subjects[{index}].{part}"))
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        causes.append(
            validation.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
        )
    for index, item in enumerate(rule.get("resourceRules") or ()):
        causes += _validate_resources(item, f"{path}.resourceRules[{index}]")
    for index, item in enumerate(rule.get("nonResourceRules") or ()):
        where = f"{path}.nonResourceRules[{index}]"
        causes += _validate_verbs(item, where, _PATH_VERBS)
        causes += _validate_list(item, where, "nonResourceURLs", "non-resource URLs", "nonResourceURLs must contain")
        for position, url in enumerate(item.get("nonResourceURLs") or ()):
            if url != "*" and not url.startswith("/"):
                causes.append(validation.wrong(f"{where}.nonResourceURLs[{position}]", url, "must start with slash"))
    return causes


def _validate_resources(rule: Object, path: str) -> list[Cause]:
    causes = _validate_verbs(rule, path, _RESOURCE_VERBS)
    causes += _validate_list(rule, path, "apiGroups", "api groups", "resource rules must supply", "api group")
    causes += _validate_list(rule, path, "resources", "resources", "resource rules must supply", "resource")
    spaces = rule.get("namespaces") or []
    if not spaces and not rule.get("clusterScope"):
        why = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*causes, validation.required(f"{path}.namespaces", why)]
    if "*" in spaces:
        if len(spaces) > 1:
            why = "if '*' is present, must not specify other namespaces"
            causes.append(validation.wrong(f"{path}.namespaces", spaces, why))
        return causes
    for index, space in enumerate(spaces):
        causes += validation.each(f"{path}.namespaces[{index}]", space, validation.dns_label(space))
    return causes


def _validate_verbs(rule: Object, path: str, supported: tuple[str, ...]) -> list[Cause]:
    causes = _validate_list(rule, path, "verbs", "verbs", "verbs must contain")
    verbs = rule.get("verbs") or []
    if not causes and "*" not in verbs and set(verbs) - set(supported):
        causes.append(validation.unsupported(f"{path}.verbs", verbs, supported))
    return causes


def _validate_list(rule: Object, path: str, field: str, named: str, lacks: str, one: str = "value") -> list[Cause]:
    values = rule.get(field) or []
    if not values:
        return [validation.required(f"{path}.{field}", f"{lacks} at least one {one}")]
    if "*" in values and len(values) > 1:
        return [validation.wrong(f"{path}.{field}", values, f"if '*' is present, must not specify other {named}")]
    return []


def _default_level(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("type") == "Limited":
        limited = spec.setdefault("limited", {})
        limited.setdefault("nominalConcurrencyShares", 30)
        limited.setdefault("lendablePercent", 0)
        queuing = limited.setdefault("limitResponse", {}).get("queuing")
        if limited["limitResponse"].get("type") == "Queue":
            queuing = limited["limitResponse"].setdefault("queuing", {})
        for name, value in (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)):
            if queuing is not None:
                queuing.setdefault(name, value)
    elif spec.get("type") == "Exempt":
        exempt = spec.setdefault("exempt", {})
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)


def _validate_level(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    kind = spec.get("type")
    causes = _validate_fixed(kinds.PRIORITYLEVELCONFIGURATIONS, new)
    causes += validation.one_of("spec.type", kind, ("Exempt", "Limited"))
    if kind == "Exempt" and spec.get("limited") is not None:
        causes.append(validation.forbidden("spec.limited", "must be nil if the type is not Limited"))
    if kind != "Limited":
        return causes + _validate_shares(spec.get("exempt") or {}, "spec.exempt")
    if spec.get("exempt") is not None:
        causes.append(validation.forbidden("spec.exempt", "must be nil if the type is Limited"))
    limited = spec["limited"]
    if (limited.get("borrowingLimitPercent") or 0) < 0:
        why = "if specified, must be a non-negative integer"
        causes.append(validation.wrong("spec.limited.borrowingLimitPercent", limited["borrowingLimitPercent"], why))
    causes += _validate_shares(limited, "spec.limited")
    return causes + _validate_response(limited["limitResponse"], "spec.limited.limitResponse")


def _validate_shares(part: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    shares, lent = part.get("nominalConcurrencyShares") or 0, part.get("lendablePercent") or 0
    if shares < 0:
        causes.append(validation.wrong(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer"))
    if not 0 <= lent <= 100:
        causes.append(validation.wrong(f"{path}.lendablePercent", lent, "must be between 0 and 100, inclusive"))
    return causes


def _validate_response(response: Object, path: str) -> list[Cause]:
    kind, queuing = response.get("type"), response.get("queuing")
    causes = validation.one_of(f"{path}.type", kind, ("Queue", "Reject"))
    if kind == "Reject" and queuing is not None:
        causes.append(
            validation.forbidden(f"{path}.queuing", "must be nil if limited.limitResponse.type is not Limited")
        )
    if kind == "Queue" and queuing is not None:
        for name in ("queues", "handSize", "queueLengthLimit"):
            if queuing[name] <= 0:
                causes.append(validation.wrong(f"{path}.queuing.{name}", queuing[name], "must be positive"))
        if queuing["handSize"] > queuing["queues"]:
            why = f"should not be greater than queues ({queuing['queues']})"
            causes.append(validation.wrong(f"{path}.queuing.handSize", queuing["handSize"], why))
        causes += _validate_queues(queuing["queues"], queuing["handSize"], f"{path}.queuing")
    return causes


def _validate_queues(queues: int, hand: int, path: str) -> list[Cause]:
    """A hand must be dealt by a hash of 60 bits."""
    if queues > _MOST_QUEUES:
        return [validation.wrong(f"{path}.queues", queues, f"must not be greater than {_MOST_QUEUES}")]
    if not 0 < hand <= queues or math.ceil(sum(math.log2(queues - card) for card in range(hand))) <= _HASH_BITS:
        return []
    why = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}"
    return [validation.wrong(f"{path}.handSize", hand, why)]


def _validate_fixed(resource: kinds.Resource, new: Object) -> list[Cause]:
    """Mandatory objects say what they say; how much others may borrow of the exempt level is open."""
    name = meta.name(new)
    fixed = MANDATORY[resource].get(name)
    if fixed is None:
        return []
    if resource == kinds.PRIORITYLEVELCONFIGURATIONS and name == EXEMPT:
        if new["spec"].get("type") == "Exempt":
            return []
        why = "spec of 'exempt' except the 'spec.exempt.*' fields must equal the fixed value"
        return [validation.wrong("spec", new["spec"], why)]
    if new["spec"] == fixed["spec"]:
        return []
    return [validation.wrong("spec", new["spec"], f"spec of '{name}' must equal the fixed value")]


def _limit(title: str, path: str) -> Column:
    return Column(title, lambda obj, _now: str(at(obj, f"spec.limited.{path}", NONE)))


FLOWSCHEMAS = Row(
    kinds.FLOWSCHEMAS,
    "flowschema",
    columns=(
        NAME,
        field("PriorityLevel", "spec.priorityLevelConfiguration.name"),
        number("MatchingPrecedence", "spec.matchingPrecedence"),
        field("DistinguisherMethod", "spec.distinguisherMethod.type", default=NONE),
        AGE,
        Column("MissingPL", lambda obj, _now: str((get_condition(obj, "Dangling") or {}).get("status", "?"))),
    ),
    subresources=frozenset({"status"}),
    status_keeps=ALL_METADATA,
    schema="io.k8s.api.flowcontrol.v1.FlowSchema",
    default=_default_schema,
    validate=_validate_schema,
)
PRIORITYLEVELCONFIGURATIONS = Row(
    kinds.PRIORITYLEVELCONFIGURATIONS,
    "prioritylevelconfiguration",
    columns=(
        NAME,
        field("Type", "spec.type"),
        _limit("NominalConcurrencyShares", "nominalConcurrencyShares"),
        _limit("Queues", "limitResponse.queuing.queues"),
        _limit("HandSize", "limitResponse.queuing.handSize"),
        _limit("QueueLengthLimit", "limitResponse.queuing.queueLengthLimit"),
        AGE,
    ),
    subresources=frozenset({"status"}),
    status_keeps=ALL_METADATA,
    schema="io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
    default=_default_level,
    validate=_validate_level,
)
ROWS = (FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS)
