"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet had. Pure.

A revision's data is a strategic merge patch that brings its template back, so that `kubectl rollout undo` can send it
as it is.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from .meta import Object, annotations, is_controlled_by, labels, metadata, name

REVISION_HASH = "controller-revision-hash"
"""Label of pods: of a StatefulSet the name of their revision, of a DaemonSet its hash."""
_DIRECTIVE = "$patch"


def template_patch(template: Object) -> Object:
    """The data of the revision that has this template, its fields sorted: a client that asks whether a revision is the
    one of a template compares bytes (Kubernetes' own `daemon.Match` does)."""
    patch = {"spec": {"template": {**template, _DIRECTIVE: "replace"}}}
    found: Object = orjson.loads(orjson.dumps(patch, option=orjson.OPT_SORT_KEYS))
    return found


def template_of(revision: Object) -> Object:
    """The pod template that a revision brings back."""
    found = ((revision.get("data") or {}).get("spec") or {}).get("template") or {}
    return {field: value for field, value in found.items() if field != _DIRECTIVE}


def number(revision: Object) -> int:
    return int(revision.get("revision") or 0)


def ordered(owner: Object, found: Iterable[Object]) -> list[Object]:
    """The revisions that `owner` controls, oldest first; names decide between equal numbers."""
    own = [item for item in found if is_controlled_by(item, owner)]
    return sorted(own, key=lambda item: (number(item), str(metadata(item).get("creationTimestamp", "")), name(item)))


def hash_of(revision: Object) -> str:
    """The hash of a revision's template: a label of its own, and the end of its name."""
    return labels(revision).get(REVISION_HASH) or name(revision).rpartition("-")[2]


def copied_annotations(owner: Object, excluded: frozenset[str]) -> dict[str, Any]:
    """What a revision notes of its owner, the change cause above all."""
    return {key: value for key, value in annotations(owner).items() if key not in excluded}
