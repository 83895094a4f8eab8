"""What may be wrong with a CustomResourceDefinition, in Kubernetes' words."""

from __future__ import annotations

from typing import Any

from common.api import jsonpath, meta
from common.api.conditions import is_true
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.validation import each, required, unchanged, wrong

from . import approval, rulechecks, rules, structural, webhookclients
from .printing import TYPES
from .rows import structure_of

SCOPES = ("Cluster", "Namespaced")
_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MAX_SELECTABLE = 8
_LONGEST_WARNING = 256  # of a deprecation
_REVIEW_VERSIONS = ("v1", "v1beta1")
_STORED = (
    "missing from spec.versions; {0} was previously a storage version, and must remain in spec.versions until a "
    "storage migration ensures no data remains persisted in {0} and removes {0} from status.storedVersions"
)


def validate(new: Object, old: Object | None) -> list[Cause]:
    """Every wrong field of a definition; `old` is what an update replaces."""
    spec = new.get("spec") or {}
    names = spec.get("names") or {}
    causes = _validate_group(spec) + approval.validate(new, old) + _validate_names(names)
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if old is None and meta.name(new) != wanted:
        causes.append(wrong("metadata.name", meta.name(new), 'must be spec.names.plural+"."+spec.group'))
    causes += validation.one_of("spec.scope", spec.get("scope"), SCOPES)
    causes += _validate_conversion(spec.get("conversion") or {})
    if spec.get("preserveUnknownFields"):
        why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        causes.append(wrong("spec.preserveUnknownFields", True, why))  # the value that was given
    causes += _validate_versions(spec.get("versions") or []) + _validate_rules(spec, old)
    causes += _validate_stored(new, spec)
    return causes + (_validate_update(new, old) if old is not None else [])


def warnings(definition: Object) -> list[str]:
    """What is accepted and yet not as its author may think."""
    structures = [structure_of(version) for version in definition["spec"].get("versions") or ()]
    found = [text for structure in structures for text in structural.unknown_formats(structure)]
    if not rules.is_available() and any(rules.has_rules(structure) for structure in structures):
        found.append(rules.NOT_ENFORCED)
    return list(dict.fromkeys(found))


def _validate_group(spec: Object) -> list[Cause]:
    group = str(spec.get("group") or "")
    if not group:
        return [required("spec.group")]
    causes = each("spec.group", group, validation.dns_subdomain(group))
    if "." not in group:
        causes.append(wrong("spec.group", group, "should be a domain with at least one dot"))
    return causes


def _validate_names(names: Object) -> list[Cause]:
    causes: list[Cause] = []
    for field in ("plural", "singular", "kind", "listKind"):
        value = str(names.get(field) or "")
        where = f"spec.names.{field}"
        if not value:
            causes.append(required(where))
        elif field in {"plural", "singular"}:
            causes += each(where, value, validation.dns_1035_label(value))
        elif problems := validation.dns_1035_label(value.lower()):
            why = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            causes.append(wrong(where, value, why))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        causes.append(wrong("spec.names.listKind", names["listKind"], "kind and listKind may not be the same"))
    for field in ("shortNames", "categories"):
        for index, value in enumerate(names.get(field) or ()):
            causes += each(f"spec.names.{field}[{index}]", value, validation.dns_1035_label(value))
    return causes


def _validate_conversion(conversion: Object) -> list[Cause]:
    strategy, webhook = conversion.get("strategy"), conversion.get("webhook")
    causes = validation.one_of("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        if webhook:
            why = "should not be set when strategy is not set to Webhook"
            causes.append(validation.forbidden("spec.conversion.webhook", why))
        return causes
    path = "spec.conversion.webhook"
    client = (webhook or {}).get("clientConfig")
    if client is None:
        causes.append(required(f"{path}.clientConfig", "required when strategy is set to Webhook"))
    else:
        causes += webhookclients.validate(client, f"{path}.clientConfig")
    return causes + _validate_review_versions(webhook or {}, f"{path}.conversionReviewVersions")


def _validate_review_versions(webhook: Object, path: str) -> list[Cause]:
    versions = webhook.get("conversionReviewVersions") or []
    if not versions:
        return [required(path)]
    causes: list[Cause] = []
    for index, version in enumerate(versions):
        causes += each(f"{path}[{index}]", version, validation.dns_1035_label(version))
        if version in versions[:index]:
            causes.append(wrong(f"{path}[{index}]", version, "duplicate version"))
    if not causes and not set(versions) & set(_REVIEW_VERSIONS):
        why = f"must include at least one of {', '.join(_REVIEW_VERSIONS)}"
        causes.append(wrong(path, versions, why))
    return causes


def _validate_versions(versions: list[Object]) -> list[Cause]:
    names = [str(version.get("name", "")) for version in versions]
    causes: list[Cause] = []
    if len(set(names)) != len(names):
        causes.append(wrong("spec.versions", names, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        causes.append(wrong("spec.versions", names, "must have exactly one version marked as storage version"))
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        causes += each(f"{path}.name", names[index], validation.dns_1035_label(names[index]))
        causes += _validate_deprecation(version, path)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            causes.append(required(f"{path}.schema.openAPIV3Schema", "schemas are required"))
        else:
            where = f"{path}.schema.openAPIV3Schema"
            causes += structural.check(schema, where)
        causes += _validate_subresources(version.get("subresources") or {}, f"{path}.subresources")
        for position, column in enumerate(version.get("additionalPrinterColumns") or ()):
            causes += _validate_column(column, f"{path}.additionalPrinterColumns[{position}]")
        causes += _validate_selectable(version, f"{path}.selectableFields")
    return causes


def _validate_deprecation(version: Object, path: str) -> list[Cause]:
    text, where = version.get("deprecationWarning"), f"{path}.deprecationWarning"
    if text is None:
        return []
    causes = []
    if not version.get("deprecated"):
        causes.append(wrong(where, text, "can only be set for deprecated versions"))
    if not text:
        return [*causes, wrong(where, text, "must not be empty")]
    if len(text.encode()) > _LONGEST_WARNING:
        return [*causes, wrong(where, text, f"must be <= {_LONGEST_WARNING} characters in length")]
    if not text.isprintable():
        why = "must only contain printable UTF-8 characters; non-printable characters found at indices "
        found = [index for index, letter in enumerate(text) if not letter.isprintable()]
        causes.append(wrong(where, text, f"{why}{found}"))
    return causes


def _validate_rules(spec: Object, old: Object | None) -> list[Cause]:
    """What is wrong with the rules of all schemas. What was wrong with them before, as nobody had looked, is not held
    against an update."""
    before = set() if old is None else {(cause.field, cause.message) for cause in _rule_causes(old["spec"])}
    return [cause for cause in _rule_causes(spec) if (cause.field, cause.message) not in before]


def _rule_causes(spec: Object) -> list[Cause]:
    found = [
        (structure_of(version), f"spec.versions[{index}].schema.openAPIV3Schema")
        for index, version in enumerate(spec.get("versions") or ())
    ]
    # Rules are read by what their schemas say: of one that is wrong itself nothing more is said.
    return [
        cause
        for structure, where in found
        if rules.has_rules(structure) and not structural.check(structure, where)
        for cause in rulechecks.check(structure, where)
    ]


def _validate_subresources(subresources: Object, path: str) -> list[Cause]:
    scale = subresources.get("scale")
    if scale is None:
        return []
    causes = []
    for field, roots in (("specReplicasPath", (".spec.",)), ("statusReplicasPath", (".status.",)),
                         ("labelSelectorPath", (".spec.", ".status."))):  # fmt: skip
        value, where = str(scale.get(field) or ""), f"{path}.scale.{field}"
        if not value:
            causes += [] if field == "labelSelectorPath" else [required(where)]
        elif not value.startswith("."):
            causes.append(wrong(where, value, _SIMPLE))
        elif not value.startswith(roots):
            shown = " or ".join(root[:-1] for root in roots)
            causes.append(wrong(where, value, f"should be a json path under {'either ' * (len(roots) > 1)}{shown}"))
    return causes


def _validate_column(column: Object, path: str) -> list[Cause]:
    causes = [] if column.get("name") else [required(f"{path}.name")]
    for field, words in (("type", TYPES), ("format", _FORMATS)):
        word, why = column.get(field) or "", f"must be one of {','.join(sorted(words))}"
        if word and word not in words:
            causes.append(wrong(f"{path}.{field}", word, why))
        elif not word and field == "type":
            causes.append(required(f"{path}.{field}", why))
    text = str(column.get("jsonPath") or "")
    if not text:
        return [*causes, required(f"{path}.JSONPath")]
    return causes if text.startswith(".") else [*causes, wrong(f"{path}.JSONPath", text, _SIMPLE)]


_SIMPLE = "must be a simple json path starting with ."


def _validate_selectable(version: Object, path: str) -> list[Cause]:
    found = version.get("selectableFields") or []
    causes = [validation.too_many(path, len(found), _MAX_SELECTABLE)] if len(found) > _MAX_SELECTABLE else []
    seen: set[str] = set()
    for index, item in enumerate(found):
        text, where = str(item.get("jsonPath") or ""), f"{path}[{index}].jsonPath"
        if not text:
            causes.append(required(where))
        elif not jsonpath.is_simple(text):
            causes.append(wrong(where, text, "is an invalid path: must be a chain of fields"))
        elif text.startswith(".metadata"):
            causes.append(wrong(where, text, "must not point to fields in metadata"))
        elif _type_at(structure_of(version), jsonpath.fields(text)) not in {"string", "integer", "boolean"}:
            causes.append(wrong(where, text, "must point to a field of type string, boolean or integer"))
        if text in seen:
            causes.append(validation.duplicate(where, text))
        seen.add(text)
    return causes


def _type_at(schema: Any, path: tuple[str, ...]) -> str:
    for name in path:
        schema = ((schema or {}).get("properties") or {}).get(name)
    return str((schema or {}).get("type") or "")


def _validate_stored(new: Object, spec: Object) -> list[Cause]:
    known = {version.get("name") for version in spec.get("versions") or ()}
    stored = (new.get("status") or {}).get("storedVersions") or []
    return [
        wrong(f"status.storedVersions[{index}]", version, _STORED.format(version))
        for index, version in enumerate(stored)
        if version not in known
    ]


def _validate_update(new: Object, old: Object) -> list[Cause]:
    after, before = new.get("spec") or {}, old["spec"]
    names, earlier = after.get("names") or {}, before["names"]
    causes = unchanged("spec.group", after.get("group"), before["group"])
    causes += unchanged("spec.names.plural", names.get("plural"), earlier["plural"])
    if is_true(old, "Established"):
        causes += unchanged("spec.scope", after.get("scope"), before["scope"])
        causes += unchanged("spec.names.kind", names.get("kind"), earlier["kind"])
    return causes


def stored_versions(definition: Object) -> list[str]:
    """The versions in which objects may be stored: those so far, and the one that is now."""
    found = list((definition.get("status") or {}).get("storedVersions") or ())
    versions = definition["spec"].get("versions") or ()
    current = [str(version.get("name", "")) for version in versions if version.get("storage")]
    return list(dict.fromkeys([*found, *current]))


def is_structural(definition: Object) -> list[str]:
    """What keeps the schemas of a stored definition from being structural, as texts."""
    return [
        f"{cause.field}: {cause.message}"
        for index, version in enumerate(definition["spec"].get("versions") or ())
        for cause in structural.check(structure_of(version), f"spec.versions[{index}].schema.openAPIV3Schema")
    ]
