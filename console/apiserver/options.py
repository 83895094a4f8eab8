"""What a request asks for besides the object, as typed values; parsing refuses what Kubernetes refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from multidict import MultiMapping

from common.api.gotext import escaped, quoted
from common.api.meta import Object
from common.errors import BadRequest, Cause, invalid
from console.registry.bodies import go_kind

MAX_FIELD_MANAGER = 128  # bytes
MAX_DIGITS = 19  # of a whole number, as 64 bits have them
_MATCH = "resourceVersionMatch"
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
PROPAGATION_POLICIES = ("Foreground", "Background", "Orphan")
MANAGER_REQUIRED = Cause("fieldManager", "Required value: is required for apply patch", "FieldValueRequired")
_NO = frozenset({"0", "false"})
_BEYOND = 2**63
_WHOLE = re.compile("[-+]?[0-9]+")


def parse_bool(text: str | None) -> bool:
    """As Kubernetes reads its options: whatever does not say no means yes, an empty text too; None is not there."""
    return text is not None and text.lower() not in _NO


def parse_int(text: str | None) -> int | None:
    """A whole number of 64 bits; None when there is none. An empty text is no number."""
    if text is None:
        return None
    if not _WHOLE.fullmatch(text):
        raise BadRequest(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    found = int(text) if len(text) <= MAX_DIGITS + 1 else _BEYOND
    if not -_BEYOND <= found < _BEYOND:
        raise BadRequest(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return found


def _values(query: Mapping[str, str], name: str) -> list[str]:
    """All that a query says of an option, in its order."""
    return list(query.getall(name, [])) if isinstance(query, MultiMapping) else [query[name]] if name in query else []


@dataclass(frozen=True, slots=True)
class WriteOptions:
    dry_run: bool = False
    field_manager: str = ""
    force: bool = False
    field_validation: str = ""
    api_version: str = ""  # of the request, in which its manager owns what it writes; empty: the one that is stored
    warnings: list[str] = field(default_factory=list)
    """What those who admit the write have to say, for whoever asked."""

    @classmethod
    def parse(
        cls,
        query: Mapping[str, str],
        api_version: str = "",
        warnings: list[str] | None = None,
        kind: str = "CreateOptions",
        *,
        applies: bool = True,
    ) -> WriteOptions:
        """`kind` is what Kubernetes calls the options of such a request; `applies`: it is one that may be forced."""
        if not query and not (kind == "PatchOptions" and applies):
            return cls(warnings=[] if warnings is None else warnings, api_version=api_version)
        manager, dry_run = query.get("fieldManager", ""), _values(query, "dryRun")
        causes = []
        if kind == "PatchOptions" and not applies and "force" in query:
            why = "Forbidden: may not be specified for non-apply patch"
            causes.append(Cause("force", why, "FieldValueForbidden"))
        if kind == "PatchOptions" and applies and not manager:
            causes.append(MANAGER_REQUIRED)
        causes += [*_manager(manager), *_dry_run(dry_run), *_field_validation(query.get("fieldValidation", ""))]
        if causes:
            raise invalid(kind, "meta.k8s.io", "", causes)
        return cls(
            warnings=[] if warnings is None else warnings,
            api_version=api_version,
            dry_run="All" in dry_run,
            field_manager=manager,
            field_validation=query.get("fieldValidation", ""),
            force=parse_bool(query.get("force")),
        )

    def document(self) -> Object:
        """As whoever has a say in the write sees them."""
        found = {"fieldManager": self.field_manager, "fieldValidation": self.field_validation}
        return {name: value for name, value in found.items() if value}


def _manager(name: str) -> list[Cause]:
    causes = []
    if len(name.encode()) > MAX_FIELD_MANAGER:
        why = f"Too long: may not be more than {MAX_FIELD_MANAGER} bytes"
        causes.append(Cause("fieldManager", why, "FieldValueTooLong"))
    for index, letter in enumerate(name):
        if not letter.isprintable():
            position = len(name[:index].encode())
            why = f"invalid character U+{ord(letter):04X} (at position {position})"
            causes.append(Cause("fieldManager", f"Invalid value: {quoted(name)}: {why}"))
    return causes


def _dry_run(values: Sequence[str]) -> list[Cause]:
    if all(value == "All" for value in values):
        return []
    shown = escaped(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
    return [Cause("dryRun", f'Unsupported value: {shown}: supported values: "All"', "FieldValueNotSupported")]


def _field_validation(text: str) -> list[Cause]:
    if text in _VALIDATIONS:
        return []
    listed = ", ".join(f'"{item}"' for item in _VALIDATIONS)
    why = f'Unsupported value: "{text}": supported values: {listed}'
    return [Cause("fieldValidation", why, "FieldValueNotSupported")]


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """`grace_period` in seconds; None leaves it to the object. `propagation` as in PROPAGATION_POLICIES or None."""

    grace_period: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, query: Mapping[str, str], body: Object, warnings: list[str] | None = None) -> DeleteOptions:
        """From the query and the `DeleteOptions` in the body, which wins."""
        for name, (kind, shown) in _BODY.items():
            _require_type(body, name, kind, shown)
        preconditions = body.get("preconditions") or query
        for name in ("uid", "resourceVersion"):
            _require_type(preconditions, name, str, "string", "Preconditions.preconditions.")
        grace = body.get("gracePeriodSeconds")
        if grace is None:
            grace = parse_int(query.get("gracePeriodSeconds"))
        dry_run = body.get("dryRun") or _values(query, "dryRun")
        return cls(
            # A negative period means at once, but asks whoever runs the object first: Kubernetes makes it a second.
            grace_period=1 if grace is not None and grace < 0 else grace,
            propagation=_propagation(query, body),
            uid=preconditions.get("uid"),
            resource_version=preconditions.get("resourceVersion"),
            dry_run=_parse_dry_run(dry_run),
            warnings=[] if warnings is None else warnings,
        )

    def document(self) -> Object:
        """As whoever has a say in the deletion sees them."""
        conditions = {"uid": self.uid, "resourceVersion": self.resource_version}
        found = {
            "gracePeriodSeconds": self.grace_period, "propagationPolicy": self.propagation,
            "preconditions": {name: value for name, value in conditions.items() if value is not None} or None,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


_BODY: dict[str, tuple[type, str]] = {
    "gracePeriodSeconds": (int, "int64"),
    "propagationPolicy": (str, "v1.DeletionPropagation"),
    "orphanDependents": (bool, "bool"),
    "dryRun": (list, "[]string"),
    "preconditions": (dict, "v1.Preconditions"),
}
"""The types of what a body says of a deletion, and what Go calls them."""


def _require_type(holder: Mapping[str, object], name: str, kind: type, shown: str, where: str = "") -> None:
    value = holder.get(name)
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return
    field = f"{where or 'DeleteOptions.'}{name}"
    raise BadRequest(f"json: cannot unmarshal {go_kind(value)} into Go struct field {field} of type {shown}")


def _parse_dry_run(values: Sequence[object]) -> bool:
    if causes := _dry_run([str(value) for value in values]):
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)
    return "All" in values


def _propagation(query: Mapping[str, str], body: Object) -> str | None:
    policy = body.get("propagationPolicy")
    if policy is None:
        policy = query.get("propagationPolicy")
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in query:
        orphan = parse_bool(query["orphanDependents"])
    causes = []
    if orphan is not None and policy is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(Cause("propagationPolicy", f'Invalid value: "{policy}": {why}'))
    if policy is not None and policy not in PROPAGATION_POLICIES:
        listed = ", ".join(f'"{item}"' for item in (*PROPAGATION_POLICIES, "nil"))
        causes.append(
            Cause(
                "propagationPolicy",
                f'Unsupported value: "{policy}": supported values: {listed}',
                "FieldValueNotSupported",
            )
        )
    if causes:
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    return policy


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Of a list or a watch. `resource_version` is empty for the most recent state, `initial_events` None where nothing
    was said of them."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    page: str = ""
    resource_version: str = ""
    match: str = ""
    watch: bool = False
    bookmarks: bool = False
    initial_events: bool | None = None
    timeout: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> ListOptions:
        initial = query.get("sendInitialEvents")
        options = cls(
            label_selector=query.get("labelSelector", ""),
            field_selector=query.get("fieldSelector", ""),
            limit=max(parse_int(query.get("limit")) or 0, 0),
            page=query.get("continue", ""),
            resource_version=query.get("resourceVersion", ""),
            match=query.get("resourceVersionMatch", ""),
            watch=parse_bool(query.get("watch")),
            bookmarks=parse_bool(query.get("allowWatchBookmarks")),
            initial_events=None if initial is None else parse_bool(initial),
            timeout=parse_int(query.get("timeoutSeconds")),
        )
        causes = list(_list_causes(options))
        if causes:
            raise invalid("ListOptions", "meta.k8s.io", "", causes)
        return options


def _list_causes(options: ListOptions) -> list[Cause]:
    return _watch_causes(options) if options.watch else _plain_list_causes(options)


def _forbidden(field: str, why: str) -> Cause:
    return Cause(field, f"Forbidden: {why}", "FieldValueForbidden")


def _unsupported(match: str, *supported: str) -> Cause:
    listed = ", ".join(f'"{item}"' for item in supported)
    text = f'Unsupported value: "{match}": supported values: {listed}'
    return Cause(_MATCH, text, "FieldValueNotSupported")


def _plain_list_causes(options: ListOptions) -> list[Cause]:
    causes = []
    if options.match:
        if not options.resource_version:
            causes.append(_forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided"))
        if options.page:
            causes.append(_forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided"))
        if options.match not in {"Exact", "NotOlderThan"}:
            causes.append(_unsupported(options.match, "Exact", "NotOlderThan", ""))
        if options.match == "Exact" and options.resource_version == "0":
            causes.append(_forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"'))
    if options.initial_events is not None:
        causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return causes


def _watch_causes(options: ListOptions) -> list[Cause]:
    causes = []
    if options.initial_events is not None and options.match != "NotOlderThan":
        causes.append(_forbidden(_MATCH, f"sendInitialEvents requires setting {_MATCH} to NotOlderThan"))
    if options.match:
        if options.initial_events is None:
            causes.append(_forbidden(_MATCH, f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"))
        if options.match != "NotOlderThan":
            causes.append(_unsupported(options.match, "NotOlderThan"))
        if options.page:
            causes.append(_forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided"))
    return causes
