"""The one list of what a user can do: id, keys, title, where it applies, help.

Footer, palette, help, key remapping and docs/keys.md all come from it, so none of them can be wrong about another.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """Kinds of screens. An action belongs to one or more."""

    TABLE = "tables"
    TEXT = "describe and YAML"
    LOGS = "logs"
    ROLLOUT = "rollout"
    WHY = "why"
    TIMELINE = "timeline"
    TOPOLOGY = "topology"
    FIT = "what-if"
    PULSES = "pulses"
    BALANCER = "load balancer"
    FORWARDS = "port-forwards"
    DRAIN = "drain"
    KEYS = "keys of a Secret or ConfigMap"
    DOCTOR = "doctor"
    CLUSTERS = "clusters"
    CHART = "chart"
    XRAY = "xray"
    THEMES = "themes"
    MANIFESTS = "manifests"


EVERYWHERE = frozenset(Where)
TABLE = frozenset({Where.TABLE})
WORKLOADS = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets", "replicationcontrollers"})
SCALABLE = "kinds with a scale subresource"
"""Stands among an action's kinds for a trait of the kind, not for its name."""
_SCALED = (WORKLOADS - {"daemonsets"}) | {SCALABLE}
_ROLLED_OUT = frozenset({"deployments", "statefulsets", "daemonsets"})
NO_TRAITS: frozenset[str] = frozenset()
FAVOURITES = range(1, 10)


@dataclass(frozen=True, slots=True)
class Action:
    """`kinds` are plural resource names (those of other people's kinds with their group) or traits, empty for all.
    `hint` orders the footer: lower comes first and stays longest, 0 is not shown. `keys` are Textual's names; the
    first one is shown. `writes`: it is not offered while the console is read-only. Actions of a `series` differ in
    their key alone: help says them once, with its name in place of the keys while they have those of the registry."""

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    where: frozenset[Where] = TABLE
    kinds: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    hint: int = 0
    group: str = "Objects"
    writes: bool = False
    series: str = ""

    def applies(self, where: Where, kind: str = "", traits: frozenset[str] = NO_TRAITS) -> bool:
        if where not in self.where:
            return False
        names = traits | {kind}
        return where is not Where.TABLE or ((not self.kinds or bool(self.kinds & names)) and not self.excluded & names)


_PODS = frozenset({"pods"})
_RUNNING = frozenset({"pods", "containers"})
_SCROLLED = frozenset(
    {
        Where.TABLE,
        Where.TEXT,
        Where.LOGS,
        Where.ROLLOUT,
        Where.WHY,
        Where.TIMELINE,
        Where.TOPOLOGY,
        Where.FIT,
        Where.PULSES,
        Where.BALANCER,
        Where.FORWARDS,
        Where.DRAIN,
        Where.KEYS,
        Where.DOCTOR,
        Where.CLUSTERS,
        Where.THEMES,
        Where.XRAY,
        Where.MANIFESTS,
    }
)
_MARKED = frozenset({Where.TABLE, Where.MANIFESTS})
_MANIFESTS = frozenset({Where.MANIFESTS})
_KEYS = frozenset({Where.KEYS})
_WITH_PODS = WORKLOADS | {"jobs", "services"}
_XRAY = frozenset({Where.XRAY})
_READ = frozenset({Where.TEXT, Where.LOGS})
_LOGS = frozenset({Where.LOGS})
_CHART = frozenset({Where.CHART, Where.PULSES})
_VIRTUAL = frozenset({"containers"})

ACTIONS: tuple[Action, ...] = (
    # moving
    Action("cursor.down", ("down", "j"), "down", "One row or line down.", _SCROLLED, group="Moving"),
    Action("cursor.up", ("up", "k"), "up", "One row or line up.", _SCROLLED, group="Moving"),
    Action("cursor.top", ("home", "g"), "top", "To the first row or line.", _SCROLLED, group="Moving"),
    Action("cursor.bottom", ("end", "G"), "bottom", "To the last row or line.", _SCROLLED, group="Moving"),
    Action("cursor.page-down", ("pagedown", "ctrl+f"), "page down", "One page down.", _SCROLLED, group="Moving"),
    Action("cursor.page-up", ("pageup", "ctrl+b"), "page up", "One page up.", _SCROLLED, group="Moving"),
    Action("back", ("escape",), "back", "Drop the filter, else go back to where you came from.", EVERYWHERE, hint=80,
           group="Moving"),
    Action("history.back", ("left_square_bracket",), "earlier view", "Back in the history of views.", group="Moving"),
    Action("history.forward", ("right_square_bracket",), "later view", "Forward in the history of views.",
           group="Moving"),
    Action("history.last", ("minus",), "last view", "Between this view and the one before. On a workload: scale down.",
           excluded=_SCALED, group="Moving"),
    # finding
    Action("command", ("colon",), "cmd", "Go to any kind: `:pods`, `:deploy shop,data` for two namespaces, `:svc /web` "
           "with a filter, `:discover`. Tab completes.", EVERYWHERE, hint=90, group="Finding"),
    Action("filter", ("slash",), "find", "Filter rows by a regular expression; `/!` the opposite, `/-l` labels, "
           "`/-f` letters in order.", hint=91, group="Finding"),
    Action("search", ("slash",), "find", "Search the text; n and N go from hit to hit.", _READ, hint=20,
           group="Finding"),
    Action("search.next", ("n",), "next hit", "To the next hit.", _READ, hint=21, group="Finding"),
    Action("search.previous", ("N",), "previous hit", "To the hit before.", _READ, group="Finding"),
    Action("namespaces.all", ("0",), "all namespaces", "Objects of all namespaces.", group="Finding"),
    *(Action(f"favourite.{number}", (str(number),), "favourite", "Objects of the namespace that has this number; `*` "
             "in `:ns` gives numbers.", group="Finding", series="1-9") for number in FAVOURITES),
    Action("favourite", ("asterisk",), "favourite", "Give the marked namespaces the next free numbers from 1 to 9, or "
           "take them away.", TABLE, frozenset({"namespaces"}), hint=2, group="Finding"),
    Action("faults", ("ctrl+z",), "faults", "Only what is wrong, and back to everything.", hint=60, group="Finding"),
    Action("wide", ("ctrl+w",), "wide", "More columns.", group="Finding"),
    Action("refresh", ("ctrl+r",), "refresh", "List everything again.", _MARKED | _KEYS, group="Finding"),
    Action("header", ("ctrl+e",), "header", "The tall header with gauges and keys, and back to one line.", EVERYWHERE,
           group="Finding"),
    Action("save", ("ctrl+s",), "save", "Write the table to a file, as CSV, JSON or YAML by its name.",
           group="Finding"),
    Action("name.copy", ("Y",), "copy name", "Copy the names of the marked rows to the clipboard of your terminal "
           "(OSC 52).", group="Finding"),
    Action("config.copy", ("c",), "copy name", "Copy the names, as `Y` does on all kinds.", TABLE,
           frozenset({"secrets", "configmaps"}), group="Finding"),
    Action("used-by", ("u",), "used by", "Who uses it, and what a change means for them.", TABLE,
           frozenset({"secrets", "configmaps"}), hint=3),
    Action("mark", ("space",), "mark", "Mark the row; actions then apply to all marked rows.", _MARKED,
           group="Finding"),
    Action("mark.range", ("ctrl+@", "ctrl+space"), "mark range", "Mark from the nearest mark to here.",
           _MARKED, group="Finding"),
    Action("mark.clear", ("ctrl+backslash",), "clear marks", "Remove all marks.", _MARKED,
           group="Finding"),
    # looking into an object
    Action("open", ("enter",), "open", "Drill in: deployment, pods, containers, logs; cronjob, jobs, pods; node, its "
           "pods; service, its endpoints.", hint=1),
    Action("logs", ("l",), "logs", "Follow the logs of all its containers, those that it makes later too; of "
           "all marked rows side by side.", TABLE, _RUNNING | _WITH_PODS, hint=2),
    Action("logs.previous", ("p",), "previous logs", "Logs of the container before its last restart.", TABLE,
           _RUNNING | _WITH_PODS),
    Action("shell", ("s",), "shell", "A shell in the container.", TABLE, _RUNNING, hint=3, writes=True),
    Action("host.shell", ("s",), "shell", "A shell on the host itself, where it allows that.", TABLE,
           frozenset({"nodes"}), hint=8, writes=True),
    Action("attach", ("a",), "attach", "Attach to the container's main process.", TABLE, _RUNNING, writes=True),
    Action("debug", ("D",), "debug", "Add a container of an image of your choice to the running pod and open a shell "
           "in it, for images that have none; it sees the processes of the container.", TABLE, _RUNNING, hint=34,
           writes=True),
    Action("forward", ("F",), "port-forward", "Lead a port of this machine to the pod, or to a ready pod of the "
           "Service or workload.", TABLE, frozenset({"pods", "services"}) | WORKLOADS, hint=31, writes=True),
    Action("forwards", ("f",), "forwards", "The port-forwards that run in this console; stops them.",
           excluded=frozenset({"hosts"})),
    Action("container.copy", ("c",), "copy", "Copy a file or folder to or from the container; needs tar in its image.",
           TABLE, _RUNNING, hint=32, writes=True),
    Action("forward.pod", ("enter",), "pod", "To the pod that new connections go to.", frozenset({Where.FORWARDS}),
           hint=1),
    Action("forward.stop", ("ctrl+d", "x"), "stop", "Stop the forward and cut what is open.",
           frozenset({Where.FORWARDS}), hint=2, group="Changing"),
    Action("describe", ("d",), "describe", "Everything about the object, in words.", excluded=_VIRTUAL, hint=4),
    Action("yaml", ("y",), "yaml", "The object as YAML.", excluded=_VIRTUAL, hint=12),
    Action("events", ("E",), "events", "Events of this object.", excluded=_VIRTUAL | {"events"}, hint=30),
    Action("chart", ("m",), "chart", "CPU and memory over time, of a Service requests and latency; up to two days "
           "back.", TABLE, frozenset({"nodes", "pods", "services"}), hint=33),
    Action("chart.range.0", ("0",), "15 min", "The last quarter of an hour.", _CHART, hint=2),
    Action("chart.range.1", ("1",), "1 hour", "The last hour.", _CHART, hint=3),
    Action("chart.range.2", ("2",), "6 hours", "The last six hours.", _CHART, hint=4),
    Action("chart.range.3", ("3",), "1 day", "The last day.", _CHART, hint=5),
    Action("chart.range.4", ("4",), "2 days", "The last two days.", _CHART, hint=6),
    Action("history", ("H",), "history", "What happened to this object and what was made of it: events and writes.",
           excluded=_VIRTUAL | {"events", "changes"}),
    Action("moment.open", ("enter",), "go there", "To the object under the cursor.", frozenset({Where.TIMELINE}),
           hint=1),
    Action("fault.next", ("n",), "next fault", "To the next warning or deletion.", frozenset({Where.TIMELINE}), hint=2),
    Action("fault.previous", ("N",), "fault before", "To the warning or deletion before.", frozenset({Where.TIMELINE}),
           hint=3),
    Action("block.open", ("enter",), "open", "To the pod or node that is selected.", frozenset({Where.TOPOLOGY}),
           hint=1),
    Action("block.next", ("right", "tab"), "next pod", "To the next pod, then to the next node.",
           frozenset({Where.TOPOLOGY}), hint=2),
    Action("block.previous", ("left", "shift+tab"), "pod before", "To the pod or node before.",
           frozenset({Where.TOPOLOGY}), hint=3),
    Action("pulse.open", ("enter",), "open", "To the objects of the kind: only the faults, where there are some.",
           frozenset({Where.PULSES}), hint=1),
    Action("endpoint.open", ("enter",), "pod", "To the pod behind the endpoint.", frozenset({Where.BALANCER}), hint=1),
    Action("endpoint.drain", ("r",), "drain", "Send nothing new to the endpoint, or let it have its part again.",
           frozenset({Where.BALANCER}), hint=2, group="Changing", writes=True),
    Action("endpoint.weight", ("s",), "weight", "Set the endpoint's part of what is new.",
           frozenset({Where.BALANCER}), hint=3, group="Changing", writes=True),
    Action("keys", ("e", "x"), "edit keys", "The keys of the Secret or ConfigMap: look at values one by one, edit, "
           "add, delete them, see who uses it.", TABLE, frozenset({"secrets", "configmaps"}), hint=2, group="Changing"),
    Action("key.edit", ("enter",), "set", "Type a new value in one line.", _KEYS, hint=1,
           group="Changing", writes=True),
    Action("key.editor", ("e",), "editor", "Edit the value in your $EDITOR; its file is in memory only.", _KEYS, hint=2,
           group="Changing", writes=True),
    Action("key.reveal", ("x",), "reveal", "Show this one value, or hide it again.", _KEYS, hint=3, group="Changing"),
    Action("key.add", ("a",), "add", "A new key.", _KEYS, hint=4, group="Changing", writes=True),
    Action("key.delete", ("ctrl+d",), "del", "Delete the key, when the edits are applied.", _KEYS, hint=5,
           group="Changing", writes=True),
    Action("key.restore", ("r",), "drop edit", "The key as it is stored.", _KEYS, hint=10, group="Changing"),
    Action("keys.apply", ("s", "ctrl+s"), "apply", "Show what differs, then write it in one step.", _KEYS, hint=6,
           group="Changing", writes=True),
    Action("keys.users", ("u",), "used by", "Who uses it, and what a change means for them.", _KEYS, hint=7,
           group="Changing"),
    Action("keys.undo", ("U",), "revert", "Take the last recorded write to it back.", _KEYS, hint=9,
           group="Changing", writes=True),
    Action("manifest.open", ("enter",), "show", "All that applying it changes, or what is wrong; into a folder.",
           _MANIFESTS, hint=2),
    Action("manifest.apply", ("a",), "apply", "Create or change what the marked manifests say, after a dialog that "
           "lists it; the server has tried it before.", _MANIFESTS, hint=1, group="Changing", writes=True),
    Action("manifest.apply-all", ("A",), "apply all", "Apply all manifests that are listed and differ, after a dialog.",
           _MANIFESTS, hint=3, group="Changing", writes=True),
    Action("manifest.undo", ("U",), "undo", "Take back what was applied last, after a dialog that shows it.",
           _MANIFESTS, hint=4, group="Changing", writes=True),
    Action("finding.open", ("enter",), "go to cause", "To the object that the finding is about.",
           frozenset({Where.DOCTOR}), hint=1),
    Action("cluster.open", ("enter",), "go there", "Open the console on this cluster.",
           frozenset({Where.CLUSTERS}), hint=1),
    Action("cluster.colour", ("c",), "colour", "The colour of the cluster's header, so that it is taken for no other.",
           frozenset({Where.CLUSTERS}), hint=2),
    Action("theme.keep", ("enter",), "keep", "Keep this theme, now and later.", frozenset({Where.THEMES}), hint=1),
    Action("why", ("W",), "why", "Why this pod is where it is, or nowhere: a verdict for each node.", TABLE, _PODS,
           hint=5),
    Action("owner", ("J",), "owner", "To the object that controls this one.",
           excluded=_VIRTUAL | {"nodes", "hosts", "namespaces", "events", "changes"}),
    Action("node", ("o",), "node", "To the pod's node.", TABLE, _PODS),
    Action("xray", ("X",), "xray", "The tree of what the object owns: pods, containers, and what these name.", TABLE,
           WORKLOADS | _PODS | {"jobs", "cronjobs", "services", "nodes", "namespaces"}),
    Action("xray.open", ("enter",), "go there", "To the object under the cursor.", _XRAY, hint=1),
    Action("xray.fold", ("space",), "fold", "Fold away what is below the branch, or show it again.", _XRAY, hint=2),
    Action("xray.faults", ("ctrl+z",), "faults", "Only what leads to a fault, and back to everything.", _XRAY, hint=3),
    # changing objects
    Action("scale", ("s",), "scale", "Set the number of replicas.", TABLE, _SCALED, hint=3,
           group="Changing", writes=True),
    Action("scale.up", ("plus",), "one more", "One replica more.", TABLE, _SCALED, hint=13,
           group="Changing", writes=True),
    Action("scale.down", ("minus",), "one less", "One replica less.", TABLE, _SCALED, hint=14,
           group="Changing", writes=True),
    Action("rollout", ("v",), "rollout", "The rollout, replica by replica.", TABLE, _ROLLED_OUT,
           hint=4, group="Changing"),
    Action("restart", ("r",), "restart", "Replace all pods by new ones, in the workload's own way.",
           frozenset({Where.TABLE, Where.ROLLOUT}), _ROLLED_OUT, hint=6, group="Changing", writes=True),
    Action("undo", ("ctrl+l",), "roll back", "Go back to an earlier revision, chosen from a list.",
           frozenset({Where.TABLE, Where.ROLLOUT}), _ROLLED_OUT, hint=7, group="Changing", writes=True),
    Action("image", ("i",), "image", "Set the image of a container.", TABLE, _ROLLED_OUT, hint=11,
           group="Changing", writes=True),
    Action("trigger", ("t",), "run now", "Run the CronJob now, once, whatever its schedule says.", TABLE,
           frozenset({"cronjobs"}), hint=2, group="Changing", writes=True),
    Action("suspend", ("s",), "suspend/resume", "Make a Job or CronJob stand still, or let it go on.", TABLE,
           frozenset({"jobs", "cronjobs"}), hint=3, group="Changing", writes=True),
    Action("cordon", ("c",), "cordon", "No new pods on this node.", TABLE, frozenset({"nodes"}), hint=6,
           group="Changing", writes=True),
    Action("uncordon", ("u",), "uncordon", "New pods may come to this node again.", TABLE, frozenset({"nodes"}),
           hint=7, group="Changing", writes=True),
    Action("drain", ("r",), "drain", "Empty the node: first what would become of each of its pods and where they would "
           "go, then evictions within the disruption budgets.", TABLE, frozenset({"nodes"}), hint=5,
           group="Changing"),
    Action("drain.start", ("enter",), "start", "Cordon the node and evict its pods.", frozenset({Where.DRAIN}), hint=1,
           group="Changing", writes=True),
    Action("drain.force", ("f",), "force", "Let pods go that no controller makes again, or keep them.",
           frozenset({Where.DRAIN}), hint=2, group="Changing", writes=True),
    Action("drain.local", ("e",), "emptyDir", "Let pods go whose emptyDir data is lost with them, or keep them.",
           frozenset({Where.DRAIN}), hint=3, group="Changing", writes=True),
    Action("machine", ("i",), "install", "Make a machine with an SSH server a node; on a node also upgrade "
           "its agent, or remove it.", TABLE, frozenset({"hosts", "nodes"}), hint=9, group="Changing", writes=True),
    Action("adopt", ("a",), "adopt", "Make the host a node of this cluster; asks for the code that its agent prints.",
           TABLE, frozenset({"hosts"}), hint=2, group="Changing", writes=True),
    Action("edit", ("e",), "edit", "Edit the object in your $EDITOR; what changes is shown and tried before it is "
           "written.", excluded=_VIRTUAL | {"hosts", "events", "changes", "secrets", "configmaps"},
           group="Changing", writes=True),
    Action("write.undo", ("U",), "undo", "Take the last recorded write to it back, after a dialog that shows it.",
           excluded=_VIRTUAL | {"hosts", "events", "changes"}, group="Changing", writes=True),
    Action("change.undo", ("U",), "undo", "Take this write back, after a dialog that shows it.", TABLE,
           frozenset({"changes"}), hint=2, group="Changing", writes=True),
    Action("delete", ("ctrl+d",), "del", "Delete, after a dialog that lists what will happen.",
           excluded=_VIRTUAL | {"hosts", "changes"}, hint=8, group="Changing", writes=True),
    # rollout
    Action("rollout.pause", ("p",), "pause", "Hold the rollout where it is.", frozenset({Where.ROLLOUT}), hint=2,
           group="Rollout", writes=True),
    Action("rollout.resume", ("u",), "resume", "Let a held rollout go on.", frozenset({Where.ROLLOUT}), hint=3,
           group="Rollout", writes=True),
    Action("rollout.undo", ("U",), "undo", "Take the last recorded write to it back, after a dialog that shows it.",
           frozenset({Where.ROLLOUT}), hint=9, group="Rollout", writes=True),
    Action("rollout.logs", ("l",), "logs", "Logs of the replica under the cursor.", frozenset({Where.ROLLOUT}), hint=8,
           group="Rollout"),
    # text and logs
    Action("copy", ("c",), "copy", "Copy the text to the clipboard of your terminal (OSC 52).", _READ, hint=22,
           group="Text and logs"),
    Action("text.wrap", ("w",), "wrap", "Wrap long lines, or cut them.", _READ, hint=23, group="Text and logs"),
    Action("logs.follow", ("s",), "follow", "Follow new lines, or stay here.", _LOGS, hint=1, group="Text and logs"),
    Action("logs.timestamps", ("t",), "time", "Show when each line was written.", _LOGS, hint=4,
           group="Text and logs"),
    Action("logs.filter", ("f", "ampersand"), "only", "Only lines with a regular expression; `!` first: only those "
           "without.", _LOGS, hint=2, group="Text and logs"),
    Action("logs.level", ("l",), "level", "Only what is serious: all lines, from info, from warnings, errors.", _LOGS,
           hint=3, group="Text and logs"),
    Action("logs.json", ("J",), "json", "Spread lines of JSON out, a field a line, or leave them as they are.", _LOGS,
           hint=6, group="Text and logs"),
    Action("logs.container", ("tab",), "container", "One container after the other, then all of them.", _LOGS, hint=7,
           group="Text and logs"),
    Action("logs.swap", ("p",), "previous", "The container before its last restart, and back.", _LOGS, hint=5,
           group="Text and logs"),
    Action("logs.save", ("ctrl+s",), "save", "Save what is shown to a file of this machine.", _LOGS, hint=8,
           group="Text and logs"),
    Action("logs.clear", ("x",), "clear", "Forget the lines shown so far.", _LOGS, hint=25, group="Text and logs"),
    Action("logs.range.0", ("0",), "tail", "The last 500 lines of each container, and what comes.", _LOGS, hint=24,
           group="Text and logs"),
    Action("logs.range.1", ("1",), "head", "Each log from its beginning, without following it.", _LOGS,
           group="Text and logs"),
    Action("logs.range.2", ("2",), "1 min", "The last minute, and what comes.", _LOGS, group="Text and logs"),
    Action("logs.range.3", ("3",), "5 min", "The last five minutes, and what comes.", _LOGS, group="Text and logs"),
    Action("logs.range.4", ("4",), "15 min", "The last quarter of an hour, and what comes.", _LOGS,
           group="Text and logs"),
    Action("logs.range.5", ("5",), "30 min", "The last half hour, and what comes.", _LOGS, group="Text and logs"),
    Action("logs.range.6", ("6",), "1 h", "The last hour, and what comes.", _LOGS, group="Text and logs"),
    # the console itself
    Action("help", ("question_mark", "f1"), "help", "What can be done here.", EVERYWHERE, hint=92, group="Console"),
    Action("read-only", ("ctrl+t",), "read-only", "Offer nothing that changes the cluster, which then refuses it too; "
           "again to end that.", EVERYWHERE, group="Console"),
    Action("palette", ("ctrl+p",), "palette", "All actions by name.", EVERYWHERE, group="Console"),
    Action("quit", ("ctrl+q",), "quit", "Leave the console; the cluster goes on.", EVERYWHERE, group="Console"),
)  # fmt: skip
BY_ID = {action.id: action for action in ACTIONS}


def available(
    where: Where,
    kind: str = "",
    *,
    traits: frozenset[str] = NO_TRAITS,
    read_only: bool = False,
    denied: Container[str] = (),
) -> list[Action]:
    """What can be done on a screen, in the registry's order. `denied` are the ids of what the user may not do."""
    return [
        action
        for action in ACTIONS
        if action.applies(where, kind, traits) and not (read_only and action.writes) and action.id not in denied
    ]


def hints(
    where: Where,
    kind: str = "",
    *,
    traits: frozenset[str] = NO_TRAITS,
    read_only: bool = False,
    denied: Container[str] = (),
) -> list[Action]:
    """What the footer offers, the most useful first."""
    offered = available(where, kind, traits=traits, read_only=read_only, denied=denied)
    return sorted((action for action in offered if action.hint), key=lambda action: action.hint)


_KEY_NAMES = {
    "escape": "esc", "left_square_bracket": "[", "right_square_bracket": "]", "minus": "-", "plus": "+", "colon": ":",
    "slash": "/", "ampersand": "&", "question_mark": "?", "pagedown": "pgdn", "pageup": "pgup", "backslash": "\\",
    "right": "→", "left": "←", "asterisk": "*",
}  # fmt: skip


def key_label(key: str) -> str:
    """A key as people write it: `^d`, `esc`, `?`."""
    prefix, _, rest = key.rpartition("+")
    if prefix == "ctrl":
        return "^" + _KEY_NAMES.get(rest, rest)
    return _KEY_NAMES.get(key, key)


GROUPS = ("Objects", "Changing", "Rollout", "Text and logs", "Finding", "Moving", "Console")


def groups(actions: Iterable[Action]) -> dict[str, list[Action]]:
    """Actions by group, what a screen is for first."""
    found: dict[str, list[Action]] = {group: [] for group in GROUPS}
    for action in actions:
        found[action.group].append(action)
    return {group: listed for group, listed in found.items() if listed}
