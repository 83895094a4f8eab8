"""trigger, suspend and resume against a real API server, and kubectl's create beside them."""

from __future__ import annotations

import json

import pytest

from console.cli.exits import Exit

from .conftest import Command

CREATE = ("create", "cronjob", "report", "--image=app:1", "--schedule=@daily", "--", "report")


@pytest.mark.kubectl
async def test_a_cronjob_is_triggered_as_kubectl_does_it(quarterdeck: Command, kubectl: Command) -> None:
    assert (await kubectl(*CREATE)).code == Exit.OK
    done = await quarterdeck("trigger", "cronjob/report")
    assert done.out.startswith("job.batch/report-manual-")
    assert done.out.endswith(" created from cronjob.batch/report\n")
    assert (await kubectl("create", "job", "by-hand", "--from=cronjob/report")).code == Exit.OK
    names = [done.out.split()[0].partition("/")[2], "by-hand"]
    ours, theirs = json.loads((await kubectl("get", "job", *names, "-o", "json")).out)["items"]
    assert ours["metadata"]["annotations"] == theirs["metadata"]["annotations"]
    assert [ref["name"] for ref in ours["metadata"]["ownerReferences"]] == ["report"]
    for job in (ours, theirs):
        del job["spec"]["selector"], job["spec"]["template"]["metadata"]
    assert ours["spec"] == theirs["spec"]


@pytest.mark.kubectl
async def test_jobs_and_cronjobs_stand_still_and_go_on(quarterdeck: Command, kubectl: Command) -> None:
    await kubectl(*CREATE)
    await kubectl("create", "job", "import", "--image=app:1")
    done = await quarterdeck("suspend", "cronjob/report", "job/import")
    assert done.out.splitlines() == ["cronjob.batch/report suspended", "job.batch/import suspended"]
    told = await quarterdeck("resume", "job", "import", "-o", "json")
    assert json.loads(told.out)["spec"]["suspend"] is False
    assert json.loads((await kubectl("get", "cronjob", "report", "-o", "json")).out)["spec"]["suspend"] is True


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("trigger", "job/import"), Exit.USAGE, "only a CronJob can be triggered, not a Job"),
        (("suspend", "deploy/web"), Exit.USAGE, "only Jobs and CronJobs can be suspended, not a Deployment"),
        (("trigger", "cronjob"), Exit.USAGE, "name the object"),
        (("trigger", "cronjob/none"), Exit.FAILED, 'cronjobs.batch "none" not found'),
    ],
)
async def test_what_cannot_be_is_said(words: tuple[str, ...], code: Exit, message: str, quarterdeck: Command) -> None:
    done = await quarterdeck(*words)
    assert done.code == code
    assert message in done.err
