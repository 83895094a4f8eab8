"""What is said about Jobs, and sets of indexes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.api import jobs
from common.api.indexes import format_indexes, known_indexes, parse_indexes
from common.api.meta import Object

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def job(*true: str, spec: Object | None = None, **status: Any) -> Object:
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T11:00:00Z"} for kind in true]
    return {"metadata": {"name": "j"}, "spec": spec or {}, "status": {"conditions": conditions, **status}}


@pytest.mark.parametrize(
    ("obj", "word"),
    [
        (job(), "Running"),
        (job("SuccessCriteriaMet"), "SuccessCriteriaMet"),
        (job("SuccessCriteriaMet", "Complete"), "Complete"),
        (job("FailureTarget"), "FailureTarget"),
        (job("FailureTarget", "Failed"), "Failed"),
        (job("Suspended"), "Suspended"),
        ({**job(), "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "Terminating"),
    ],
)
def test_one_word_says_how_it_stands(obj: Object, word: str) -> None:
    assert jobs.status_word(obj) == word


def test_completions_tell_a_work_queue_apart() -> None:
    assert jobs.completions(job(spec={"completions": 5}, succeeded=2)) == "2/5"
    assert jobs.completions(job(spec={"parallelism": 3}, succeeded=1)) == "1/1 of 3"
    assert jobs.completions(job(spec={"parallelism": 1})) == "0/1"


def test_it_takes_until_it_is_complete_or_until_now() -> None:
    started = {"startTime": "2026-01-01T11:59:00Z"}
    assert jobs.duration(job(), NOW) is None
    assert str(jobs.duration(job(**started), NOW)) == "0:01:00"
    assert str(jobs.duration(job(**started, completionTime="2026-01-01T11:59:05Z"), NOW)) == "0:00:05"
    assert jobs.finish_time(job("Failed")) == NOW.replace(hour=11)
    assert jobs.finish_time(job("FailureTarget")) is None


CRONJOB: Object = {
    "metadata": {"name": "report", "namespace": "default", "uid": "u1"},
    "spec": {
        "jobTemplate": {
            "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {"completions": 2},
        }
    },
}


def test_a_scheduled_job_is_named_after_its_minute_and_says_its_time_in_the_schedules_zone() -> None:
    made = jobs.scheduled(CRONJOB, datetime(2026, 1, 1, 7, 30, tzinfo=ZoneInfo("Europe/Berlin")))
    assert made["metadata"]["name"] == "report-29454150"
    assert made["metadata"]["annotations"] == {"c": "d", jobs.SCHEDULED_AT: "2026-01-01T07:30:00+01:00"}
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["metadata"]["ownerReferences"][0]["controller"] is True
    assert made["spec"] == {"completions": 2}
    plain = jobs.scheduled(CRONJOB, datetime(2026, 1, 1, 6, 30, tzinfo=UTC))
    assert plain["metadata"]["annotations"][jobs.SCHEDULED_AT] == "2026-01-01T06:30:00Z"


def test_a_triggered_job_says_that_a_person_made_it_and_its_name_fits() -> None:
    long = {**CRONJOB, "metadata": {**CRONJOB["metadata"], "name": "x" * 52}}
    made = jobs.triggered(long, "abcde")
    assert made["metadata"]["name"] == "x" * 50 + "-manual-abcde"
    assert made["metadata"]["annotations"][jobs.INSTANTIATE] == "manual"


@pytest.mark.parametrize(
    ("indexes", "text"),
    [([], ""), ([3], "3"), ([1, 2], "1,2"), ([1, 2, 3], "1-3"), ([7, 1, 3, 4, 5], "1,3-5,7")],
)
def test_three_indexes_in_a_row_are_a_span(indexes: list[int], text: str) -> None:
    assert format_indexes(indexes) == text
    assert parse_indexes(text, 10) == set(indexes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", 'cannot convert string to integer for index: "x"'),
        ("1-x", 'cannot convert string to integer for index: "x"'),
        ("10", 'too large index: "10"'),
        ("1-10", 'too large index: "10"'),
        ("3-1", "non-increasing order, previous: 3, current: 1"),
        ("3,2", "non-increasing order, previous: 3, current: 2"),
        ("1-2-3", 'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts'),
    ],
)
def test_what_is_no_set_of_indexes_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_indexes(text, 10)


def test_indexes_that_a_smaller_job_lacks_are_left_out() -> None:
    assert known_indexes("0,2-5,9", 4) == {0, 2, 3}
