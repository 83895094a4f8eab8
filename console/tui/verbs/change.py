"""Verbs that change objects. What cannot be taken back asks first; every one says what it did."""

from __future__ import annotations

from collections.abc import Sequence

from common.api import kinds, meta, pods, rollout
from common.api.kinds import Resource
from common.api.meta import Object
from console.tui import operations
from console.tui.screens.dialogs import Ask, Choose, Confirm, wrapped
from console.tui.screens.drain import DrainScreen
from console.tui.session import Written
from console.tui.stage import Stage, TableStage
from console.tui.widgets.spans import Line
from console.views import columns
from console.views.status import Tone

from .bulk import NARROWEST, each, listed, listed_names

MOST_REPLICAS = 10_000
_FOR_GOOD = frozenset({"Namespace", "Node"})  # coming back, they would come without what was in them


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
    gateway, resource = browse.session.gateway, browse.view.resource
    now = await operations.wanted(gateway, resource, targets[0])
    if len(targets) == 1:
        ready = (targets[0].get("status") or {}).get("readyReplicas", 0)
        body = [
            *_text(meta.name(targets[0]), Tone.BRIGHT),
            *_text(f"{now} wanted, {ready} ready now." if resource.group == "apps" else f"{now} wanted.", Tone.DIM),
        ]
    else:
        body = [*listed(targets), *_text("Each of them gets as many.", Tone.DIM)]

    def check(text: str) -> str:
        if not text.isdecimal() or int(text) > MOST_REPLICAS:
            return f"the number of replicas is a whole number from 0 to {MOST_REPLICAS}"
        return ""

    answer = await browse.app.push_screen_wait(
        Ask(browse.session.look, "Scale", body, str(now), check=check, steps=True)
    )
    if answer is None:
        return

    async def work(obj: Object) -> None:
        await operations.scale(gateway, resource, obj, int(answer))

    await each(browse, targets, work, "scaling", f"{{}}: {_counted(int(answer))} wanted")


def _counted(replicas: int) -> str:
    return f"{replicas} {'replica' if replicas == 1 else 'replicas'}"


async def scale_by(browse: TableStage, step: int) -> None:
    """One more or less of each of the marked workloads."""
    targets = browse.targets()
    gateway, resource = browse.session.gateway, browse.view.resource
    counts: set[int] = set()

    async def work(obj: Object) -> None:
        wanted = max(0, await operations.wanted(gateway, resource, obj) + step)
        await operations.scale(gateway, resource, obj, wanted)
        counts.add(wanted)

    if await each(browse, targets, work, "scaling", "scaled:") == len(targets) and len(counts) == 1:
        browse.say(f"{listed_names(targets)}: {_counted(counts.pop())} wanted")


async def restart(browse: TableStage) -> None:
    targets = browse.targets()
    if targets:
        await restart_all(browse, browse.view.resource, targets)


async def restart_all(deck: Stage, resource: Resource, workloads: Sequence[Object]) -> None:
    """Ask once, then replace all pods of the workloads."""
    count = sum(_pods(workload) for workload in workloads)
    strategy = "its strategy allows" if len(workloads) == 1 else "their strategies allow"
    body = [
        *listed(workloads),
        *_text(f"All {count} pods are replaced by new ones of the same template, as fast as {strategy}."),
    ]
    if not await deck.app.push_screen_wait(Confirm(deck.session.look, "Restart", body, "Restart", danger=False)):
        return

    async def work(workload: Object) -> None:
        await operations.restart(deck.session.gateway, resource, workload, deck.session.clock.now())

    await each(deck, workloads, work, "restarting", "{}: pods are replaced; v shows the rollout")


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
    deck.session.written = Written(f"{meta.name(workload)} rolled back", (workload,))
    deck.say(f"{meta.name(workload)} goes back to revision {revisions[chosen].number}; v shows the rollout")


def _revision_line(revision: rollout.Revision, *, current: bool) -> Line:
    images = columns.images({"spec": {"template": revision.template}})
    note = "  (now)" if current else f"  {revision.change_cause}" if revision.change_cause else ""
    return [(f"{revision.number:>4}  ", Tone.BRIGHT), (images, Tone.TEXT), (note, Tone.DIM)]


async def image(browse: TableStage) -> None:
    """Ask which container (when there are several) gets which image; of all marked workloads that have it."""
    targets = browse.targets()
    if not targets:
        return
    workload = targets[0]
    containers = workload["spec"]["template"]["spec"]["containers"]
    look = browse.session.look
    index: int | None = 0
    if len(containers) > 1:
        rows: list[Line] = [[(f"{c['name']}  ", Tone.BRIGHT), (c.get("image", ""), Tone.DIM)] for c in containers]
        index = await browse.app.push_screen_wait(Choose(look, "Set image", _text("Of which container?"), rows))
    if index is None:
        return
    container = containers[index]
    lacking = [obj for obj in targets if container["name"] not in _containers(obj)]
    if lacking:
        browse.say(
            f"{listed_names(lacking)} has no container {container['name']!r}: mark those that have it", Tone.WARN
        )
        return
    body = [*listed(targets), *_text(f"Container {container['name']} runs {container.get('image')}.")]

    def check(text: str) -> str:
        return "" if text and " " not in text else "an image is a name such as registry.example/web:1.2"

    wanted = await browse.app.push_screen_wait(Ask(look, "Set image", body, container.get("image", ""), check=check))
    if wanted is None or (wanted == container.get("image") and len(targets) == 1):
        return

    async def work(obj: Object) -> None:
        await operations.set_image(browse.session.gateway, browse.view.resource, obj, container["name"], wanted)

    await each(browse, targets, work, "setting the image of", f"{{}}: rolls out {wanted}; v shows it")


def _containers(workload: Object) -> set[str]:
    return {str(item["name"]) for item in workload["spec"]["template"]["spec"]["containers"]}


async def cordon(browse: TableStage, *, cordoned: bool) -> None:
    async def work(node: Object) -> None:
        await operations.cordon(browse.session.gateway, node, cordoned=cordoned)

    done = "{}: no new pods come here" if cordoned else "{}: pods may come again"
    await each(browse, browse.targets(), work, "cordoning" if cordoned else "uncordoning", done)


async def drain(browse: TableStage) -> None:
    node = browse.current()
    if len(browse.targets()) > 1:
        browse.say("nodes are drained one at a time, so that what moves where is seen: ^\\ clears the marks", Tone.WARN)
        return
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
    body = listed(targets)
    for consequence in consequences(targets):
        body += _text(consequence)
    title = f"Delete {len(targets)} {plural}" if len(targets) > 1 else f"Delete {plural}"
    if not await browse.app.push_screen_wait(Confirm(browse.session.look, title, body, "Delete")):
        return

    async def work(obj: Object) -> None:
        await operations.delete(browse.session.gateway, resource, obj)

    await each(browse, targets, work, "deleting", "deleted:")
    browse.table.model.marks.clear()


def consequences(targets: list[Object]) -> list[str]:
    """What deleting these objects, all of one kind, will do."""
    kind = str(targets[0].get("kind"))
    if kind == "Pod":
        grace = max(int((pod.get("spec") or {}).get("terminationGracePeriodSeconds", 30)) for pod in targets)
        owned = sum(1 for pod in targets if meta.controller_of(pod))
        whose = "Its" if len(targets) == 1 else "Their"
        lines = [f"{whose} containers get SIGTERM, and SIGKILL after at most {grace} s."]
        if owned:
            lines.append(f"{owned} of {len(targets)} will be replaced by their controllers." if len(targets) > 1
                         else "Its controller will replace it.")  # fmt: skip
        if owned < len(targets):
            lines.append("What no controller owns does not come back.")
        bound = sum(1 for pod in targets if not pods.node_name(pod))
        return [*lines, f"{bound} never ran."] if bound else lines
    if kind in {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"}:
        count = sum(_pods(obj) for obj in targets)
        return [f"{count} pods end with {'it' if len(targets) == 1 else 'them'}.", _back(targets)]
    known = {
        "Job": "Its pods end and go with it; what they have done is counted nowhere else.",
        "CronJob": "Its schedule ends, and its Jobs and their pods go with it.",
        "Service": "Its addresses and node ports stop answering at once on every node.",
        "Namespace": "Everything in the namespace is deleted with it.",
        "Node": "Its pods are replaced elsewhere and the host leaves the cluster.",
        "ConfigMap": "Pods that use it keep what they have; new ones will not start without it.",
        "Secret": "Pods that use it keep what they have; new ones will not start without it.",
    }
    return [*([known[kind]] if kind in known else []), *([] if kind in _FOR_GOOD else [_back(targets)])]


def _back(targets: Sequence[Object]) -> str:
    return "U brings it back, with a new identity." if len(targets) == 1 else "U brings them back, with new identities."
