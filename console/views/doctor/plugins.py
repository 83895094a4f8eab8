"""What is wrong with controllers that other packages bring."""

from __future__ import annotations

from collections.abc import Iterator

from common.api.kinds import PLUGINS
from common.api.meta import Object

from .finding import Finding, Severity, of


def of_plugin(plugin: Object) -> Iterator[Finding]:
    status = plugin.get("status") or {}
    if status.get("phase") != "Failing":
        return
    why = str(status.get("message") or "it ends as soon as it is started")
    if "forbidden" in why.lower():
        advice = f"bind a Role that allows it to the user {status.get('user')}"
    else:
        advice = f"the log of the control plane has more; {status.get('package')} is whose it is"
    yield of(plugin, PLUGINS, Severity.WARNING, "PluginFailing", why, advice, str(status.get("since") or ""))
