"""Verbs of Jobs and CronJobs: run one now, make them stand still, let them go on."""

from __future__ import annotations

from common.api import jobs, kinds
from common.api.meta import Object
from console.tui import operations
from console.tui.screens.dialogs import Confirm, wrapped
from console.tui.stage import TableStage

from .change import NARROWEST, listed_names


async def trigger(browse: TableStage) -> None:
    """Run the CronJobs now, once, whatever their schedule says."""
    targets = browse.targets()
    if not targets:
        return
    body = [
        *wrapped(f"A Job of {listed_names(targets)} starts now.", NARROWEST),
        *wrapped("The schedule goes on as before; the run counts for the history like any other.", NARROWEST),
    ]
    if not await browse.app.push_screen_wait(Confirm(browse.session.look, "Run now", body, "Run", danger=False)):
        return
    made = [await operations.trigger(browse.session.gateway, cronjob) for cronjob in targets]
    browse.say(f"started: {', '.join(made)}")


async def suspend(browse: TableStage) -> None:
    """Make the Jobs or CronJobs stand still, or let them go on when the one under the cursor stands still."""
    targets = browse.targets()
    if not targets:
        return
    resource = browse.view.resource
    suspended = not jobs.is_suspended(targets[0])
    title, verb = ("Suspend", "Suspend") if suspended else ("Resume", "Resume")
    body = wrapped(_consequence(targets, scheduled=resource == kinds.CRONJOBS, suspended=suspended), NARROWEST)
    asked = Confirm(browse.session.look, f"{title} {listed_names(targets)}", body, verb, danger=suspended)
    if not await browse.app.push_screen_wait(asked):
        return
    for obj in targets:
        await operations.suspend(browse.session.gateway, resource, obj, suspended=suspended)
    browse.say(f"{listed_names(targets)}: {'suspended' if suspended else 'goes on'}")


def _consequence(targets: list[Object], *, scheduled: bool, suspended: bool) -> str:
    if scheduled and suspended:
        return "No new Job starts on schedule; those that run go on."
    if scheduled:
        return "Jobs start on schedule again. A run missed meanwhile starts at once, unless its deadline passed."
    if suspended:
        active = sum(int((obj.get("status") or {}).get("active") or 0) for obj in targets)
        return f"Its active pods ({active}) are deleted and count as neither done nor failed; what is done stays done."
    return "Pods are made again until everything is done; the clock of its deadline starts anew."
