"""Jobs and CronJobs: defaults, generated selectors, every rule, and what may change."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import CRONJOBS, JOBS
from common.api.meta import Object, labels
from console.registry.row import Row

from .builders import NOW, causes, changed, container, created, named, row, update_causes, updated


def job(**spec: Any) -> Object:
    template = {"spec": {"restartPolicy": "Never", "containers": [container()]}}
    return named("pi", spec={"template": template, **spec})


def indexed(**spec: Any) -> Object:
    return job(completionMode="Indexed", completions=5, **spec)


def cronjob(**spec: Any) -> Object:
    return named("tick", spec={"schedule": "*/5 * * * *", "jobTemplate": {"spec": job()["spec"]}, **spec})


def test_a_job_is_one_pod_unless_it_says_otherwise() -> None:
    spec = created(JOBS, job())["spec"]
    assert {name: value for name, value in spec.items() if name not in {"selector", "template"}} == {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"parallelism": 3}, {"parallelism": 3, "completions": None}),
        ({"completions": 3}, {"parallelism": 1, "completions": 3}),
        ({"completionMode": "Indexed", "completions": 2, "backoffLimitPerIndex": 1}, {"backoffLimit": 2**31 - 1}),
        ({"podFailurePolicy": {"rules": []}}, {"podReplacementPolicy": "Failed"}),
    ],
)
def test_defaults_follow_from_what_is_given(spec: Object, expected: Object) -> None:
    found = created(JOBS, job(**spec))["spec"]
    assert {name: found.get(name) for name in expected} == expected


def test_selector_and_labels_are_generated_from_the_uid() -> None:
    found = created(JOBS, job())
    uid = found["metadata"]["uid"]
    generated = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "pi",
        "controller-uid": uid,
        "job-name": "pi",
    }
    assert found["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert found["spec"]["template"]["metadata"]["labels"] == generated
    assert labels(found) == generated


def test_a_jobs_own_labels_stay_and_those_of_the_template_are_kept() -> None:
    obj = job()
    obj["metadata"]["labels"] = {"mine": "1"}
    obj["spec"]["template"]["metadata"] = {"labels": {"app": "pi"}}
    found = created(JOBS, obj)
    assert labels(found) == {"mine": "1"}
    assert found["spec"]["template"]["metadata"]["labels"]["app"] == "pi"


def test_a_selector_of_ones_own_needs_manual_selector() -> None:
    obj = job(selector={"matchLabels": {"app": "pi"}})
    obj["spec"]["template"]["metadata"] = {"labels": {"app": "pi"}}
    assert any("`selector` not auto-generated" in cause for cause in causes(JOBS, obj))
    manual = changed(obj, "spec.manualSelector", True)
    assert created(JOBS, manual)["spec"]["selector"] == {"matchLabels": {"app": "pi"}}
    assert any("spec.selector: Required value" in cause for cause in causes(JOBS, job(manualSelector=True)))


def rules(**rule: Any) -> Object:
    return {"rules": [rule]}


CODES = {"operator": "In", "values": [1, 2]}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (job(parallelism=-1), "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"),
        (job(backoffLimit=-1), "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"),
        (
            job(template={"spec": {"containers": [container()]}}),
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (
            job(completionMode="Other"),
            'spec.completionMode: Unsupported value: "Other": supported values: "NonIndexed", "Indexed"',
        ),
        (job(completionMode="Indexed", parallelism=2), "spec.completions: Required value: when completion mode is Ind"),
        (indexed(parallelism=100_001), "must be less than or equal to 100000 when completion mode is Indexed"),
        (job(backoffLimitPerIndex=1), "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
        (
            indexed(maxFailedIndexes=1),
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
        ),
        (
            indexed(maxFailedIndexes=6, backoffLimitPerIndex=1),
            "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions",
        ),
        (
            job(podFailurePolicy=rules(action="Never", onExitCodes=CODES)),
            'action: Unsupported value: "Never": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
        ),
        (
            job(podFailurePolicy=rules(action="FailIndex", onExitCodes=CODES)),
            "requires the backoffLimitPerIndex to be set",
        ),
        (
            job(podFailurePolicy=rules(action="Count")),
            "rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        ),
        (
            job(podFailurePolicy=rules(action="Count", onExitCodes={"operator": "In", "values": [0]})),
            "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (
            job(podFailurePolicy=rules(action="Count", onExitCodes={"operator": "In", "values": [3, 2]})),
            "must be ordered",
        ),
        (
            job(podFailurePolicy=rules(action="Count", onExitCodes={**CODES, "containerName": "other"})),
            "must be one of the container or initContainer names in the pod template",
        ),
        (
            job(podFailurePolicy=rules(action="Count", onExitCodes=CODES), podReplacementPolicy="TerminatingOrFailed"),
            'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
        ),
        (job(podReplacementPolicy="Never"), 'spec.podReplacementPolicy: Unsupported value: "Never"'),
        (job(successPolicy=rules(succeededCount=1)), "requires indexed completion mode"),
        (
            indexed(successPolicy={"rules": []}),
            "at least one rules must be specified when the successPolicy is specified",
        ),
        (indexed(successPolicy=rules()), "at least one of succeededCount or succeededIndexes must be specified"),
        (
            indexed(successPolicy=rules(succeededIndexes="0,7")),
            'succeededIndexes: Invalid value: "0,7": error parsing succeededIndexes: too large index: "7"',
        ),
        (
            indexed(successPolicy=rules(succeededIndexes="0-2", succeededCount=4)),
            "must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)",
        ),
        (job(managedBy="queue"), "spec.managedBy: Invalid value"),
    ],
)
def test_a_wrong_job_is_told_where(obj: Object, expected: str) -> None:
    assert any(expected in cause for cause in causes(JOBS, obj)), causes(JOBS, obj)


def test_an_indexed_job_whose_pods_could_have_no_host_name_is_refused() -> None:
    obj = indexed()
    obj["metadata"]["name"] = "x" * 62
    assert any("will not able to create pod with invalid DNS label" in cause for cause in causes(JOBS, obj))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.selector", {"matchLabels": {}}),
        ("spec.template.spec.containers.0.image", "other:1"),
        ("spec.completionMode", "Indexed"),
        ("spec.completions", 7),
        ("spec.podFailurePolicy", rules(action="Count", onExitCodes=CODES)),
        ("spec.managedBy", "example.com/queue"),
    ],
)
def test_what_a_job_does_is_fixed(path: str, value: Any) -> None:
    old = created(JOBS, job(podReplacementPolicy="Failed"))
    found = update_causes(JOBS, changed(old, path, value), old)
    assert any(cause.startswith(path[: path.find(".", 5)] if "template" in path else path) for cause in found), found
    assert any("field is immutable" in cause for cause in found)


@pytest.mark.parametrize(
    ("path", "value"),
    [("spec.parallelism", 4), ("spec.suspend", True), ("spec.backoffLimit", 9), ("spec.activeDeadlineSeconds", 5)],
)
def test_how_fast_a_job_does_it_may_change(path: str, value: Any) -> None:
    old = created(JOBS, job())
    assert update_causes(JOBS, changed(old, path, value), old) == []


def test_an_indexed_job_grows_with_its_parallelism() -> None:
    old = created(JOBS, indexed(parallelism=5))
    grown = changed(changed(old, "spec.completions", 7), "spec.parallelism", 7)
    assert update_causes(JOBS, grown, old) == []
    alone = update_causes(JOBS, changed(old, "spec.completions", 7), old)
    assert alone == ["spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.template.spec.nodeSelector", {"zone": "a"}),
        ("spec.template.spec.tolerations", [{"key": "a", "operator": "Exists"}]),
        ("spec.template.metadata.annotations", {"a": "b"}),
        ("spec.template.spec.containers.0.resources", {"requests": {"cpu": "1"}}),
    ],
)
def test_a_suspended_job_may_be_sent_elsewhere(path: str, value: Any) -> None:
    old = created(JOBS, job(suspend=True))
    assert update_causes(JOBS, changed(old, path, value), old) == []
    running = created(JOBS, job())
    assert any("immutable" in cause for cause in update_causes(JOBS, changed(running, path, value), running))


def finished(**status: Any) -> Object:
    return {
        "startTime": "2026-01-01T12:00:00Z",
        "completionTime": "2026-01-01T12:00:10Z",
        "succeeded": 1,
        "uncountedTerminatedPods": {},
        "conditions": [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")],
        **status,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"succeeded": -1}, "status.succeeded: Invalid value: -1: must be greater than or equal to 0"),
        ({"uncountedTerminatedPods": {"failed": ["a", "a"]}}, 'failed[1]: Duplicate value: "a"'),
        ({"completedIndexes": "1"}, "cannot set non-empty completedIndexes when non-indexed completion mode"),
        ({"failedIndexes": ""}, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"),
        (finished(active=1), "status.active: Invalid value: 1: active>0 is invalid for finished job"),
        (finished(terminating=1), "terminating>0 is invalid for finished job"),
        (finished(startTime=None), "status.startTime: Required value: startTime is required for finished job"),
        (finished(completionTime=None), "completionTime is required for Complete jobs"),
        (finished(completionTime="2026-01-01T11:00:00Z"), "completionTime cannot be set before startTime"),
        (
            finished(conditions=[{"type": "Complete", "status": "True"}]),
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
    ],
)
def test_a_status_that_cannot_be_is_refused(status: Object, expected: str) -> None:
    old = created(JOBS, job())
    given = {name: value for name, value in status.items() if value is not None}
    found = update_causes(JOBS, {**old, "status": given}, old, "status")
    assert any(expected in cause for cause in found), found


def test_counters_never_go_back_and_an_end_is_an_end() -> None:
    made = created(JOBS, job())
    old = updated(JOBS, {**made, "status": finished()}, made, "status")
    back = {**old, "status": {**finished(), "succeeded": 0, "conditions": []}}
    found = update_causes(JOBS, back, old, "status")
    assert any("cannot decrease the succeeded counter" in cause for cause in found)
    assert any("cannot disable the terminal Complete=True condition" in cause for cause in found)


def test_a_cronjob_gets_its_defaults_and_its_template_only_those_of_pods() -> None:
    spec = created(CRONJOBS, cronjob())["spec"]
    assert (spec["concurrencyPolicy"], spec["suspend"]) == ("Allow", False)
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 1)
    assert "completions" not in spec["jobTemplate"]["spec"]
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (cronjob(schedule=""), "spec.schedule: Required value"),
        (
            cronjob(schedule="* * * *"),
            'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]',
        ),
        (
            cronjob(schedule="TZ=UTC 0 0 * * *"),
            '"TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
        ),
        (cronjob(timeZone=""), 'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'),
        (cronjob(timeZone="Mars/Base"), 'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        (cronjob(timeZone="local"), "timeZone must be an explicit time zone as defined in"),
        (
            cronjob(concurrencyPolicy="Maybe"),
            'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
        ),
        (cronjob(startingDeadlineSeconds=-1), "spec.startingDeadlineSeconds: Invalid value: -1"),
        (
            cronjob(jobTemplate={"spec": job(selector={"matchLabels": {"a": "b"}})["spec"]}),
            "`selector` will be auto-generated",
        ),
        (
            cronjob(jobTemplate={"spec": {"template": {"spec": {"containers": [container()]}}}}),
            "spec.jobTemplate.spec.template.spec.restartPolicy: Required value",
        ),
        ({**cronjob(), "metadata": {"name": "x" * 53, "namespace": "default"}}, "must be no more than 52 characters"),
    ],
)
def test_a_wrong_cronjob_is_told_where(obj: Object, expected: str) -> None:
    assert any(expected in cause for cause in causes(CRONJOBS, obj)), causes(CRONJOBS, obj)


def shown(of: Row, obj: Object) -> dict[str, Any]:
    return {column.name: column.value(obj, NOW) for column in of.columns if column.priority == 0}


def test_tables_show_what_kubectl_shows() -> None:
    made = created(JOBS, indexed())
    made["status"] = {"startTime": "2026-01-01T11:59:00Z", "succeeded": 2}
    assert shown(row(JOBS), made) == {
        "Name": "pi", "Status": "Running", "Completions": "2/5", "Duration": "60s", "Age": "0s",
    }  # fmt: skip
    tick = created(CRONJOBS, cronjob(timeZone="Europe/Berlin"))
    tick["status"] = {"lastScheduleTime": "2026-01-01T11:55:00Z", "active": [{"name": "tick-1"}]}
    assert shown(row(CRONJOBS), tick) == {
        "Name": "tick", "Schedule": "*/5 * * * *", "Timezone": "Europe/Berlin", "Suspend": "False", "Active": 1,
        "Last Schedule": "5m", "Age": "0s",
    }  # fmt: skip
