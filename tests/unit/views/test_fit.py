"""What-if questions as people type them."""

from __future__ import annotations

import pytest

from common.api.meta import Object
from console.views.fit import asked, headline, question


def containers(words: str) -> Object:
    found: Object = question(words.split())["spec"]["template"]["spec"]["containers"][0]
    return found


def test_words_become_a_pod() -> None:
    words = "nginx cpu=500m mem=1Gi x6 priority=high profile=spread example.com/gpu=1"
    fit = question(words.split(), "shop")
    spec = fit["spec"]
    assert (spec["replicas"], spec["namespace"]) == (6, "shop")
    pod = spec["template"]["spec"]
    assert (pod["priorityClassName"], pod["schedulerName"]) == ("high", "quarterdeck-spread")
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi", "example.com/gpu": "1"},
        "limits": {"example.com/gpu": "1"},
    }
    assert asked(fit) == "nginx  cpu 500m  mem 1Gi  example.com/gpu 1"


def test_one_replica_is_what_is_meant_without_a_number() -> None:
    assert question(["nginx"])["spec"]["replicas"] == 1
    assert headline({"spec": {"replicas": 1}, "status": {"fitting": 1}}) == "1 of 1 replica fits"
    assert headline({"spec": {"replicas": 6}, "status": {"fitting": 4}}) == "4 of 6 replicas fit"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "name an image"),
        ("nginx cpu=lots", "'lots' is no amount"),
        ("nginx other", "'other' means nothing here"),
        ("nginx colour=red", "'colour=red' means nothing here"),
        ("nginx profile=tidy", "allowed are pack and spread"),
    ],
)
def test_what_means_nothing_is_named(words: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        question(words.split())
