"""Verbs that change objects. What cannot be taken back asks first; every one says what it did."""

from __future__ import annotations

from common.api import kinds, meta, pods, rollout
from common.api.kinds import Resource
from common.api.meta import Object
from console.tui import operations
from console.tui.screens.dialogs import Ask, Choose, Confirm, wrapped
from console.tui.screens.drain import DrainScreen
from console.tui.stage import Stage, TableStage
from console.tui.widgets.spans import Line
from console.views import columns
from console.views.status import Tone

MOST_REPLICAS = 10_000
NARROWEST = 50  # cells of a dialog on a screen of 60 columns
_BACK = "U in :history brings it back, with a new identity."
_LISTED = 8  # names in a dialog; more are counted


def _replicas(obj: Object) -> int:
    return int((obj.get("spec") or {}).get("replicas", 1))


def _pods(workload: Object) -> int:
    """How many pods a workload asks for: of a DaemonSet one a node."""
    if workload.get("kind") == kinds.DAEMONSETS.kind:
        return int((workload.get("status") or {}).get("desiredNumberScheduled") or 0)
    return _replicas(workload)


def _text(text: str, tone: Tone = Tone.TEXT) -> list[Line]:
    return wrapped(text, NARROWEST, tone)


async def scale(browse: TableStage) -> None:
    """Ask for the number of replicas of the marked workloads."""
    targets = browse.targets()
    if not targets:
        return
    first = targets[0]
    body = _text(listed_names(targets), Tone.BRIGHT)
    state = first.get("status") or {}
    if len(targets) == 1:
        body += _text(f"{_replicas(first)} wanted, {state.get('readyReplicas', 0)} ready now.", Tone.DIM)

    def check(text: str) -> str:
        if not text.isdecimal() or int(text) > MOST_REPLICAS:
            return f"the number of replicas is a whole number from 0 to {MOST_REPLICAS}"
        return ""

    answer = await browse.app.push_screen_wait(
        Ask(browse.session.look, "Scale", body, str(_replicas(first)), check=check, steps=True)
    )
    if answer is None:
        return
    for obj in targets:
        await operations.scale(browse.session.gateway, browse.view.resource, obj, int(answer))
    browse.say(f"{listed_names(targets)}: {answer} replicas wanted")


async def scale_by(browse: TableStage, step: int) -> None:
    for obj in browse.targets():
        wanted = max(0, _replicas(obj) + step)
        await operations.scale(browse.session.gateway, browse.view.resource, obj, wanted)
        browse.say(f"{meta.name(obj)}: {wanted} {'replica' if wanted == 1 else 'replicas'} wanted")


async def restart(browse: TableStage) -> None:
    for obj in browse.targets():
        await restart_one(browse, browse.view.resource, obj)


async def restart_one(deck: Stage, resource: Resource, workload: Object) -> None:
    """Ask, then replace all pods of a workload."""
    body = _text(f"All {_pods(workload)} pods of {meta.key(workload)} are replaced by new ones of the same template, "
                 "as fast as its strategy allows.")  # fmt: skip
    if not await deck.app.push_screen_wait(Confirm(deck.session.look, "Restart", body, "Restart", danger=False)):
        return
    await operations.restart(deck.session.gateway, resource, workload, deck.session.clock.now())
    deck.say(f"{meta.name(workload)} restarts; v shows the rollout")


async def undo(browse: TableStage) -> None:
    obj = browse.current()
    if obj is not None:
        await undo_one(browse, browse.view.resource, obj)


async def undo_one(deck: Stage, resource: Resource, workload: Object) -> None:
    """Let the operator choose a revision and go back to it."""
    gateway = deck.session.gateway
    listing = await gateway.list(rollout.HISTORY[resource], meta.namespace(workload))
    revisions = list(reversed(rollout.history(workload, listing.items)))
    if len(revisions) < 2:
        deck.say(f"{meta.name(workload)} has no earlier revision to go back to", Tone.WARN)
        return
    rows = [_revision_line(item, current=index == 0) for index, item in enumerate(revisions)]
    body = _text(f"Which revision of {meta.name(workload)} shall run?")
    chosen = await deck.app.push_screen_wait(Choose(deck.session.look, "Roll back", body, rows, chosen=1))
    if chosen is None:
        return
    if chosen == 0:
        deck.say(f"revision {revisions[0].number} runs already")
        return
    await operations.undo(gateway, resource, workload, revisions[chosen])
    deck.say(f"{meta.name(workload)} goes back to revision {revisions[chosen].number}; v shows the rollout")


def _revision_line(revision: rollout.Revision, *, current: bool) -> Line:
    images = columns.images({"spec": {"template": revision.template}})
    note = "  (now)" if current else f"  {revision.change_cause}" if revision.change_cause else ""
    return [(f"{revision.number:>4}  ", Tone.BRIGHT), (images, Tone.TEXT), (note, Tone.DIM)]


async def image(browse: TableStage) -> None:
    """Ask which container (when there are several) gets which image."""
    workload = browse.current()
    if workload is None:
        return
    containers = workload["spec"]["template"]["spec"]["containers"]
    look = browse.session.look
    index: int | None = 0
    if len(containers) > 1:
        rows: list[Line] = [[(f"{c['name']}  ", Tone.BRIGHT), (c.get("image", ""), Tone.DIM)] for c in containers]
        index = await browse.app.push_screen_wait(Choose(look, "Set image", _text("Of which container?"), rows))
    if index is None:
        return
    container = containers[index]
    body = _text(f"Container {container['name']} of {meta.key(workload)} runs {container.get('image')}.")

    def check(text: str) -> str:
        return "" if text and " " not in text else "an image is a name such as registry.example/web:1.2"

    wanted = await browse.app.push_screen_wait(Ask(look, "Set image", body, container.get("image", ""), check=check))
    if wanted is None or wanted == container.get("image"):
        return
    await operations.set_image(browse.session.gateway, browse.view.resource, workload, container["name"], wanted)
    browse.say(f"{meta.name(workload)} rolls out {wanted}; v shows it")


async def cordon(browse: TableStage, *, cordoned: bool) -> None:
    targets = browse.targets()
    for node in targets:
        await operations.cordon(browse.session.gateway, node, cordoned=cordoned)
    browse.say(f"{listed_names(targets)}: {'no new pods come here' if cordoned else 'pods may come again'}")


async def drain(browse: TableStage) -> None:
    node = browse.current()
    if node is not None:
        name = meta.name(node)
        browse.app.push_screen(DrainScreen(browse.session, [*browse.trail(), name, "drain"], name))


async def adopt(browse: TableStage) -> None:
    """Ask for the code that the agent prints; the API refuses a wrong one and says so."""
    host = browse.current()
    if host is None:
        return
    state = host.get("status") or {}
    body = [
        *_text(f"{meta.name(host)}  {', '.join(state.get('addresses') or ())}", Tone.BRIGHT),
        *_text(f"fingerprint {state.get('fingerprint', '-')}", Tone.DIM),
        [],
        *_text("Its agent prints a pairing code when it starts (quarterdeck-agent status shows it again). "
               "Leave it empty for an agent on this machine."),
    ]  # fmt: skip
    code = await browse.app.push_screen_wait(Ask(browse.session.look, "Adopt this host", body))
    if code is None:
        return
    browse.say(f"adopting {meta.name(host)}", Tone.BUSY)
    await operations.adopt(browse.session.gateway, host, code)
    browse.say(f"{meta.name(host)} is a node of this cluster now")


async def delete(browse: TableStage) -> None:
    """List what will happen, ask with Cancel focused, then delete exactly those objects."""
    targets = browse.targets()
    if not targets:
        return
    resource = browse.view.resource
    plural = resource.plural if len(targets) > 1 else resource.kind.lower()
    body: list[Line] = [[(f"{meta.key(obj)}", Tone.BRIGHT)] for obj in targets[:_LISTED]]
    if len(targets) > _LISTED:
        body.append([(f"and {len(targets) - _LISTED} more", Tone.DIM)])
    body.append([])
    for consequence in consequences(targets):
        body += _text(consequence)
    title = f"Delete {len(targets)} {plural}" if len(targets) > 1 else f"Delete {plural}"
    if not await browse.app.push_screen_wait(Confirm(browse.session.look, title, body, "Delete")):
        return
    for obj in targets:
        await operations.delete(browse.session.gateway, resource, obj)
    browse.table.model.marks.clear()
    browse.say(f"deleted: {listed_names(targets)}")


def consequences(targets: list[Object]) -> list[str]:
    """What deleting these objects, all of one kind, will do."""
    kind = str(targets[0].get("kind"))
    if kind == "Pod":
        grace = max(int((pod.get("spec") or {}).get("terminationGracePeriodSeconds", 30)) for pod in targets)
        owned = sum(1 for pod in targets if meta.controller_of(pod))
        lines = [f"Its containers get SIGTERM, and SIGKILL after at most {grace} s."]
        if owned:
            lines.append(f"{owned} of {len(targets)} will be replaced by their controllers." if len(targets) > 1
                         else "Its controller will replace it.")  # fmt: skip
        if owned < len(targets):
            lines.append("What no controller owns does not come back.")
        bound = sum(1 for pod in targets if not pods.node_name(pod))
        return [*lines, f"{bound} never ran."] if bound else lines
    if kind in {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"}:
        count = sum(_pods(obj) for obj in targets)
        return [f"{count} pods end with it. {_BACK}"]
    known = {
        "Job": "Its pods end and go with it; what they have done is counted nowhere else.",
        "CronJob": "Its schedule ends, and its Jobs and their pods go with it.",
        "Service": "Its addresses and node ports stop answering at once on every node.",
        "Namespace": "Everything in the namespace is deleted with it.",
        "Node": "Its pods are replaced elsewhere and the host leaves the cluster.",
        "ConfigMap": "Pods that use it keep what they have; new ones will not start without it.",
        "Secret": "Pods that use it keep what they have; new ones will not start without it.",
    }
    return [known.get(kind, _BACK)]


def listed_names(targets: list[Object]) -> str:
    """The first names, and how many more there are."""
    names = [meta.name(obj) for obj in targets]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
