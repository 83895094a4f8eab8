"""Bodies of requests into objects of a known shape: JSON, YAML or protobuf in, a document that fits its schema out.

Nothing past this point meets a field of the wrong type. Unknown and duplicate fields are dropped, and reported as
`fieldValidation` asks: an error (Strict), warnings (Warn) or nothing (Ignore).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest
from typing import Any, TypeAlias

import orjson

from common.api import quantity
from common.api.meta import Object, format_micro_time, format_time, parse_time
from common.errors import BadRequest, UnsupportedMediaType

from . import bodies, intents, protobuf, recurring, yamlbody
from .base64text import first_illegal
from .bodies import MAX_DEPTH, go_kind
from .custom.pruning import prune
from .recurring import Recurring
from .repeated import Repeated
from .row import Row
from .schema import Schema, schema
from .zeros import is_zero

_RANGES = {"int32": 2**31, "int64": 2**63, "": 2**31}
_INT32 = Schema("", {"type": "integer", "format": "int32"}, {})
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_VALIDATIONS = ("Ignore", "Strict", "Warn")
_PYTHON: dict[str, type] = {"object": dict, "array": list, "boolean": bool}
_NOTHING: Object = {}
_YAML_ERRORS = "yaml: unmarshal errors:\n"
_parts: Recurring[Object] = Recurring()
"""Parts of objects as they fit their kinds."""

Path: TypeAlias = "tuple[Path, str | int] | None"
"""Where a value is, from the end to the start: only messages need it as a text."""


def decode(row: Row, body: bytes, content_type: str, field_validation: str) -> tuple[Object, list[str]]:
    """The object of a request body and the warnings to send with the answer.

    Raises BadRequest when it is no object of this kind, UnsupportedMediaType for a format that is none of the three.
    """
    media_type = content_type.partition(";")[0].strip().lower() or "application/json"
    if media_type == protobuf.MEDIA_TYPE and row.custom is None:
        if not protobuf.is_message(body):
            raise bodies.unrecognized(row, protobuf.NO_MESSAGE, body)
        return conform(row, protobuf.decode(row, body), field_validation)
    if media_type not in {"application/json", "application/yaml"}:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            f"application/json, application/yaml, {protobuf.MEDIA_TYPE}"
        )
    is_yaml = media_type.endswith("yaml")
    if not is_yaml and isinstance(plain := bodies.load_plain(body), dict) and _is_typed(row, plain):
        return _conformed(row, _walk(row, plain, field_validation, recurs=True), field_validation)
    document = bodies.load_yaml(row, body) if is_yaml else bodies.load_json(row, body)
    again = _repetitions(document) if is_yaml else []
    if not again:
        return conform(row, document, field_validation)
    walker, result = _walk(row, document, field_validation)
    unknown = [f'unknown field "{path}"' for path in walker.unknown]
    if field_validation == "Strict":
        problems = ", ".join([_YAML_ERRORS + "\n".join(f"  {line}" for line in again), *unknown])
        raise BadRequest(f"{_prefix(row)}: strict decoding error: {problems}")
    return result, [] if field_validation == "Ignore" else [*again, *unknown]


def decode_applied(row: Row, body: bytes, field_validation: str) -> tuple[Object, list[str]]:
    """What server-side apply sends: YAML, of which JSON is a part. Raises what `intents.check` raises."""
    document = bodies.load_applied(body)
    try:
        intents.check(row, document)
    except (RecursionError, orjson.JSONEncodeError):
        raise BadRequest(
            f"the object provided is nested deeper than {MAX_DEPTH} levels or has a number that is too large"
        ) from None
    walker, result = _walk(row, document, field_validation, is_intent=True)
    if not walker.duplicate:
        return result, []
    again = _repetitions(yamlbody.load(body))
    if field_validation == "Strict":
        problem = "error converting YAML to JSON: " + _YAML_ERRORS + "\n".join(f"  {line}" for line in again)
        raise BadRequest(f"error strict decoding YAML: {problem}")
    return result, [] if field_validation == "Ignore" else again


def _repetitions(document: Any) -> list[str]:
    """Where names came again in YAML, in the words of its reader: as one error, or a warning each."""
    return [f'line {line}: key "{name}" already set in map' for line, name in sorted(_repeated_lines(document))]


def _repeated_lines(value: Any) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    if isinstance(value, Repeated):
        found += zip(value.lines, value.names, strict=True)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found += _repeated_lines(item)
    return found


def conform(row: Row, document: Any, field_validation: str, known: Object | None = None) -> tuple[Object, list[str]]:
    """What fits the kind's schema, and warnings; for whatever did not come through `decode` (patches). Parts that are
    those of `known`, an object that fits, are taken as they are; the rest is a copy."""
    return _conformed(row, _walk(row, document, field_validation, known), field_validation)


def _conformed(row: Row, walked: tuple[_Walker, Object], field_validation: str) -> tuple[Object, list[str]]:
    walker, result = walked
    if walker.problems and field_validation == "Strict":
        raise BadRequest(f"{_prefix(row)}: strict decoding error: {', '.join(walker.problems)}")
    return result, [] if field_validation == "Ignore" else walker.problems


def _walk(
    row: Row,
    document: Any,
    field_validation: str,
    known: Object | None = None,
    *,
    is_intent: bool = False,
    recurs: bool = False,
) -> tuple[_Walker, Object]:
    """`recurs`: parts of the document may have come before, and none of its names came twice."""
    if field_validation not in {*_VALIDATIONS, ""}:
        raise BadRequest(
            f'fieldValidation: Unsupported value: "{field_validation}": supported values: "Ignore", "Strict", "Warn"'
        )
    if not isinstance(document, dict):
        raise bodies.unrecognized(row, bodies.no_object(document, bodies.TYPE_META))
    if not _is_typed(row, document):
        bodies.check_type(row, document)
    walker = _Walker(row, is_intent=is_intent)
    if row.custom is not None:
        result = walker.custom(row.custom.structure, document)
    elif recurs:
        result = walker.recurring(row.type, document)
    else:
        result = walker.object(row.type, document, None, 0, known)
    result["apiVersion"], result["kind"] = row.resource.api_version, row.resource.kind
    return walker, result


def _is_typed(row: Row, document: Object) -> bool:
    """Whether a document says nothing but that it is of this kind: others take a closer look."""
    said = (document.get("apiVersion"), row.resource.api_version), (document.get("kind"), row.resource.kind)
    return all(word is None or word in ("", own) for word, own in said)  # of a tuple: a word may be anything


def _prefix(row: Row) -> str:
    kind = row.resource.kind
    return f'{kind} in version "{row.resource.version}" cannot be handled as a {kind}'


def text(path: Path) -> str:
    """A path as messages have it: `spec.containers[0].image`."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}" if path is not None else step)
    return "".join(reversed(steps))


def _fields(path: Path) -> str:
    """The fields of structures on the way, without indices and keys of maps: how Go names where a wrong type is."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        if isinstance(step, str) and not isinstance(step, _Key):
            steps.append(step)
    return ".".join(reversed(steps))


class _Key(str):
    """A step of a path that is a key of a map."""

    __slots__ = ()


class _Walker:
    """One pass over a document. Paths of unknown fields have indices, those of wrong types do not, as in Kubernetes.
    In an intent, which has what its manager wants to own, an empty list is something; elsewhere it is nothing."""

    def __init__(self, row: Row, *, is_intent: bool) -> None:
        self._row = row
        self._is_intent = is_intent
        self.unknown: list[str] = []
        self.duplicate: list[str] = []
        self.problems: list[str] = []  # both as texts, in the order of the document

    def recurring(self, kind: Schema, document: Object) -> Object:
        """An object of which whole parts may have come before, as the pods of a template do."""
        result: Object = {}
        for name, item in document.items():
            noted = len(self.problems)

            def work(part: Any, name: str = name) -> Object:
                return self.object(kind, {name: part}, None, 0)

            def is_fine(_made: Object, noted: int = noted) -> bool:
                return len(self.problems) == noted

            recurs = name == recurring.FIELD and name in kind.properties and isinstance(item, dict)
            result.update(_parts.find(f"{kind.name} {name}", item, work, lasts=is_fine) if recurs else work(item))
        return result

    def object(self, kind: Schema, value: Object, path: Path, depth: int, known: Any = None) -> Object:
        """`known` is what was there before and fits: parts that are its own need no second look."""
        properties = kind.properties
        result: Object = {}
        repeated = frozenset(value.names) if isinstance(value, Repeated) else ()
        before = known if isinstance(known, dict) else _NOTHING
        for name, item in value.items():
            field = properties.get(name)
            if name in repeated:
                self._note(self.duplicate, "duplicate", text((path, str(name))))
            if field is None:
                self._note(self.unknown, "unknown", text((path, str(name))))
            elif item is None or self._is_omitted(kind, name, item):
                continue
            elif item is (old := before.get(name)) or (type(item) is str and field.is_plain_text):
                result[name] = item
            elif _is_same(item, old):
                result[name] = old
            else:
                result[name] = self.value(field, item, (path, name), depth + 1, kind, old)
        return result

    def _is_omitted(self, kind: Schema, name: str, item: Any) -> bool:
        if item or self._is_intent:
            return False
        if isinstance(item, dict | list):
            is_right = isinstance(item, dict) == (kind.properties[name].shape == "map")
            return is_right and name in kind.omitted_when_empty
        return name in kind.omitted_when_zero and is_zero(kind.properties[name].shape, item)

    def _note(self, found: list[str], what: str, path: str) -> None:
        found.append(path)
        self.problems.append(f'{what} field "{path}"')

    def custom(self, structure: Object, document: Object) -> Object:
        """An object of a kind that users defined: metadata as everywhere, the rest as its definition says. Whether
        values fit is for validation to tell, which knows all the wrong ones."""
        plain = self._plain({name: item for name, item in document.items() if name != "metadata"}, "", 0)
        if isinstance(document, Repeated):
            self.duplicate += document.names
        result: Object = prune(structure, plain, "", self.unknown, root=True)
        if document.get("metadata") is not None:
            kind = schema(_OBJECT_META)
            result["metadata"] = self.value(kind, document["metadata"], (None, "metadata"), 1, kind)
        self.problems = [f'duplicate field "{path}"' for path in self.duplicate]
        self.problems += [f'unknown field "{path}"' for path in self.unknown]
        return result

    def _plain(self, value: Any, path: str, depth: int) -> Any:
        """A copy that any JSON library can write, without fields that came twice."""
        if depth > MAX_DEPTH:
            raise BadRequest(f"{_prefix(self._row)}: exceeded max depth of {MAX_DEPTH} levels at {path}")
        if isinstance(value, Repeated):
            self.duplicate += [f"{path}.{name}" if path else name for name in value.names]
        if isinstance(value, dict):
            return {
                str(name): self._plain(item, f"{path}.{name}" if path else str(name), depth + 1)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
        number = _bounded(value)
        if number is None and value is not None:
            raise BadRequest(f"{_prefix(self._row)}: {path}: the number is too large")
        return number

    def value(self, kind: Schema, value: Any, path: Path, depth: int, owner: Schema, known: Any = None) -> Any:
        if depth > MAX_DEPTH:
            raise BadRequest(f"{_prefix(self._row)}: exceeded max depth of {MAX_DEPTH} levels at {text(path)}")
        match kind.shape:
            case "object" if isinstance(value, dict):
                return self.object(kind, value, path, depth, known)
            case "map" if isinstance(value, dict):
                return {
                    str(name): self._zero(kind.items)
                    if item is None
                    else self.value(kind.items, item, (path, _Key(name)), depth + 1, owner)
                    for name, item in value.items()
                }
            case "array" if isinstance(value, list):
                return self._array(kind.items, value, path, depth, owner, known)
            case "any":
                return self._any(kind, value, path, depth, owner)
        convert = _CONVERTERS.get(kind.shape)
        result = convert(self, kind, value, path) if convert else None
        if result is None:
            raise self._wrong_type(kind, value, path, owner)
        return result

    def _array(self, kind: Schema, values: list[Any], path: Path, depth: int, owner: Schema, known: Any) -> list[Any]:
        result: list[Any] = []
        before = known if isinstance(known, list) else ()
        for index, (item, old) in enumerate(zip_longest(values, before[: len(values)])):
            if item is None:
                result.append(self._zero(kind))
            elif _is_same_element(item, old, kind):
                result.append(old)
            else:
                result.append(self.value(kind, item, (path, index), depth + 1, owner, old))
        return result

    def _zero(self, kind: Schema) -> Any:
        """What Go makes of a null where a value must be."""
        if kind.format == "quantity":
            return "0"
        return {"object": {}, "map": {}, "array": [], "string": "", "boolean": False}.get(kind.shape, 0)

    def _string(self, kind: Schema, value: Any, _path: Path) -> str | None:
        if not isinstance(value, str):
            return None
        if kind.format in {"date-time", "micro-time"}:
            return self._time(kind.format, value)
        if kind.format == "byte":
            self._bytes(value)
        return value

    def _time(self, form: str, value: str) -> str:
        try:
            return _canonical_time(form, value)
        except (ValueError, OverflowError):
            layout = "2006-01-02T15:04:05Z07:00" if form == "date-time" else "2006-01-02T15:04:05.000000Z07:00"
            raise BadRequest(
                f'{_prefix(self._row)}: parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"'
            ) from None

    def _bytes(self, value: str) -> None:
        where = first_illegal(value)
        if where is not None:
            raise BadRequest(f"{_prefix(self._row)}: illegal base64 data at input byte {where}")

    def _boolean(self, _kind: Schema, value: Any, _path: Path) -> bool | None:
        return value if isinstance(value, bool) else None

    def _integer(self, kind: Schema, value: Any, _path: Path) -> int | None:
        limit = _RANGES.get(kind.format, 2**63)
        if isinstance(value, bool) or not isinstance(value, int) or not -limit <= value < limit:
            return None
        return value

    def _number(self, _kind: Schema, value: Any, _path: Path) -> float | int | None:
        return None if isinstance(value, bool) or not isinstance(value, int | float) else _bounded(value)

    def _any(self, kind: Schema, value: Any, path: Path, depth: int, owner: Schema) -> Any:
        if kind.alternatives:
            fitting = [option for option in kind.alternatives if isinstance(value, _PYTHON[option.shape])]
            if not fitting:
                raise self._wrong_type(kind, value, path, owner)
            return self.value(fitting[0], value, path, depth + 1, owner)
        match kind.format:
            case "quantity":
                return self._quantity(kind, value, path, owner)
            case "int-or-string":
                if not isinstance(value, str) and self._integer(_INT32, value, path) is None:
                    raise self._wrong_type(kind, value, path, owner)
                return value
        return _copy(value, depth)

    def _quantity(self, kind: Schema, value: Any, path: Path, owner: Schema) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._wrong_type(kind, value, path, owner)
        try:
            return quantity.canonical(value)
        except ValueError:
            raise BadRequest(
                f"{_prefix(self._row)}: quantities must match the regular expression "
                "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            ) from None

    def _wrong_type(self, kind: Schema, value: Any, path: Path, owner: Schema) -> BadRequest:
        struct = owner.name.rpartition(".")[2] or "Object"
        number = f" {orjson.dumps(value).decode()}" if _is_number(value) and kind.shape == "integer" else ""
        return BadRequest(
            f"{_prefix(self._row)}: json: cannot unmarshal {go_kind(value)}{number} into Go struct field "
            f"{struct}.{_fields(path)} of type {kind.go_type}"
        )


_CONVERTERS: dict[str, Callable[[_Walker, Schema, Any, Path], Any]] = {
    "string": _Walker._string,  # noqa: SLF001
    "boolean": _Walker._boolean,  # noqa: SLF001
    "integer": _Walker._integer,  # noqa: SLF001
    "number": _Walker._number,  # noqa: SLF001
}


def _is_same(value: Any, known: Any) -> bool:
    """Whether a value is what was there before, which fits: a replaced list has most elements as they were. To Python 1
    is as good as true and 1.0; encoded they differ."""
    return known is not None and value == known and orjson.dumps(value) == orjson.dumps(known)


def _is_same_element(value: Any, known: Any, kind: Schema) -> bool:
    """The same for an element of a list, which may leave out what is null of the one before (moments of conditions)."""
    if kind.shape == "object" and isinstance(known, dict) and None in known.values():
        told = {name: item for name, item in known.items() if item is not None}
        return _is_same(value, told) or _is_same(value, known)
    return _is_same(value, known)


@lru_cache(maxsize=4096)  # conditions come with every report of a status, and their times seldom change
def _canonical_time(form: str, value: str) -> str:
    """Raises ValueError and OverflowError for what is none."""
    moment = parse_time(value)
    return format_time(moment) if form == "date-time" else format_micro_time(moment)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _bounded(value: Any) -> Any:
    """A value that every JSON library can write: a whole number beyond 64 bits becomes a floating one. None for what is
    beyond that too."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        value = float(value) if abs(value) < 2**1000 else math.inf
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _copy(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise BadRequest(f"the object provided is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {str(name): _copy(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item, depth + 1) for item in value]
    number = _bounded(value)
    if number is None and value is not None:
        raise BadRequest("the object provided has a number that is too large")
    return number
