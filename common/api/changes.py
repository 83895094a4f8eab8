"""What people see of a Change, a recorded write: what it is about and what it did, each in a few words."""

from __future__ import annotations

from .meta import Object

SHOWN = 3  # differences that a summary names; the number of the others follows


def about(change: Object) -> str:
    """`deployment/web`: the object of the write, in kubectl's form."""
    subject = change.get("object") or {}
    return f"{str(subject.get('kind', '')).lower()}/{subject.get('name', '')}"


def who(change: Object) -> str:
    """Whose write it was, and as whom it was made if that was somebody else."""
    user = str(change.get("user", ""))
    return f"{change['impersonator']} as {user}" if change.get("impersonator") else user


def summary(change: Object) -> str:
    """`replicas: 3 -> 5`; for a creation or deletion just that word."""
    differences = change.get("differences") or ()
    if not differences:
        return {"create": "created", "delete": "deleted"}.get(str(change.get("verb")), "changed")
    told = "; ".join(difference({**item, "path": _short(item.get("path", ""))}) for item in differences[:SHOWN])
    more = len(differences) - SHOWN
    return f"{told}; {more} more" if more > 0 else told


def difference(item: Object) -> str:
    """One difference on one line: `path: old -> new`, `+` for a field that was added, `-` for one removed."""
    path = item.get("path", "")
    if "old" not in item:
        return f"+{path}: {_line(item.get('new'))}"
    if "new" not in item:
        return f"-{path}: {_line(item['old'])}"
    return f"{path}: {_line(item['old'])} -> {_line(item['new'])}"


def _short(path: str) -> str:
    """The path without the part that all workloads share."""
    return path.removeprefix("spec.").removeprefix("template.spec.")


def _line(value: object) -> str:
    return " ".join(str(value).split())
