"""Bodies of requests before anybody knows what is in them: texts into documents, and whose documents they are.

Kubernetes reads kind and version first, and only then the rest; what it says of bodies that are none of its own is said
here. `decoding` goes on with the fields.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from typing import Any

import orjson

from common.api.meta import Object
from common.errors import ApiError, BadRequest, invalid

from . import validation, yamlbody
from .jsonerrors import syntax_error
from .repeated import Repeated
from .row import Row
from .schema import published

MAX_DEPTH = 200  # levels of nesting; no real object has 40, and recursion must end before the interpreter's limit
TYPE_META = (
    'Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
"""What Kubernetes looks for in a body first."""
_MAP = "Go value of type map[string]interface {}"
_NO_TYPE = "couldn't get version/kind; json parse error: "
_SCHEME = 'in scheme "pkg/api/legacyscheme/scheme.go:30"'
_SHOWN = 30  # bytes of a body that messages show
_PACKAGES = {"": "core", "events.k8s.io": "core"}
# Versions that Kubernetes can read still, and serves no longer.
_FORMER = frozenset({"apps/v1beta1", "apps/v1beta2", "batch/v1beta1", "events.k8s.io/v1beta1", "policy/v1beta1"})


def load_json(row: Row, body: bytes) -> Object:
    """The document of a body. Raises BadRequest for what is no JSON and no object; objects that name a field twice are
    `Repeated`."""
    try:
        document = _checked(body, _load_any_json(body))
    except ValueError as error:
        raise unrecognized(row, _NO_TYPE + (syntax_error(body) or str(error)), body) from None
    except RecursionError:
        raise _too_deep() from None
    return _object(row, document, body)


def load_yaml(row: Row, body: bytes) -> Object:
    """The same for YAML."""
    try:
        document = _checked(body, yamlbody.load(body))
    except ValueError as error:
        raise unrecognized(row, str(error), body) from None
    except RecursionError:
        raise _too_deep() from None
    return _object(row, document, body)


def load_applied(body: bytes) -> Object:
    """What server-side apply sends: YAML, of which JSON is a part."""
    try:
        document = load_plain(body) if body.lstrip().startswith(b"{") else None
        if document is None:
            document = _checked(body, _load_flow(body))
    except ValueError as error:
        raise BadRequest(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    except RecursionError:
        raise _too_deep() from None
    if document is not None and not isinstance(document, dict):
        why = f"error unmarshaling JSON: while decoding JSON: {no_object(document, _MAP)}"
        raise BadRequest(f"error decoding YAML: {why}")
    return document or {}


def _load_flow(body: bytes) -> Any:
    try:
        return _load_any_json(body)
    except (ValueError, RecursionError):
        return yamlbody.load(body)


def load_plain(body: bytes) -> Any:
    """Most clients send JSON without spaces. Where encoding what was read gives the body again, nothing was lost on the
    way: no name came twice, no number was too large. None for everything else, which takes more care and ten times the
    time."""
    try:
        document = orjson.loads(body)
        is_same = orjson.dumps(document) == body.rstrip()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return document if is_same else None


def _load_any_json(body: bytes) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> Object:
        found = dict(items)
        if len(found) == len(items):
            return found
        names = Counter(name for name, _ in items)
        return Repeated(found, sorted(name for name, times in names.items() if times > 1))

    def no_constant(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    return json.loads(body, object_pairs_hook=pairs, parse_constant=no_constant)


def _checked(body: bytes, document: Any) -> Any:
    """An escape can name half of a surrogate pair, which no UTF-8 text can hold."""
    if b"\\u" in body or b"\\U" in body:
        try:
            json.dumps(document, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            raise ValueError(f"{half} is half of a surrogate pair, no character") from None
    return document


def _too_deep() -> BadRequest:
    return BadRequest(f"the object provided is nested deeper than {MAX_DEPTH} levels")


def _object(row: Row, document: Any, body: bytes) -> Object:
    if document is not None and not isinstance(document, dict):
        raise unrecognized(row, _NO_TYPE + no_object(document, TYPE_META), body)
    found: Object = document or {}
    _check_words(row, found, body)
    return found


def _check_words(row: Row, document: Object, body: bytes | None = None) -> None:
    """Raises BadRequest where version or kind is no text, or the version none that there can be."""
    for field in ("apiVersion", "kind"):
        value = document.get(field)
        if not isinstance(value, str | None):
            why = f"json: cannot unmarshal {go_kind(value)} into Go struct field .{field} of type string"
            raise unrecognized(row, _NO_TYPE + why, body)
    if (document.get("apiVersion") or "").count("/") > 1:
        raise unrecognized(row, f"unexpected GroupVersion string: {document['apiVersion']}", body)


def no_object(document: Any, expected: str) -> str:
    """What is wrong with a value that should be an object; `expected` is Go's name of what it should be."""
    return f"json: cannot unmarshal {go_kind(document)} into {expected}"


def unrecognized(row: Row, why: str, body: bytes | None = None) -> BadRequest:
    """A body of which nobody can say what it is; the beginning of it is shown."""
    shown = "" if body is None else f" ({_summary(body)})"
    return BadRequest(f"the object provided is unrecognized (must be of type {row.resource.kind}): {why}{shown}")


def _summary(body: bytes) -> str:
    cut = " ..." if len(body) > _SHOWN else ""
    if body.startswith(b"{"):
        return body[:_SHOWN].decode(errors="replace") + cut
    return body[:_SHOWN].hex() + cut or "<empty>"


def check_type(row: Row, document: Object) -> None:
    """Raises BadRequest for a document of another kind or version; what it does not say counts as right."""
    _check_words(row, document)
    resource = row.resource
    version = str(document.get("apiVersion") or resource.api_version)
    kind = str(document.get("kind") or resource.kind)
    if (version, kind) == (resource.api_version, resource.kind):
        return
    if row.custom is not None:
        raise _foreign(row, document, version, kind)
    group = version.rpartition("/")[0]
    is_known = (version, kind) in _known_kinds()
    if kind == resource.kind and group == resource.group and (is_known or version in _FORMER):
        raise BadRequest(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
        )
    if is_known:
        why = f"converting ({_short(version)}.{kind}) to ({go_type(row)[1:]}): unknown conversion"
    else:
        why = f'no kind "{kind}" is registered for version "{version}" {_SCHEME}'
    raise BadRequest(f'{kind} in version "{_short(version)}" cannot be handled as a {resource.kind}: {why}')


def _foreign(row: Row, document: Object, version: str, kind: str) -> ApiError:
    """Of a custom kind any version could be read, and then is looked at."""
    resource = row.resource
    if version != resource.api_version:
        return BadRequest(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
        )
    cause = validation.wrong("kind", kind, f"must be {resource.kind}")
    return invalid(kind, resource.group, str((document.get("metadata") or {}).get("name") or ""), [cause])


def go_type(row: Row) -> str:
    """What Kubernetes' messages call the objects of a kind."""
    if row.custom is not None:
        return "*unstructured.Unstructured"
    group = row.resource.group
    return f"*{_PACKAGES.get(group, group.partition('.')[0])}.{row.resource.kind}"


def _short(version: str) -> str:
    return version.rpartition("/")[2]


@lru_cache(maxsize=1)
def _known_kinds() -> frozenset[tuple[str, str]]:
    """Version and kind of everything that Kubernetes publishes."""
    named = (item for found in published().values() for item in found.get("x-kubernetes-group-version-kind", ()))
    return frozenset((f"{item['group']}/{item['version']}".lstrip("/"), item["kind"]) for item in named)


def go_kind(value: Any) -> str:
    """What Go's reader of JSON calls a value."""
    kinds: dict[type, str] = {
        dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number",
    }  # fmt: skip
    return kinds.get(type(value), "object" if isinstance(value, dict) else "null")
