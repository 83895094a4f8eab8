"""The checks of the baseline level: no known way from a pod to its node.

Each is one control of the published standard; `standards.py` has since which version it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from common.api.meta import Object

from .findings import Check, Finding, containers, context, named, one_or_many, quoted, setters

_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_OF = "container.seccomp.security.alpha.kubernetes.io/"
PROFILES = frozenset({"RuntimeDefault", "Localhost"})
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


def apparmor(spec: Object, annotations: Mapping[str, str]) -> Finding | None:
    values: set[str] = set()

    def is_bad(holder: Object) -> bool:
        kind = (holder.get("appArmorProfile") or {}).get("type")
        if kind is None or kind in PROFILES:
            return False
        values.add(kind)
        return True

    who = [text for text in [setters(spec, is_bad)] if text]
    noted = sorted(
        f'{key}="{value}"'
        for key, value in annotations.items()
        if key.startswith(_APPARMOR) and value not in {"", "runtime/default"} and not value.startswith("localhost/")
    )
    if noted:
        who.append(one_or_many(len(noted), "annotation", "annotations"))
    listed = [*sorted(values), *noted]
    if not who:
        return None
    reason = one_or_many(len(listed), "forbidden AppArmor profile", "forbidden AppArmor profiles")
    return Finding(reason, f"{' and '.join(who)} must not set AppArmor profile type to {quoted(listed)}")


def capabilities(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    return added_capabilities(spec, _CAPABILITIES, "non-default capabilities")


def added_capabilities(spec: Object, allowed: frozenset[str], reason: str) -> Finding | None:
    bad: list[str] = []
    values: set[str] = set()
    for container in containers(spec):
        found = set((context(container).get("capabilities") or {}).get("add") or ()) - allowed
        values |= found
        bad += [container["name"]] if found else []
    if not bad:
        return None
    return Finding(
        reason, f"{named(bad)} must not include {quoted(sorted(values))} in securityContext.capabilities.add"
    )


def host_namespaces(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    found = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return Finding("host namespaces", ", ".join(found)) if found else None


def host_path_volumes(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    found = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    if not found:
        return None
    return Finding("hostPath volumes", f"{one_or_many(len(found), 'volume', 'volumes')} {quoted(found)}")


def host_ports(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    bad: list[str] = []
    values: set[str] = set()
    for container in containers(spec):
        found = {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}
        values |= found
        bad += [container["name"]] if found else []
    if not bad:
        return None
    verb, word = one_or_many(len(bad), "uses", "use"), one_or_many(len(values), "hostPort", "hostPorts")
    return Finding("hostPort", f"{named(bad)} {verb} {word} {', '.join(sorted(values))}")


def host_of_handlers(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    bad: set[str] = set()
    values: set[str] = set()
    for container in containers(spec):
        found = set(_hosts(container))
        values |= found
        bad |= {container["name"]} if found else set()
    if not bad:
        return None
    word = "probe or lifecycle host"
    verb, words = one_or_many(len(bad), "uses", "use"), one_or_many(len(values), word, f"{word}s")
    return Finding(word, f"{named(sorted(bad))} {verb} {words} {quoted(sorted(values))}")


def _hosts(container: Object) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    for handler in (*map(container.get, _PROBES), *map(lifecycle.get, _HOOKS)):
        for action in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(action) or {}).get("host")
            if host:
                yield host


def privileged(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    bad = [container["name"] for container in containers(spec) if context(container).get("privileged")]
    return Finding("privileged", f"{named(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    found = [(item["name"], context(item).get("procMount")) for item in containers(spec)]
    bad = [(name, kind) for name, kind in found if kind not in {None, "Default"}]
    if not bad:
        return None
    kinds = quoted(sorted({str(kind) for _, kind in bad}))
    return Finding("procMount", f"{named([name for name, _ in bad])} must not set securityContext.procMount to {kinds}")


def with_own_users(check: Check) -> Check:
    """The check for pods that share the users of their node: whoever is root in a user namespace is nobody outside."""

    def relaxed(spec: Object, annotations: Mapping[str, str]) -> Finding | None:
        return None if spec.get("hostUsers") is False else check(spec, annotations)

    return relaxed


def selinux(*types: str) -> Check:
    """The check that allows these types of SELinux, and none."""
    allowed = frozenset({"", *types})

    def check(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
        kinds: set[str] = set()
        fields: set[str] = set()

        def is_bad(holder: Object) -> bool:
            options = holder.get("seLinuxOptions") or {}
            kind = {str(options.get("type") or "")} - allowed
            named = {field for field in ("user", "role") if options.get(field)}
            kinds.update(kind)
            fields.update(named)
            return bool(kind or named)

        who = setters(spec, is_bad)
        if not who:
            return None
        data = [f"{one_or_many(len(kinds), 'type', 'types')} {quoted(sorted(kinds))}"] if kinds else []
        data += [f"{field} may not be set" for field in ("user", "role") if field in fields]
        return Finding("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}")

    return check


def seccomp_annotations(spec: Object, annotations: Mapping[str, str]) -> Finding | None:
    """Before v1.19 the profile was an annotation."""
    keys = [SECCOMP, *(f"{SECCOMP_OF}{container['name']}" for container in containers(spec))]
    found = sorted({
        f'{key}="{annotations[key]}"'
        for key in keys
        if key in annotations
        and annotations[key] not in {"runtime/default", "docker/default"}
        and not annotations[key].startswith("localhost/")
    })  # fmt: skip
    if not found:
        return None
    word = one_or_many(len(found), "annotation", "annotations")
    return Finding("seccompProfile", f"forbidden {word} {', '.join(found)}")


def seccomp(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    values: set[str] = set()

    def is_bad(holder: Object) -> bool:
        profile = holder.get("seccompProfile")
        if profile is None or profile.get("type") in PROFILES:
            return False
        values.add(str(profile.get("type") or ""))
        return True

    who = setters(spec, is_bad)
    if not who:
        return None
    listed = quoted(sorted(values))
    return Finding("seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {listed}")


def sysctls(*names: str) -> Check:
    """The check that allows these sysctls alone."""

    def check(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
        found = [item["name"] for item in context(spec).get("sysctls") or () if item["name"] not in names]
        return Finding("forbidden sysctls", ", ".join(found)) if found else None

    return check


def host_process(spec: Object, _annotations: Mapping[str, str]) -> Finding | None:
    who = setters(spec, lambda holder: bool((holder.get("windowsOptions") or {}).get("hostProcess")))
    return (
        Finding("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true") if who else None
    )
