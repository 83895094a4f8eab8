"""The Jobs and CronJobs of the believable cluster. None of them has pods, so that other pictures stay as they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from common.api import kinds
from common.api.meta import Object, controller_reference, format_time
from tests.fakes.api import FakeApi


def add_batch(api: FakeApi, now: datetime) -> None:
    """A backup with its history, a report that is suspended, an import under way and one that failed."""
    backup = _seed(api, kinds.CRONJOBS, "nightly-backup", now, 2000.0, {
        "spec": {
            "schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "concurrencyPolicy": "Forbid", "suspend": False,
            "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {"template": _template("tools/restic:0.18")}},
        },
        "status": {
            "lastScheduleTime": "2026-11-22T01:30:00Z", "lastSuccessfulTime": "2026-11-22T01:34:12Z",
        },
    })  # fmt: skip
    _seed(api, kinds.CRONJOBS, "weekly-report", now, 700.0, {
        "spec": {
            "schedule": "@weekly", "concurrencyPolicy": "Allow", "suspend": True, "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1, "jobTemplate": {"spec": {"template": _template("shop/report:2")}},
        },
        "status": {},
    })  # fmt: skip
    owner = controller_reference(backup, "batch/v1", "CronJob")
    _job(api, now, "nightly-backup-29402010", 7.7, succeeded=1, took=252, owner=owner)
    _job(api, now, "import-catalogue", 0.2, completions=40, parallelism=4, active=4, ready=4, succeeded=17, failed=2)
    _job(api, now, "migrate-ledger", 5.0, failed=7, reason="BackoffLimitExceeded")
    _job(api, now, "thumbnails", 30.0, completions=200, succeeded=60, suspend=True)


def _template(image: str) -> Object:
    return {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}}


def _seed(api: FakeApi, resource: kinds.Resource, name: str, now: datetime, hours: float, rest: Object) -> Object:
    created = format_time(now - timedelta(hours=hours))
    metadata = {"name": name, "namespace": "default", "creationTimestamp": created, **rest.pop("metadata", {})}
    made = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **rest}
    return api.seed(resource, made)


def _job(api: FakeApi, now: datetime, name: str, hours: float, **figures: Any) -> None:
    start = now - timedelta(hours=hours)
    spec = {
        "completions": figures.pop("completions", 1), "parallelism": figures.pop("parallelism", 1), "backoffLimit": 6,
        "completionMode": "NonIndexed", "suspend": figures.pop("suspend", False),
        "template": _template(f"tools/{name.rpartition('-')[0] or name}:1"),
    }  # fmt: skip
    took, owner, reason = figures.pop("took", None), figures.pop("owner", None), figures.pop("reason", "")
    status: Object = {"startTime": format_time(start), **figures}
    if took is not None:
        end = format_time(start + timedelta(seconds=took))
        status |= {"completionTime": end, "conditions": [_condition("Complete", end, "CompletionsReached")]}
    if reason:
        status["conditions"] = [_condition("Failed", format_time(now), reason)]
    if spec["suspend"]:
        status["conditions"] = [_condition("Suspended", format_time(now), "JobSuspended")]
    metadata = {"ownerReferences": [owner]} if owner else {}
    _seed(api, kinds.JOBS, name, now, hours, {"metadata": metadata, "spec": spec, "status": status})


def _condition(kind: str, moment: str, reason: str) -> Object:
    return {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": moment}
