"""Where a pod may run: node selectors, affinity, tolerations, spreading."""

from __future__ import annotations

from collections.abc import Iterable

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .label_keys import validate_keys, validate_term_keys

_TOLERATION_OPERATORS = ("Equal", "Exists")
_NODE_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def validate_affinity(affinity: Object, path: str) -> list[Cause]:
    causes = _validate_node_affinity(affinity.get("nodeAffinity") or {}, f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        causes += _validate_pod_affinity(affinity.get(name) or {}, f"{path}.{name}")
    return causes


def validate_tolerations(tolerations: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, toleration in enumerate(tolerations):
        where = f"{path}[{index}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        effect, value = toleration.get("effect") or "", toleration.get("value") or ""
        if key:
            causes += validation.each(f"{where}.key", key, validation.qualified_name(key))
        elif operator != "Exists":
            causes.append(
                validation.wrong(
                    f"{where}.operator",
                    operator,
                    'operator must be Exists when `key` is empty, which means "match all values and all keys"',
                )
            )
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            causes.append(
                validation.wrong(
                    f"{where}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"
                )
            )
        if operator in {"Equal", ""}:
            problems = validation.label_value(value)
            causes += [validation.wrong(f"{where}.operator", value, ";".join(problems))] if problems else []
        elif operator == "Exists" and value:
            causes.append(
                validation.wrong(f"{where}.operator", value, "value must be empty when `operator` is 'Exists'")
            )
        elif operator not in _TOLERATION_OPERATORS:
            causes.append(validation.unsupported(f"{where}.operator", operator, _TOLERATION_OPERATORS))
        if effect and effect not in _EFFECTS:
            causes.append(validation.unsupported(f"{where}.effect", effect, _EFFECTS))
    return causes


def _validate_node_affinity(affinity: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    required = affinity.get(_REQUIRED)
    if required is not None:
        causes += validate_node_selector(required, f"{path}.{_REQUIRED}")
    for index, preferred in enumerate(affinity.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        causes += _validate_weight(preferred, where)
        causes += _validate_node_term(preferred.get("preference") or {}, f"{where}.preference", strict=False)
    return causes


def validate_node_selector(selector: Object, path: str) -> list[Cause]:
    """A `core/v1 NodeSelector`."""
    terms = selector.get("nodeSelectorTerms") or []
    where = f"{path}.nodeSelectorTerms"
    if not terms:
        return [validation.required(where, "must have at least one node selector term")]
    return [
        cause
        for index, term in enumerate(terms)
        for cause in _validate_node_term(term, f"{where}[{index}]", strict=True)
    ]


def _validate_weight(preferred: Object, path: str) -> list[Cause]:
    weight = preferred.get("weight", 0)
    return [] if 1 <= weight <= 100 else [validation.wrong(f"{path}.weight", weight, "must be in the range 1-100")]


def _validate_node_term(term: Object, path: str, *, strict: bool) -> list[Cause]:
    """`strict`: values have to be ones that a label can have, as nothing else is ever met."""
    causes: list[Cause] = []
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        causes += _validate_node_labels(requirement, f"{path}.matchExpressions[{index}]", strict=strict)
    for index, requirement in enumerate(term.get("matchFields") or ()):
        causes += _validate_node_fields(requirement, f"{path}.matchFields[{index}]")
    return causes


def _validate_node_labels(requirement: Object, path: str, *, strict: bool) -> list[Cause]:
    key, operator, values = requirement.get("key", ""), requirement.get("operator", ""), requirement.get("values") or []
    causes: list[Cause] = []
    if operator not in _NODE_OPERATORS:
        causes.append(validation.wrong(f"{path}.operator", operator, "not a valid selector operator"))
    elif operator in {"In", "NotIn"} and not values:
        causes.append(validation.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in {"Exists", "DoesNotExist"} and values:
        causes.append(
            validation.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        )
    elif operator in {"Gt", "Lt"} and len(values) != 1:
        causes.append(
            validation.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
        )
    causes += validation.each(f"{path}.key", key, validation.qualified_name(key))
    for index, value in enumerate(values if strict else ()):
        causes += validation.each(f"{path}.values[{index}]", value, validation.label_value(value))
    return causes


def _validate_node_fields(requirement: Object, path: str) -> list[Cause]:
    key, operator, values = requirement.get("key", ""), requirement.get("operator", ""), requirement.get("values") or []
    causes: list[Cause] = []
    if operator not in {"In", "NotIn"}:
        causes.append(validation.wrong(f"{path}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        causes.append(validation.required(f"{path}.values", why))
    if key != "metadata.name":
        return [*causes, validation.wrong(f"{path}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        causes += validation.each(f"{path}.values[{index}]", value, validation.dns_subdomain(value))
    return causes


def _validate_pod_affinity(affinity: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, term in enumerate(affinity.get(_REQUIRED) or ()):
        causes += _validate_pod_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, preferred in enumerate(affinity.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        causes += _validate_weight(preferred, where)
        causes += _validate_pod_term(preferred.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")
    return causes


def _validate_pod_term(term: Object, path: str) -> list[Cause]:
    causes = validation.label_selector(f"{path}.labelSelector", term.get("labelSelector"))
    causes += validation.label_selector(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        causes += validation.each(f"{path}.namespace", namespace, validation.dns_label(namespace))
    causes += validate_term_keys(term, path)
    key = term.get("topologyKey") or ""
    if not key:
        causes.append(validation.required(f"{path}.topologyKey", "can not be empty"))
    return causes + validation.each(f"{path}.topologyKey", key, validation.qualified_name(key))


def validate_spread(constraints: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        key, unsatisfiable = constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")
        causes += _positive(f"{where}.maxSkew", constraint.get("maxSkew", 0))
        if key:
            causes += validation.each(f"{where}.topologyKey", key, validation.qualified_name(key))
        else:
            causes.append(validation.required(f"{where}.topologyKey", "can not be empty"))
        if unsatisfiable not in _UNSATISFIABLE:
            causes.append(validation.unsupported(f"{where}.whenUnsatisfiable", unsatisfiable, _UNSATISFIABLE))
        if (key, unsatisfiable) in seen:
            causes.append(
                validation.duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {unsatisfiable}}}")
            )
        seen.add((key, unsatisfiable))
        least = constraint.get("minDomains")
        causes += _positive(f"{where}.minDomains", least)
        if least is not None and unsatisfiable != "DoNotSchedule":
            causes.append(
                validation.wrong(
                    f"{where}.minDomains",
                    least,
                    f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {unsatisfiable}",
                )
            )
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = constraint.get(field)
            if policy is not None and policy not in _POLICIES:
                causes.append(validation.unsupported(f"{where}.{field}", policy, _POLICIES))
        causes += validate_keys(constraint, "matchLabelKeys", where)
        causes += validation.label_selector(f"{where}.labelSelector", constraint.get("labelSelector"))
    return causes


def _positive(path: str, value: int | None) -> list[Cause]:
    return [validation.wrong(path, value, "must be greater than zero")] if value is not None and value < 1 else []
