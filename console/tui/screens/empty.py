"""What an empty table says: that it is still loading, that a filter hides everything, or what to do next. Pure."""

from __future__ import annotations

import difflib

from common.api import kinds
from console.tui.session import Session
from console.tui.table.model import TableModel
from console.tui.view import View
from console.views.status import Tone

Lines = list[tuple[str, Tone]]

_HOSTS: Lines = [
    ("No host is waiting to be adopted.", Tone.BRIGHT),
    ("", Tone.TEXT),
    ("Start an agent on a host of this network:", Tone.DIM),
    ("    sudo quarterdeck-agent run", Tone.LINK),
    ("It appears here within seconds: press a, type the code that it prints.", Tone.DIM),
    ("", Tone.TEXT),
    ("Or press i: a machine with an SSH server gets everything that it needs.", Tone.DIM),
]
_NO_NODES: Lines = [
    ("This cluster has no nodes yet, so nothing can run.", Tone.BRIGHT),
    ("", Tone.TEXT),
    ("1  Start an agent:  sudo quarterdeck-agent run", Tone.TEXT),
    ("2  Type  :discover  here, press  a  on it, type the code that it prints.", Tone.TEXT),
    ("   Or press  i  there: a machine with an SSH server gets all it needs.", Tone.TEXT),
    ("3  Apply a manifest:  quarterdeck apply -f app.yaml   (kubectl works too)", Tone.TEXT),
]
_NOTHING_RUNS: Lines = [
    ("Nothing runs here yet.", Tone.BRIGHT),
    ("", Tone.TEXT),
    ("Apply a manifest from another terminal:", Tone.DIM),
    ("    quarterdeck apply -f app.yaml", Tone.LINK),
    ("    kubectl apply -f app.yaml", Tone.LINK),
    ("", Tone.TEXT),
    (":nodes shows where it can run, :discover finds more hosts.", Tone.DIM),
]
TEXTS = (_HOSTS, _NO_NODES, _NOTHING_RUNS)
"""What tells people what to type."""


def notice(view: View, model: TableModel, session: Session, synced: bool, refusal: str, absent: bool) -> Lines:
    """The lines for a table without rows; `refusal` is what the API says when it does not let us look, or (`absent`)
    does not serve the kind."""
    if model.rows:
        return []
    if absent:
        name = view.resource.group_resource
        return [(f"This cluster has no {name}: it serves none, in this version or at all.", Tone.WARN)]
    if refusal and view.resource.namespaced and not view.namespaces:
        plural = view.resource.plural
        return [
            (f"You may not look at the {plural} of all namespaces.", Tone.BAD),
            ("", Tone.TEXT),
            (refusal, Tone.DIM),
            ("", Tone.TEXT),
            (f"Type  :{plural} NAMESPACE  for those of a namespace in which a role lets you.", Tone.TEXT),
        ]
    if refusal:
        return [
            (f"You may not look at {view.resource.plural}.", Tone.BAD),
            ("", Tone.TEXT),
            (refusal, Tone.DIM),
            ("", Tone.TEXT),
            (f"A role that may list and watch {view.resource.plural} lets you; who administers the cluster binds one.",
             Tone.TEXT),
        ]  # fmt: skip
    if not synced:
        return [("Reading from the API …" if not session.look.ascii else "Reading from the API ...", Tone.BUSY)]
    if model.total:
        hidden = f"{model.total} {view.resource.plural} are hidden by the filter; esc shows them."
        if model.faults_only and not model.query.text:
            hidden = f"No faults among {model.total} {view.resource.plural}; esc shows them all."
        return [(hidden, Tone.OK if model.faults_only else Tone.DIM)]
    if view.resource == kinds.HOSTS:
        return _HOSTS
    if view.scope is not None:
        return [(f"No {view.resource.plural} of {view.scope.label}.", Tone.DIM)]
    if session.facts.nodes == 0 and session.facts.nodes_known and session.synced:
        return _NO_NODES
    if view.namespaces:
        return _nothing_in(view, session)
    return _NOTHING_RUNS if view.resource in {kinds.PODS, kinds.DEPLOYMENTS} else [
        (f"No {view.resource.plural}.", Tone.DIM)
    ]  # fmt: skip


def _nothing_in(view: View, session: Session) -> Lines:
    known = session.namespaces()
    unknown = [name for name in view.namespaces if name not in known]
    if known and unknown:
        near = difflib.get_close_matches(unknown[0], known, 3)
        hint = f"near it: {', '.join(near)}" if near else ":ns lists those that there are"
        return [(f"There is no namespace {unknown[0]!r}; {hint}.", Tone.WARN)]
    many = "namespaces" if len(view.namespaces) > 1 else "namespace"
    return [(f"No {view.resource.plural} in {many} {view.place}; 0 shows all namespaces.", Tone.DIM)]
