"""Expressions against the types of what they speak of, in the words in which Kubernetes warns."""

from __future__ import annotations

import pytest

from console.registry.custom import celfunctions
from console.registry.custom.celtypes import type_of, undeclared
from console.registry.schema import schema

ROOTS = {"object": schema("io.k8s.api.apps.v1.Deployment")}
DYN = celfunctions.types().DYN
KNOWN = {"object": DYN, "variables": DYN, "variables.n": celfunctions.types().INT}


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.replicas > 1",
        "!has(object.spec.replicas) || object.spec.replicas > 1",
        "object.metadata.labels['a'] == 'b' && object.metadata.labels.c == 'd'",
        "object.spec.template.spec.containers.all(c, c.image.startsWith('x'))",
        "object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')",
        "object.spec.strategy.rollingUpdate.maxSurge == 1 || object.spec.strategy.rollingUpdate.maxSurge == '25%'",
        "object.metadata.name.size() > 3 && 'object.spec.none' != object.metadata.__namespace__",
        "object.?spec.?none.orValue(1) == 1 && variables.n > 1",
    ],
)
def test_what_fits_is_not_mentioned(text: str) -> None:
    assert type_of(text.replace("__namespace__", "namespace"), ROOTS, KNOWN)[1] == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("object.spec.replicas > '1'", "1:22: found no matching overload for '_>_' applied to '(int, string)'"),
        ("object.spec.paused + 1", "1:20: found no matching overload for '_+_' applied to '(bool, int)'"),
        ("object.metadata.labels['a'] == 1", "'_==_' applied to '(string, int)'"),
        ("object.metadata.finalizers.all(f, f > 1)", "'_>_' applied to '(string, int)'"),
        ("variables.n == 'a'", "'_==_' applied to '(int, string)'"),
        ("true &&\n object.spec.none", "2:13: undefined field 'none'\n |  object.spec.none\n | ............^"),
        ("has(object.specs)", "1:11: undefined field 'specs'"),
        ("has(object.spec.paused) && object.spec.replicas", " | has(object.spec.paused) && object.spec.replicas\n"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(text: str, problem: str) -> None:
    kind, found = type_of(text, ROOTS, KNOWN)
    assert kind is None
    assert found.startswith("ERROR: <input>:")
    assert problem in found


def test_an_expression_has_a_type() -> None:
    assert type_of("object.spec.replicas + 1", ROOTS, KNOWN)[0].name().lower() == "int"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("variables.n > 1 && variables.list.size() > 1", ""),
        ("'variables.other' == object.variables.other", ""),
        ("variables.n > variables.m", "ERROR: <input>:1:24: undefined field 'm'\n | variables.n > variables.m\n | "
         + "." * 23 + "^"),
    ],
)  # fmt: skip
def test_a_variable_that_is_not_declared_is_named(text: str, problem: str) -> None:
    assert undeclared(text, "variables", {"n", "list"}) == problem
