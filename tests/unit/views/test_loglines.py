"""What a line of a log says of itself."""

from __future__ import annotations

import json

import pytest

from console.views.loglines import Level, continues, level_of, parse, pretty

LEVELS = [
    ('{"level":"warn","msg":"slow"}', Level.WARN),
    ('{"severity":"ERROR","message":"x"}', Level.ERROR),
    ('{"level":50,"msg":"pino"}', Level.ERROR),
    ('{"level":60,"msg":"pino"}', Level.FATAL),
    ('{"level":5,"msg":"none of pino\'s"}', Level.UNKNOWN),
    ('{"level":true}', Level.UNKNOWN),
    ('{"log":{"level":"debug"}}', Level.DEBUG),
    ('{"msg":"an error in words is none"}', Level.UNKNOWN),
    ('{"level":"error", cut', Level.ERROR),
    ("ts=1 level=warn msg=x", Level.WARN),
    ('time="…" level="error"', Level.ERROR),
    ("E1122 09:14:02.000000 1 reflector.go:1] failed", Level.ERROR),
    ("W1122 09:14:02.000000 1 x.go:1] hm", Level.WARN),
    ("I1122 09:14:02.000000 1 x.go:1] fine", Level.INFO),
    ("Every day has letters", Level.UNKNOWN),
    ("2026/11/22 09:14:02 [warn] 1#1: *3 upstream", Level.WARN),
    ("2026-11-22 09:14:02,001 - app - CRITICAL - gone", Level.FATAL),
    ("ERROR connection refused", Level.ERROR),
    ("error: no such file", Level.ERROR),
    ("DEBUG:root:here", Level.DEBUG),
    ("panic: runtime error", Level.FATAL),
    ("Traceback (most recent call last):", Level.ERROR),
    ("no error was found, and no warning", Level.UNKNOWN),
    ("GET /error HTTP/1.1 200", Level.UNKNOWN),
    ("GET /ERROR/x HTTP/1.1 200", Level.UNKNOWN),
    ("", Level.UNKNOWN),
    ("x" * 300 + " ERROR far behind", Level.UNKNOWN),
]


@pytest.mark.parametrize(("text", "level"), LEVELS)
def test_a_line_is_as_serious_as_it_says(text: str, level: Level) -> None:
    assert level_of(text) is level


def test_the_time_of_the_api_is_no_part_of_the_text() -> None:
    assert parse(b"2026-11-22T09:14:02.000000001Z hello  there") == ("2026-11-22T09:14:02.000000001Z", "hello  there")
    assert parse(b"2026-11-22T09:14:02.000000001Z") == ("2026-11-22T09:14:02.000000001Z", "")
    assert parse(b"2026-11-22T09:14:02.000000001Z ") == ("2026-11-22T09:14:02.000000001Z", "")


@pytest.mark.parametrize("raw", [b"\x1b[2J\x1b[31mred", b"\x9b2Jred", b"\x1b]0;t\x07red", b"\rred\x08\x00"])
def test_nothing_of_a_line_steers_the_terminal(raw: bytes) -> None:
    assert parse(raw).text.replace("\ufffd2J", "") == "red"


def test_json_is_spread_over_lines_with_what_it_says_first() -> None:
    line = json.dumps(
        {
            "ts": 1,
            "level": "error",
            "msg": "it broke",
            "user": {"id": 7, "tags": ["a"]},
            "stack": "one\n\ttwo",
            "n": None,
        }
    )
    assert pretty(line) == [
        "ERROR it broke",
        "  user: {",
        '    "id": 7,',
        '    "tags": [',
        '      "a"',
        "    ]",
        "  }",
        "  stack: one",
        "          two",
        "  n: null",
        "  ts: 1",
    ]


@pytest.mark.parametrize("text", ["[1, 2]", "7", "plain", "{cut", "{" * 5000, '{"a":' * 100_000])
def test_what_is_no_object_stays_one_line(text: str) -> None:
    assert pretty(text) is None


def test_escapes_that_json_hides_steer_nothing_either() -> None:
    assert pretty('{"msg":"\\u001b[2Jred","\\u001b[1mkey":"a\\u0007b"}') == ["red", "  key: ab"]


def test_an_empty_object_is_a_line_too() -> None:
    assert pretty("{}") == ["{}"]


def test_frames_of_a_stack_go_on_with_the_line_before() -> None:
    assert all(continues(text) for text in ("  at x.y(z)", "\tat x", "Caused by: e", "goroutine 1 [running]:"))
    assert not continues("INFO next")
