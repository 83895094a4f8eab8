"""Ages read as `kubectl get` shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.api import ages


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (1.9, "1s"), (119, "119s"), (120, "2m"), (125, "2m5s"),
        (599, "9m59s"), (600, "10m"), (10799, "179m"), (10800, "3h"), (3 * 3600 + 60, "3h1m"), (8 * 3600 - 1, "7h59m"),
        (8 * 3600, "8h"), (48 * 3600 - 1, "47h"), (48 * 3600, "2d"), (49 * 3600, "2d1h"), (8 * 86400 - 1, "7d23h"),
        (8 * 86400, "8d"), (729 * 86400, "729d"), (730 * 86400, "2y"), (733 * 86400, "2y3d"),
        (8 * 365 * 86400, "8y"), (20 * 365 * 86400 + 5, "20y"),
    ],
)  # fmt: skip
def test_durations_are_those_of_kubectl(seconds: float, text: str) -> None:
    assert ages.duration(seconds) == text


def test_an_object_without_a_creation_time_has_an_unknown_age() -> None:
    assert ages.age({"metadata": {}}, datetime(2026, 1, 1, tzinfo=UTC)) == "<unknown>"
