"""Nobody gives away what they do not have: roles and bindings are checked against their writer's own rules.

As in Kubernetes there are two ways around it: the verb `escalate` on a role, and `bind` on the role of a binding.
"""

from __future__ import annotations

from collections.abc import Iterable

from common import errors
from common.api import meta
from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, RBAC, ROLEBINDINGS, ROLES, Resource
from common.api.meta import Object
from common.errors import Forbidden
from common.pki import MASTERS
from console.apiserver.caller import Caller

from .attributes import Attributes
from .authorizer import Authorizer
from .policy import rules_of
from .rules import Rule, describe, not_covered, quoted, to_rules

_EVERYTHING = (
    Rule(frozenset("*"), frozenset("*"), frozenset("*")),
    Rule(frozenset("*"), urls=frozenset("*")),
)


class EscalationGuard:
    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def check(self, caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        """Raises Forbidden naming the rules that the caller lacks. `new` is admitted already."""
        if caller.is_component or MASTERS in caller.groups:
            return
        if resource in {ROLES, CLUSTERROLES}:
            self._check_role(caller, resource, new, old)
        elif resource in {ROLEBINDINGS, CLUSTERROLEBINDINGS}:
            self._check_binding(caller, resource, new)

    def _check_role(self, caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        asked = Attributes("escalate", RBAC, "v1", resource.plural, "", meta.namespace(new), meta.name(new))
        if self._authorizer.allows(caller, asked):
            return
        wanted: Iterable[Rule] = to_rules(new)
        if new.get("aggregationRule") or (old or {}).get("aggregationRule"):
            # Whatever roles come later go into it: only who has everything may say that.
            wanted = _EVERYTHING
        self._confirm(caller, resource, new, wanted)

    def _check_binding(self, caller: Caller, resource: Resource, new: Object) -> None:
        reference, namespace = new["roleRef"], meta.namespace(new)
        local = reference["kind"] == ROLES.kind
        plural = ROLES.plural if local else CLUSTERROLES.plural
        asked = Attributes("bind", RBAC, "v1", plural, "", namespace, reference["name"])
        if self._authorizer.allows(caller, asked):
            return
        rules = self._authorizer.policy.role_rules(reference, namespace)
        if rules is None:
            raise errors.not_found(f"{plural}.{RBAC}", reference["name"])
        self._confirm(caller, resource, new, rules)

    def _confirm(self, caller: Caller, resource: Resource, new: Object, wanted: Iterable[Rule]) -> None:
        grants = self._authorizer.grants(caller, meta.namespace(new))
        missing = describe(not_covered(list(rules_of(grants)), wanted))
        if not missing:
            return
        name = meta.name(new)
        text = (
            f'user "{caller.user}" (groups={quoted(caller.groups)}) is attempting to grant RBAC permissions not '
            "currently held:\n" + "\n".join(missing)
        )
        if grants.errors:
            text += f"; resolution errors: [{', '.join(grants.errors)}]"
        raise Forbidden(
            f'{resource.group_resource} "{name}" is forbidden: {text}',
            details={"name": name, "group": resource.group, "kind": resource.plural},
        )
