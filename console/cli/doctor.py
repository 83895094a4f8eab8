"""`doctor`: what is wrong with the cluster, the worst first, with the next step."""

from __future__ import annotations

import argparse
from datetime import datetime

from common.api import ages
from common.api.kinds import SECRETS
from common.clock import SystemClock
from console.views import doctor
from console.views.doctor import Finding, Severity

from . import arguments
from .context import Context
from .exits import Exit
from .output import columns, dump


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What is wrong with the cluster, the worst first, with its cause and the next step. Ends with 1 when something "
        "critical was found, so that scripts can ask."
    )
    arguments.output(parser, ("json", "yaml", "wide"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    served = {kind.resource for kind in context.kinds}
    objects = {item: context.api.get(item.path())["items"] for item in doctor.EXAMINED if item in served}
    objects[SECRETS] = context.api.get(SECRETS.path(), {"fieldSelector": doctor.TLS_SELECTOR})["items"]
    now = SystemClock().now()
    found = doctor.examine(objects, now)
    if args.output in {"json", "yaml"}:
        print(dump(doctor.document(found), args.output))
    else:
        print(render(found, now, wide=args.output == "wide"))
    critical = any(finding.severity is Severity.CRITICAL for finding in found)
    return Exit.FAILED if critical else Exit.OK


def render(found: list[Finding], now: datetime, *, wide: bool = False) -> str:
    """A line a finding; wide has the next step too."""
    if not found:
        return "nothing is wrong"
    rows = [
        (
            item.severity.name.lower(),
            item.problem,
            item.key.namespace or "-",
            item.about,
            ages.since(item.since, now) if item.since else "-",
            item.why,
            *((item.advice,) if wide else ()),
        )
        for item in found
    ]
    return columns(
        ("SEVERITY", "PROBLEM", "NAMESPACE", "OBJECT", "SINCE", "WHY", *(("WHAT TO DO",) if wide else ())), rows
    )
