"""Groups that belong to Kubernetes itself: who defines kinds in them says in an annotation who approved that."""

from __future__ import annotations

from urllib.parse import urlsplit

from common.api import meta
from common.api.meta import Object
from common.errors import Cause
from console.registry.validation import required, wrong

ANNOTATION = "api-approved.kubernetes.io"
CONDITION = "KubernetesAPIApprovalPolicyConformant"
_PROTECTED = ("k8s.io", "kubernetes.io")
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def state(definition: Object) -> tuple[str, str, str] | None:
    """Status, reason and message of the condition; None for groups that are nobody's."""
    group = str((definition.get("spec") or {}).get("group") or "")
    if not any(group == name or group.endswith(f".{name}") for name in _PROTECTED):
        return None
    said = meta.annotations(definition).get(ANNOTATION) or ""
    if not said:
        return "False", "MissingAnnotation", f'protected groups must have approval annotation "{ANNOTATION}", {_SEE}'
    if said.startswith("unapproved"):
        return "False", "UnapprovedAnnotation", f'not approved: "{said}"'
    if _is_url(said):
        return "True", "ApprovedAnnotation", f"approved in {said}"
    why = f'protected groups must have approval annotation "{ANNOTATION}" with either a URL or a reason starting with '
    return "False", "InvalidAnnotation", f'{why}"unapproved", {_SEE}'


def validate(new: Object, old: Object | None) -> list[Cause]:
    """What keeps a definition out of its group. One that is there stays: the condition says what is wrong with it."""
    found = state(new)
    if found is None or (old is not None and state(old) == found):
        return []
    path = f"metadata.annotations[{ANNOTATION}]"
    match found:
        case (_, "MissingAnnotation", why):
            return [required(path, why)]
        case (_, "InvalidAnnotation", why):
            return [wrong(path, meta.annotations(new)[ANNOTATION], why)]
    return []


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)
