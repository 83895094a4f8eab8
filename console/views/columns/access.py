"""ServiceAccounts, roles and bindings: who may do what."""

from __future__ import annotations

from collections.abc import Callable

from common.api import kinds
from common.api.meta import Object
from console.views.status import Status, Tone

from .column import AGE, LABELS, NAME, NAMESPACE, Column, Table, dim, number, state, text


def _subjects(binding: Object) -> list[Object]:
    return binding.get("subjects") or []


def subject_text(subject: Object) -> str:
    """`jane`, `group devs`, `sa team/robot`."""
    name = str(subject.get("name", ""))
    match subject.get("kind"):
        case "Group":
            return f"group {name}"
        case "ServiceAccount":
            return f"sa {subject.get('namespace', '')}/{name}"
    return name


def _who(binding: Object) -> str:
    return ", ".join(subject_text(subject) for subject in _subjects(binding)) or "nobody"


def _role(binding: Object) -> str:
    """The name alone where only one kind can be meant."""
    reference = binding.get("roleRef") or {}
    local = binding.get("kind") == kinds.ROLEBINDINGS.kind and reference.get("kind") == kinds.CLUSTERROLES.kind
    return f"{'cluster role ' if local else ''}{reference.get('name', '')}"


def _listed(role: Object, field: str) -> list[str]:
    return list(dict.fromkeys(item for rule in role.get("rules") or () for item in rule.get(field) or ()))


def _of_rules(field: str) -> Callable[[Object], str]:
    return lambda role: ", ".join("all" if item == "*" else item for item in _listed(role, field)) or "-"


def reach(role: Object) -> Status:
    """How far a role goes: everything, changing things, or looking only."""
    verbs = set(_listed(role, "verbs"))
    if "*" in verbs and "*" in _listed(role, "resources"):
        return Status("everything", Tone.WARN)
    if verbs <= {"get", "list", "watch"}:
        return Status("looks" if verbs else "nothing", Tone.DIM)
    return Status("changes", Tone.TEXT)


def _mounts(account: Object) -> str:
    return "no" if account.get("automountServiceAccountToken") is False else "yes"


def _role_columns(*place: Column) -> tuple[Column, ...]:
    return (
        *place,
        NAME,
        state("REACH", reach, letter="R"),
        number("RULES", lambda role: len(role.get("rules") or ()), drop=4),
        text("VERBS", _of_rules("verbs"), drop=3, flexible=True, prose=True, least=10, tone=dim),
        text("RESOURCES", _of_rules("resources"), drop=2, flexible=True, prose=True, least=12),
        AGE,
        LABELS,
    )


def _binding_columns(*place: Column) -> tuple[Column, ...]:
    return (
        *place,
        NAME,
        text("ROLE", _role, letter="R", flexible=True, least=18),
        text("WHO", _who, letter="W", flexible=True, prose=True, least=20),
        AGE,
        LABELS,
    )


TABLES = {
    kinds.SERVICEACCOUNTS: Table(
        (
            NAMESPACE,
            NAME,
            text("TOKEN IN PODS", _mounts, drop=3),
            number("SECRETS", lambda account: len(account.get("secrets") or ()), drop=4, tone=dim),
            number("PULL SECRETS", lambda account: len(account.get("imagePullSecrets") or ()), drop=5, tone=dim),
            AGE,
            LABELS,
        )
    ),
    kinds.ROLES: Table(_role_columns(NAMESPACE)),
    kinds.CLUSTERROLES: Table(_role_columns()),
    kinds.ROLEBINDINGS: Table(_binding_columns(NAMESPACE)),
    kinds.CLUSTERROLEBINDINGS: Table(_binding_columns()),
}
