"""Which containers a log is made of: chosen once, found anew with each change of a pod, so that those of a rollout
join. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from common.api import meta, pods
from common.api.meta import Key, Object

_LISTS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Pods by a test, and of them all containers or one. `label` is what people call them."""

    label: str
    test: Callable[[Object], bool]
    container: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One container, whichever of its runs."""

    pod: Key
    container: str


@dataclass(frozen=True, slots=True)
class Life:
    """A container for as long as its pod lives, over restarts; `uid` tells pods of one name apart."""

    source: Source
    uid: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a container stands: how often it was restarted, whether it `started` at all, whether it is `running` now, and
    in words why not."""

    life: Life
    restarts: int
    started: bool
    running: bool
    why: str


def only(*wanted: Key) -> Callable[[Object], bool]:
    """Just these pods."""
    keys = frozenset(wanted)
    return lambda pod: meta.key(pod) in keys


def standings(found: Iterable[Object], container: str = "") -> list[Standing]:
    """The containers, or the one of that name, of pods that have a node, by age and name of their pod."""
    chosen = [pod for pod in found if pods.node_name(pod)]
    chosen.sort(key=lambda pod: (str(meta.metadata(pod).get("creationTimestamp") or ""), meta.name(pod)))
    every = [standing for pod in chosen for standing in _of_pod(pod)]
    return [standing for standing in every if container in {"", standing.life.source.container}]


def _of_pod(pod: Object) -> list[Standing]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    known = {str(item.get("name")): item for _, statuses in _LISTS for item in status.get(statuses) or ()}
    names = [str(item["name"]) for containers, _ in _LISTS for item in spec.get(containers) or ()]
    return [_standing(pod, name, known.get(name) or {}) for name in names]


def _standing(pod: Object, container: str, status: Object) -> Standing:
    life, restarts = Life(Source(meta.key(pod), container), meta.uid(pod)), int(status.get("restartCount") or 0)
    state, before = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    running, ended = state.get("running") is not None, state.get("terminated")
    return Standing(life, restarts, running or bool(ended or before), running, _why(state, ended or before))


def _why(state: Object, ended: Object | None) -> str:
    if ended:
        code = ended.get("exitCode", 0)
        return f"{ended.get('reason') or 'Ended'}, exit code {code}"
    waiting = state.get("waiting") or {}
    return ": ".join(str(part) for part in (waiting.get("reason"), waiting.get("message")) if part)


def labels(sources: Sequence[Source]) -> list[str]:
    """What tells each source from the others, in as few letters as that takes."""
    found = {source.pod for source in sources}
    spaces = len({pod.namespace for pod in found}) > 1
    several = len({source.container for source in sources}) > 1
    shortened = _shortened({pod.name for pod in found})
    result = []
    for source in sources:
        pod = shortened[source.pod.name] if len(found) > 1 else ""
        parts = [source.pod.namespace if spaces else "", pod, source.container if several or not pod else ""]
        result.append("/".join(part for part in parts if part))
    return result


def _shortened(names: set[str]) -> dict[str, str]:
    """Names without the words that all of them begin with."""
    if len(names) == 1:
        return {name: name for name in names}
    first, last = min(names), max(names)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    cut = first[:same].rfind("-") + 1
    return {name: name[cut:] for name in names}
