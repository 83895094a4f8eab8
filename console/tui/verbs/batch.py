"""Verbs of Jobs and CronJobs: run one now, make them stand still, let them go on."""

from __future__ import annotations

from common.api import jobs, kinds
from common.api.meta import Object
from console.tui import operations
from console.tui.screens.dialogs import Confirm, wrapped
from console.tui.stage import TableStage

from .bulk import NARROWEST, each, listed


async def trigger(browse: TableStage) -> None:
    """Run the CronJobs now, once, whatever their schedule says."""
    targets = browse.targets()
    if not targets:
        return
    body = [
        *listed(targets),
        *wrapped("A Job of each starts now." if len(targets) > 1 else "A Job of it starts now.", NARROWEST),
        *wrapped("The schedule goes on as before; the run counts for the history like any other.", NARROWEST),
    ]
    if not await browse.app.push_screen_wait(Confirm(browse.session.look, "Run now", body, "Run", danger=False)):
        return
    await each(
        browse, targets, lambda cronjob: operations.trigger(browse.session.gateway, cronjob), "starting", "started:"
    )


async def suspend(browse: TableStage) -> None:
    """Make the Jobs or CronJobs stand still, or let them go on when the one under the cursor stands still."""
    targets = browse.targets()
    if not targets:
        return
    resource = browse.view.resource
    suspended = not jobs.is_suspended(targets[0])
    title, verb = ("Suspend", "Suspend") if suspended else ("Resume", "Resume")
    consequence = _consequence(targets, scheduled=resource == kinds.CRONJOBS, suspended=suspended)
    body = [*listed(targets), *wrapped(consequence, NARROWEST)]
    asked = Confirm(browse.session.look, title, body, verb, danger=suspended)
    if not await browse.app.push_screen_wait(asked):
        return

    async def work(obj: Object) -> None:
        await operations.suspend(browse.session.gateway, resource, obj, suspended=suspended)

    done = "suspended" if suspended else "going on"
    await each(browse, targets, work, done, f"{{}}: {done}")


def _consequence(targets: list[Object], *, scheduled: bool, suspended: bool) -> str:
    if scheduled and suspended:
        return "No new Job starts on schedule; those that run go on."
    if scheduled:
        return "Jobs start on schedule again. A run missed meanwhile starts at once, unless its deadline passed."
    if suspended:
        active = sum(int((obj.get("status") or {}).get("active") or 0) for obj in targets)
        return f"Its active pods ({active}) are deleted and count as neither done nor failed; what is done stays done."
    return "Pods are made again until everything is done; the clock of its deadline starts anew."
