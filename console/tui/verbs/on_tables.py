"""Which verb each action on a table is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from console.tui.stage import TableStage

from . import batch, change, edit, history, keys, look, machine, reach, tables

_VERBS: Mapping[str, Callable[[TableStage], Coroutine[Any, Any, None]]] = {
    "logs": look.logs,
    "logs.previous": look.previous_logs,
    "shell": look.shell,
    "attach": look.attach,
    "host.shell": look.host_shell,
    "debug": reach.debug,
    "forward": reach.forward,
    "forwards": reach.forwards,
    "container.copy": reach.copy,
    "describe": look.describe,
    "yaml": look.yaml,
    "events": look.events,
    "why": look.why,
    "chart": look.chart,
    "xray": look.xray,
    "history": history.timeline,
    "write.undo": history.undo,
    "change.undo": history.undo,
    "owner": look.owner,
    "node": look.node,
    "rollout": look.rollout,
    "scale": change.scale,
    "scale.up": partial(change.scale_by, step=1),
    "scale.down": partial(change.scale_by, step=-1),
    "restart": change.restart,
    "undo": change.undo,
    "image": change.image,
    "keys": keys.keys,
    "trigger": batch.trigger,
    "suspend": batch.suspend,
    "cordon": partial(change.cordon, cordoned=True),
    "uncordon": partial(change.cordon, cordoned=False),
    "drain": change.drain,
    "adopt": change.adopt,
    "machine": machine.machine,
    "edit": edit.edit,
    "delete": change.delete,
    "save": tables.save,
    "name.copy": tables.copy_names,
    "config.copy": tables.copy_names,
    "used-by": tables.used_by,
    "favourite": tables.favourite,
}
NAMES = frozenset(_VERBS)
"""The ids of their actions."""


def for_table(browse: TableStage) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    """Handlers by action id."""
    return {name: partial(verb, browse) for name, verb in _VERBS.items()}
