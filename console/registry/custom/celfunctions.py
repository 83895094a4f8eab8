"""The environment in which rules are compiled: CEL itself and the functions that Kubernetes adds to it.

Quantities, URLs and addresses are texts here: `quantity(x)` checks and spells x canonically, and what Kubernetes' type
has as methods are methods of such a text.
"""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from common.api import quantity
from console.registry import validation

from . import celauthorizer, cellibrary, patterns
from .celpackage import package

BEFORE = "before_self"
"""A list of the old value, or of nothing: what an optional `oldSelf` is made of."""
OPTIONAL_OLD_SELF = f"({BEFORE}.size() == 0 ? optional.none() : optional.of({BEFORE}[0]))"
_EXTENSIONS = ("ext_strings.ExtStrings", "ext_optional.ExtOptional", "ext_math.ExtMath", "ext_encoders.ExtEncoders")


@lru_cache(maxsize=8)
def environment(names: tuple[str, ...] = ("self", "oldSelf")) -> Any:
    """The environment with these variables, None when the package is not installed."""
    cel = package()
    if cel is None:
        return None
    return typed({**dict.fromkeys(names, cel.Type.DYN), BEFORE: cel.Type.List(cel.Type.DYN)})


def types() -> Any:
    """The types of the language; only where the package is installed."""
    return package().Type


def typed(variables: Mapping[str, Any]) -> Any:
    """The environment with variables of these types, None when the package is not installed."""
    cel = package()
    if cel is None:
        return None
    extensions = []
    for name in _EXTENSIONS:
        module, _, kind = name.partition(".")
        extensions.append(getattr(importlib.import_module(f"cel_expr_python.ext.{module}"), kind)())
    functions = _declarations(cel.Type, cel) + celauthorizer.functions(cel)
    return cel.NewEnv(variables=dict(variables), extensions=extensions, functions=functions)


def _declarations(kind: Any, cel: Any) -> list[Any]:
    members: list[tuple[str, Any, list[Any], Callable[..., Any]]] = [
        ("find", kind.STRING, [kind.STRING, kind.STRING], _find),
        ("findAll", kind.LIST, [kind.STRING, kind.STRING], _find_all),
        ("isSorted", kind.BOOL, [kind.List(kind.DYN)], lambda items: list(items) == sorted(items)),
        ("sum", kind.DYN, [kind.List(kind.DYN)], sum),
        ("min", kind.DYN, [kind.List(kind.DYN)], min),
        ("max", kind.DYN, [kind.List(kind.DYN)], max),
        ("compareTo", kind.INT, [kind.STRING, kind.STRING], cellibrary.compare),
        ("isGreaterThan", kind.BOOL, [kind.STRING, kind.STRING], lambda one, two: cellibrary.compare(one, two) > 0),
        ("isLessThan", kind.BOOL, [kind.STRING, kind.STRING], lambda one, two: cellibrary.compare(one, two) < 0),
        ("asInteger", kind.INT, [kind.STRING], lambda text: int(quantity.parse(text))),
        ("asApproximateFloat", kind.DOUBLE, [kind.STRING], lambda text: float(quantity.parse(text))),
        ("getScheme", kind.STRING, [kind.STRING], lambda text: urlsplit(text).scheme),
        ("getHost", kind.STRING, [kind.STRING], lambda text: urlsplit(text).netloc.rpartition("@")[2]),
        ("getHostname", kind.STRING, [kind.STRING], lambda text: urlsplit(text).hostname or ""),
        ("getPort", kind.STRING, [kind.STRING], lambda text: str(urlsplit(text).port or "")),
        ("getEscapedPath", kind.STRING, [kind.STRING], lambda text: urlsplit(text).path),
        ("family", kind.INT, [kind.STRING], lambda text: ipaddress.ip_address(text).version),
        ("isLoopback", kind.BOOL, [kind.STRING], lambda text: ipaddress.ip_address(text).is_loopback),
        ("prefixLength", kind.INT, [kind.STRING], lambda text: ipaddress.ip_interface(text).network.prefixlen),
        ("containsIP", kind.BOOL, [kind.STRING, kind.STRING],
         lambda text, address: ipaddress.ip_address(address) in ipaddress.ip_interface(text).network),
    ]  # fmt: skip
    free: list[tuple[str, Any, Callable[[str], Any]]] = [
        ("quantity", kind.STRING, quantity.canonical),
        ("isQuantity", kind.BOOL, lambda text: _accepts(quantity.canonical, text)),
        ("url", kind.STRING, _url),
        ("isURL", kind.BOOL, lambda text: _accepts(_url, text)),
        ("ip", kind.STRING, lambda text: str(ipaddress.ip_address(text))),
        ("isIP", kind.BOOL, lambda text: _accepts(ipaddress.ip_address, text)),
        ("cidr", kind.STRING, lambda text: str(ipaddress.ip_interface(text))),
        ("isCIDR", kind.BOOL, lambda text: "/" in text and _accepts(ipaddress.ip_interface, text)),
        ("isDNS1123Label", kind.BOOL, lambda text: not validation.dns_label(text)),
    ]
    free.append(("jsonpatch.escapeKey", kind.STRING, lambda text: text.replace("~", "~0").replace("/", "~1")))
    overloads: dict[str, list[Any]] = {}
    for name, result, parameters, act in members:
        overloads.setdefault(name, []).append(cel.Overload(f"{name}_of", result, parameters, is_member=True, impl=act))
    for name, result, act in free:
        overloads.setdefault(name, []).append(cel.Overload(f"{name}_text", result, [kind.STRING], impl=act))
    for item in cellibrary.FUNCTIONS:
        overloads.setdefault(item.name, []).append(_overload(kind, cel, item))
    return [cel.FunctionDecl(name, found) for name, found in overloads.items()]


def _overload(kind: Any, cel: Any, item: cellibrary.Function) -> Any:
    types = {"string": kind.STRING, "int": kind.INT, "bool": kind.BOOL, "list": kind.List(kind.DYN), "dyn": kind.DYN}
    title = "_".join((item.name.replace(".", "_"), "library", *item.parameters))
    parameters = [types[name] for name in item.parameters]
    return cel.Overload(title, types[item.result], parameters, is_member=item.member, impl=item.act)


def _find(text: str, regex: str) -> str:
    found = re.search(regex, text) if patterns.matches(regex, text) else None
    return found[0] if found else ""


def _find_all(text: str, regex: str) -> list[str]:
    return [found[0] for found in re.finditer(regex, text)] if patterns.matches(regex, text) else []


def _accepts(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _url(text: str) -> str:
    parts = urlsplit(text)
    if not (parts.scheme and parts.netloc) and not text.startswith("/"):
        raise ValueError(f"{text!r} is no absolute URL")
    return text
