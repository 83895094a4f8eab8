"""`authorizer` in expressions: Kubernetes' questions to the authorizer, as functions of CEL.

The evaluator has no types of ours, so a question that is being put together is a text: the fields of it as JSON behind
a mark. Who answers is known only while an expression is evaluated (`answering`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson

REQUEST_RESOURCE = "authorizer.requestResource"
_MARK = "\x01authorizer"
_ANSWER = "\x01decision"
Decide = Callable[[Mapping[str, str]], tuple[bool, str]]
_decide: ContextVar[Decide] = ContextVar("authorizer")


def start(**fields: str) -> str:
    """The value of `authorizer`, with what is known of the question already."""
    return _MARK + orjson.dumps(fields).decode()


@contextmanager
def answering(decide: Decide) -> Iterator[None]:
    """`decide` gets the fields of a question (`verb`, `resource`, `path`, `account` NAMESPACE:NAME, …) and says whether
    it is allowed, and why."""
    token = _decide.set(decide)
    try:
        yield
    finally:
        _decide.reset(token)


def functions(cel: Any) -> list[Any]:
    """The declarations of all functions of an authorizer."""
    kind = cel.Type
    text, boolean = kind.STRING, kind.BOOL
    members: list[tuple[str, Any, int, Callable[..., Any]]] = [
        (name, text, 1, _setter(name)) for name in ("path", "group", "resource", "subresource", "namespace", "name")
    ]
    members += [
        ("fieldSelector", text, 1, _setter("field_selector")),
        ("labelSelector", text, 1, lambda found, _selector: _with(found)),
        ("serviceAccount", text, 2, lambda found, space, name: _with(found, account=f"{space}:{name}")),
        ("check", text, 1, _check),
        ("allowed", boolean, 0, lambda found: bool(_answer(found)["allowed"])),
        ("reason", text, 0, lambda found: str(_answer(found)["reason"])),
        ("errored", boolean, 0, lambda found: bool(_answer(found)["error"])),
        ("error", text, 0, lambda found: str(_answer(found)["error"])),
    ]
    return [
        cel.FunctionDecl(
            name,
            [cel.Overload(f"authorizer_{name}", result, [text] * (1 + count), is_member=True, impl=act)],
        )
        for name, result, count, act in members
    ]


def _setter(field: str) -> Callable[[str, str], str]:
    return lambda found, value: _with(found, **{field: value})


def _with(found: str, **fields: str) -> str:
    return start(**{**_question(found), **fields})


def _question(found: str) -> dict[str, str]:
    if not found.startswith(_MARK):
        raise ValueError("no such overload: this is a function of the authorizer")
    fields: dict[str, str] = orjson.loads(found.removeprefix(_MARK))
    return fields


def _check(found: str, verb: str) -> str:
    try:
        allowed, reason = _decide.get()({**_question(found), "verb": verb})
        answer = {"allowed": allowed, "reason": reason, "error": ""}
    except LookupError:
        answer = {"allowed": False, "reason": "", "error": "nobody can be asked here"}
    return _ANSWER + orjson.dumps(answer).decode()


def _answer(found: str) -> dict[str, Any]:
    if not found.startswith(_ANSWER):
        raise ValueError("no such overload: this is a function of an authorizer's decision")
    answer: dict[str, Any] = orjson.loads(found.removeprefix(_ANSWER))
    return answer
