"""Wrong fields in Kubernetes' words, and the checks that many kinds share.

Each check returns what is wrong as `Cause`s; none raises, so that a user sees every mistake at once. Formats of names
are those of `common.api.formats`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from common.api import gotext
from common.api.formats import dns_1035_label as dns_1035_label
from common.api.formats import dns_label as dns_label
from common.api.formats import dns_search as dns_search
from common.api.formats import dns_subdomain as dns_subdomain
from common.api.formats import label_value as label_value
from common.api.formats import qualified_name as qualified_name
from common.api.formats import wildcard_subdomain as wildcard_subdomain
from common.api.meta import Object
from common.errors import Cause

MAX_ANNOTATIONS = 256 * 1024  # bytes of keys and values together
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, f"Required value: {detail}" if detail else "Required value", "FieldValueRequired")


def wrong(field: str, value: Any, detail: str) -> Cause:
    return Cause(field, f"Invalid value: {shown(value)}: {detail}", "FieldValueInvalid")


def forbidden(field: str, detail: str) -> Cause:
    return Cause(field, f"Forbidden: {detail}", "FieldValueForbidden")


def duplicate(field: str, value: Any) -> Cause:
    return Cause(field, f"Duplicate value: {shown(value)}", "FieldValueDuplicate")


def unsupported(field: str, value: Any, allowed: Sequence[str]) -> Cause:
    """`allowed` is named in the order that it comes in: that of Kubernetes' message."""
    listed = ", ".join(shown(item) for item in allowed)
    return Cause(field, f"Unsupported value: {shown(value)}: supported values: {listed}", "FieldValueNotSupported")


def not_found(field: str, value: Any) -> Cause:
    return Cause(field, f"Not found: {shown(value)}", "FieldValueNotFound")


def too_long(field: str, limit: int, unit: str = "bytes") -> Cause:
    return Cause(field, f"Too long: may not be more than {limit} {unit}", "FieldValueTooLong")


def too_many(field: str, count: int, limit: int) -> Cause:
    return Cause(field, f"Too many: {count}: must have at most {limit} items", "FieldValueTooMany")


def shown(value: Any) -> str:
    """A value as messages quote it: texts in quotes, the rest as JSON."""
    if isinstance(value, str):
        return gotext.quoted(value)
    return gotext.escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def path_segment(text: str) -> list[str]:
    """A name that only has to fit between two slashes of a URL: those of roles and bindings have colons."""
    if text in {".", ".."}:
        return [f"may not be '{text}'"]
    return [f"may not contain '{letter}'" for letter in ("/", "%") if letter in text]


def each(field: str, value: Any, problems: Iterable[str]) -> list[Cause]:
    """One cause for each problem with a value."""
    return [wrong(field, value, problem) for problem in problems]


def name_field(field: str, value: Any, check: Callable[[str], Iterable[str]]) -> list[Cause]:
    """A required text with a format."""
    return each(field, value, check(value)) if value else [required(field)]


def labels(field: str, found: Mapping[str, str]) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in found.items():
        if problems := qualified_name(key):
            causes += each(field, key, problems)
        if problems := label_value(value):
            causes += each(field, value, problems)
    return causes


def annotation_keys(field: str, found: Mapping[str, str]) -> list[Cause]:
    causes: list[Cause] = []
    for key in found:
        if problems := qualified_name(key.lower()):
            causes += each(field, key, problems)
    if sum(len(key.encode()) + len(value.encode()) for key, value in found.items()) > MAX_ANNOTATIONS:
        causes.append(too_long(field, MAX_ANNOTATIONS))
    return causes


def label_selector(field: str, selector: Object | None) -> list[Cause]:
    """A `metav1.LabelSelector`."""
    if not selector:
        return []
    causes = labels(f"{field}.matchLabels", selector.get("matchLabels") or {})
    for index, term in enumerate(selector.get("matchExpressions") or ()):
        path = f"{field}.matchExpressions[{index}]"
        operator, values = term.get("operator", ""), term.get("values") or []
        if operator in {"In", "NotIn"} and not values:
            causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in {"Exists", "DoesNotExist"} and values:
            causes.append(
                forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            )
        elif operator not in _OPERATORS:
            causes.append(wrong(f"{path}.operator", operator, "not a valid selector operator"))
        causes += each(f"{path}.key", term.get("key", ""), qualified_name(term.get("key", "")))
        for position, value in enumerate(values):
            causes += each(f"{path}.values[{position}]", value, label_value(value))
    return causes


def one_of(field: str, value: Any, allowed: Sequence[str]) -> list[Cause]:
    """A required word of a closed set."""
    if not value:
        return [required(field)]
    return [] if value in allowed else [unsupported(field, value, allowed)]


def non_negative(field: str, value: int | None) -> list[Cause]:
    return [wrong(field, value, "must be greater than or equal to 0")] if value is not None and value < 0 else []


def positive(field: str, value: int | None) -> list[Cause]:
    return [wrong(field, value, "must be greater than 0")] if value is not None and value < 1 else []


def port_number(field: str, value: int) -> list[Cause]:
    return [] if 1 <= value <= 65535 else [wrong(field, value, "must be between 1 and 65535, inclusive")]


def port_name(text: str) -> list[str]:
    """The name of a container port (IANA service name)."""
    problems = [] if len(text) <= 15 else ["must be no more than 15 characters"]
    if not re.fullmatch("[-a-z0-9]+", text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        problems.append("must contain at least one letter (a-z)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def port_number_or_name(field: str, value: int | str) -> list[Cause]:
    return port_number(field, value) if isinstance(value, int) else each(field, value, port_name(value))


def unchanged(field: str, new: Any, old: Any) -> list[Cause]:
    return [] if new == old else [wrong(field, new, "field is immutable")]
