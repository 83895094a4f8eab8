"""Which IP families a Service has: what it asks for, on what the cluster has.

The documented rules of dual-stack: SingleStack has one family, PreferDualStack two where the cluster has two,
RequireDualStack two or nothing. Families may be named in order; the first is the family of `clusterIP` and never
changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from . import address_forms

POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
FAMILIES = ("IPv4", "IPv6")


@dataclass(frozen=True, slots=True)
class Families:
    """The families in order, the policy, and what is wrong with the request."""

    chosen: tuple[str, ...]
    policy: str
    causes: tuple[Cause, ...] = ()


def choose_families(spec: Object, before: Object, available: Sequence[str]) -> Families:
    """The families of a service; `before` is its spec so far (empty for a new one)."""
    asked = tuple(spec.get("ipFamilies") or ())
    given = _families_of(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ()))
    policy = spec.get("ipFamilyPolicy") or before.get("ipFamilyPolicy")
    if policy == "SingleStack" and before.get("ipFamilyPolicy") not in {None, policy}:
        # Only the policy was changed: the second family goes without being named.
        asked = asked[:1] if spec.get("ipFamilies") == before.get("ipFamilies") else asked
        given = given[:1] if spec.get("clusterIPs") == before.get("clusterIPs") else given
    causes = _check(asked, given, policy, available, spec)
    if policy is None:
        policy = "RequireDualStack" if len(asked) == 2 or len(given) == 2 else "SingleStack"
        if policy == "SingleStack" and _is_headless_without_selector(spec) and not asked:
            policy = "RequireDualStack" if len(available) == 2 else "PreferDualStack"
    order = list(dict.fromkeys([*asked, *given, *_kept(before, asked or given)]))
    headless_free = _is_headless_without_selector(spec) and policy != "SingleStack"
    rest = FAMILIES if headless_free and policy != "PreferDualStack" else tuple(available)
    order += [family for family in rest if family not in order]
    count = 1 if policy == "SingleStack" else 2
    if policy == "RequireDualStack" and len(available) < 2 and not _is_headless_without_selector(spec) and not causes:
        causes = [
            validation.wrong(
                "spec.ipFamilyPolicy",
                policy,
                "this cluster is not configured for dual-stack services",
            )
        ]
    return Families(tuple(order[:count]), policy, tuple(causes))


def _kept(before: Object, asked: Sequence[str]) -> Sequence[str]:
    return () if asked else tuple(before.get("ipFamilies") or ())


def _families_of(addresses: Sequence[str]) -> tuple[str, ...]:
    found = []
    for address in addresses:
        try:
            found.append(f"IPv{address_forms.address(address).version}")
        except ValueError:
            continue  # None (headless) has no family; a malformed one is reported with the addresses
    return tuple(found)


def _is_headless_without_selector(spec: Object) -> bool:
    headless = spec.get("clusterIP") == "None" or (spec.get("clusterIPs") or [""])[0] == "None"
    return headless and not spec.get("selector")


def _check(
    asked: Sequence[str], given: Sequence[str], policy: str | None, available: Sequence[str], spec: Object
) -> list[Cause]:
    causes: list[Cause] = []
    if policy is not None and policy not in POLICIES:
        causes.append(validation.unsupported("spec.ipFamilyPolicy", policy, POLICIES))
    for index, family in enumerate(asked):
        path = f"spec.ipFamilies[{index}]"
        if family not in FAMILIES:
            causes.append(validation.unsupported(path, family, FAMILIES))
        elif family in asked[:index]:
            causes.append(validation.duplicate(path, family))
        elif family not in available and not _is_headless_without_selector(spec):
            causes.append(validation.wrong(path, family, "not configured on this cluster"))
    if policy == "SingleStack" and len(asked) == 2:
        causes.append(
            validation.wrong(
                "spec.ipFamilyPolicy",
                policy,
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
            )
        )
    for index, (family, of_address) in enumerate(zip(asked, given, strict=False)):
        if family != of_address:
            causes.append(
                validation.wrong(
                    f"spec.clusterIPs[{index}]",
                    spec.get("clusterIPs") or spec.get("clusterIP"),
                    f"expected an {family} value as indicated by `ipFamilies[{index}]`",
                )
            )
    return causes
