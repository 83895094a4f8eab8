"""Ages read as `kubectl get` shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.views import ages


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-1, "0s"),
        (-5, "<invalid>"),
        (119, "119s"),
        (120, "2m"),
        (192, "3m12s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (9 * 3600 + 300, "9h"),
        (47 * 3600, "47h"),
        (3 * 86400 + 7200, "3d2h"),
        (14 * 86400, "14d"),
        (800 * 86400, "2y70d"),
        (10 * 365 * 86400, "10y"),
    ],
)
def test_durations_use_one_or_two_units(seconds: int, text: str) -> None:
    assert ages.duration(seconds) == text


def test_an_object_without_a_creation_time_has_an_unknown_age() -> None:
    assert ages.age({"metadata": {}}, datetime(2026, 1, 1, tzinfo=UTC)) == "<unknown>"
