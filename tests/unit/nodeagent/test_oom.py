"""Whom the kernel kills first."""

from __future__ import annotations

from typing import Any

import pytest

from nodeagent import oom


def asking(limits: dict[str, str], requests: dict[str, str], **spec: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    container = {"name": "web", "resources": {"limits": limits, "requests": requests}}
    return {"spec": {"containers": [container], **spec}}, container


BOTH = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("limits", "requests", "expected"),
    [
        (BOTH, BOTH, -997),
        ({}, {}, 1000),
        ({}, {"memory": "1Gi"}, 750),
        ({}, {"memory": "64Gi"}, 3),
        ({}, {"cpu": "1"}, 999),
    ],
)
def test_the_table_of_classes(
    limits: dict[str, str], requests: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oom, "lowest", lambda: -1000)
    assert oom.score(*asking(limits, requests), "4Gi") == expected


def test_critical_pods_are_spared_like_guaranteed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom, "lowest", lambda: -1000)
    assert oom.score(*asking({}, {}, priority=2_000_001_000), "4Gi") == -997


def test_a_host_that_allows_no_negative_score_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom, "lowest", lambda: 0)
    scores = [oom.score(*asking(*given), "4Gi") for given in ((BOTH, BOTH), ({}, {"memory": "1Gi"}), ({}, {}))]
    assert scores == [0, 750, 1000]
    assert oom.sandbox() == 0
