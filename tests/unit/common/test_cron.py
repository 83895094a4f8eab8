"""Cron schedules: the grammar, its messages, zones, and days with a clock change."""

from __future__ import annotations

from datetime import datetime

import pytest

from common.api import cron
from common.api.meta import format_time, parse_time


def runs(schedule: str, begin: str, count: int = 1, zone: str | None = None) -> list[str]:
    found, moment = [], parse_time(begin)
    parsed = cron.parse(schedule, cron.zone_of(zone))
    for _ in range(count):
        following = parsed.after(moment)
        if following is None:
            break
        found.append(format_time(following))
        moment = following
    return found


@pytest.mark.parametrize(
    ("schedule", "begin", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:30Z", ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]),
        ("*/15 * * * *", "2026-01-01T00:45:00Z", ["2026-01-01T01:00:00Z", "2026-01-01T01:15:00Z"]),
        ("5/20 3 * * *", "2026-01-01T00:00:00Z", ["2026-01-01T03:05:00Z", "2026-01-01T03:25:00Z"]),
        ("0 9-17/4 * * *", "2026-01-01T10:00:00Z", ["2026-01-01T13:00:00Z", "2026-01-01T17:00:00Z"]),
        ("0 0 1,15 * *", "2026-01-02T00:00:00Z", ["2026-01-15T00:00:00Z", "2026-02-01T00:00:00Z"]),
        ("30 6 * * mon-fri", "2026-01-02T07:00:00Z", ["2026-01-05T06:30:00Z", "2026-01-06T06:30:00Z"]),
        ("0 0 ? JAN,Jul SUN", "2026-01-20T00:00:00Z", ["2026-01-25T00:00:00Z", "2026-07-05T00:00:00Z"]),
        ("0 0 13 * 5", "2026-02-01T00:00:00Z", ["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"]),
        ("0 0 */2 * 1", "2026-01-01T00:00:00Z", ["2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z"]),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("@hourly", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]),
        ("@daily", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
        ("@weekly", "2026-01-01T00:00:00Z", ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]),
        ("@monthly", "2026-01-01T00:00:00Z", ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]),
        ("@yearly", "2026-01-01T00:00:00Z", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        ("@every 90m", "2026-01-01T00:00:10Z", ["2026-01-01T01:30:10Z", "2026-01-01T03:00:10Z"]),
        ("0 0 31 2 *", "2026-01-01T00:00:00Z", []),
    ],
)
def test_times_that_follow(schedule: str, begin: str, expected: list[str]) -> None:
    assert runs(schedule, begin, 2) == expected


def test_a_zone_decides_when_midnight_is() -> None:
    assert runs("0 0 * * *", "2026-07-01T00:00:00Z", 1, "Europe/Berlin") == ["2026-07-01T22:00:00Z"]
    assert runs("0 0 * * *", "2026-01-01T00:00:00Z", 1, "Asia/Kolkata") == ["2026-01-01T18:30:00Z"]


def test_an_hour_that_is_skipped_has_no_run_and_one_that_comes_twice_has_two() -> None:
    assert runs("30 2 * * *", "2026-03-28T12:00:00Z", 1, "Europe/Berlin") == ["2026-03-30T00:30:00Z"]
    assert runs("30 2 * * *", "2026-10-24T12:00:00Z", 3, "Europe/Berlin") == [
        "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "begin", "end", "expected"),
    [
        ("* * * * *", "2024-01-01T00:00:00Z", "2026-01-01T00:00:30Z", "2026-01-01T00:00:00Z"),
        ("0 0 1 1 *", "2020-06-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("@every 7m", "2026-01-01T00:00:00Z", "2026-01-01T00:20:00Z", "2026-01-01T00:14:00Z"),
        ("0 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:59:00Z", None),
        ("@every 7m", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", None),
    ],
)
def test_the_latest_time_up_to_now(schedule: str, begin: str, end: str, expected: str | None) -> None:
    found = cron.parse(schedule).latest(parse_time(begin), parse_time(end))
    assert found == (None if expected is None else datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("0 0 0 * * *", "expected exactly 5 fields, found 6: [0 0 0 * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/1/2 * * * *", "too many slashes: */1/2"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("* * * january *", 'failed to parse int from january: strconv.Atoi: parsing "january": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
    ],
)
def test_what_is_no_schedule_says_why(schedule: str, message: str) -> None:
    with pytest.raises(cron.ScheduleError) as caught:
        cron.parse(schedule)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "", "Europe//Berlin", "-UTC", "a" * 15])
def test_what_is_no_zone_is_named(name: str) -> None:
    with pytest.raises(cron.UnknownZone, match="unknown time zone"):
        cron.zone_of(name)
