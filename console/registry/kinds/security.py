"""Security contexts of pods and of their containers."""

from __future__ import annotations

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .environment import descending_path
from .sysctls import validate_sysctls

_MAX_ID = 2**31 - 1
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_MAX_PROFILE = 4095  # bytes of a path, less the zero at its end
_MAX_CREDENTIALS = 64 * 1024
_MAX_DOMAIN = 256
_MAX_WINDOWS_USER = 104


def validate_pod_security(spec: Object, path: str, where: str) -> list[Cause]:
    """The context of a PodSpec at `path`; `where` is the path of the context itself."""
    context = spec.get("securityContext") or {}
    causes = _identifiers(context, where, ("fsGroup", "runAsUser", "runAsGroup"))
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        causes += _identifier(f"{where}.supplementalGroups[{index}]", group)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        causes.append(validation.wrong(f"{where}.shareProcessNamespace", True, why))
    causes += validate_sysctls(context.get("sysctls") or (), f"{where}.sysctls", spec)
    causes += _word(context, where, "fsGroupChangePolicy", ("Always", "OnRootMismatch"))
    causes += _seccomp(context.get("seccompProfile"), f"{where}.seccompProfile")
    causes += _windows(context.get("windowsOptions"), f"{where}.windowsOptions")
    causes += _apparmor(context.get("appArmorProfile"), f"{where}.appArmorProfile")
    causes += _word(context, where, "supplementalGroupsPolicy", ("Merge", "Strict"))
    return causes + _word(context, where, "seLinuxChangePolicy", ("MountOption", "Recursive"))


def validate_security(context: Object | None, path: str, *, host_users: bool) -> list[Cause]:
    """The context of a container; `host_users`: whether its pod has the host's own users."""
    if context is None:
        return []
    causes = _identifiers(context, path, ("runAsUser", "runAsGroup"))
    causes += _word(context, path, "procMount", ("Default", "Unmasked"))
    if context.get("procMount") == "Unmasked" and host_users:
        why = "`hostUsers` must be false to use `Unmasked`"
        causes.append(validation.wrong(f"{path}.procMount", "Unmasked", why))
    causes += _seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        rule = "cannot set `allowPrivilegeEscalation` to false and "
        if context.get("privileged"):
            causes.append(validation.wrong(path, context, f"{rule}`privileged` to true"))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            causes.append(validation.wrong(path, context, f"{rule}`capabilities.Add` CAP_SYS_ADMIN"))
    causes += _windows(context.get("windowsOptions"), f"{path}.windowsOptions")
    return causes + _apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def _identifiers(context: Object, path: str, names: tuple[str, ...]) -> list[Cause]:
    return [cause for name in names for cause in _identifier(f"{path}.{name}", context.get(name))]


def _identifier(path: str, value: int | None) -> list[Cause]:
    if value is None or 0 <= value <= _MAX_ID:
        return []
    return [validation.wrong(path, value, f"must be between 0 and {_MAX_ID}, inclusive")]


def _word(context: Object, path: str, name: str, allowed: tuple[str, ...]) -> list[Cause]:
    found = context.get(name)
    return [] if found is None or found in allowed else [validation.unsupported(f"{path}.{name}", found, allowed)]


def _seccomp(profile: Object | None, path: str) -> list[Cause]:
    if profile is None:
        return []
    kind, local = profile.get("type"), profile.get("localhostProfile")
    causes: list[Cause] = []
    if not kind:
        causes.append(validation.required(f"{path}.type", "type is required when seccompProfile is set"))
    elif kind not in _PROFILES:
        causes.append(validation.unsupported(f"{path}.type", kind, _PROFILES))
    if kind == "Localhost":
        if local is None:
            why = "must be set when seccomp type is Localhost"
            return [*causes, validation.required(f"{path}.localhostProfile", why)]
        return causes + descending_path(f"{path}.localhostProfile", local)
    if local is not None:
        why = "can only be set when seccomp type is Localhost"
        causes.append(validation.wrong(f"{path}.localhostProfile", profile, why))
    return causes


def _apparmor(profile: Object | None, path: str) -> list[Cause]:
    if profile is None:
        return []
    kind, where = profile.get("type"), f"{path}.localhostProfile"
    local: str | None = profile.get("localhostProfile")
    if not kind:
        return [validation.required(f"{path}.type", "type is required when appArmorProfile is set")]
    if kind not in _PROFILES:
        return [validation.unsupported(f"{path}.type", kind, _PROFILES)]
    if kind != "Localhost":
        why = "can only be set when AppArmor type is Localhost"
        return [] if local is None else [validation.wrong(where, local, why)]
    causes: list[Cause] = []
    given = local or ""
    if not given.strip():
        causes.append(validation.required(where, "must be set when AppArmor type is Localhost"))
    elif given != given.strip():
        causes.append(validation.wrong(where, given, "must not be padded with whitespace"))
    if len(given) > _MAX_PROFILE:
        causes.append(validation.too_long(where, _MAX_PROFILE))
    return causes


def _windows(options: Object | None, path: str) -> list[Cause]:
    if options is None:
        return []
    causes: list[Cause] = []
    name = options.get("gmsaCredentialSpecName")
    if name is not None:
        causes += validation.each(f"{path}.gmsaCredentialSpecName", name, validation.dns_subdomain(name))
    credentials = options.get("gmsaCredentialSpec")
    if credentials == "":
        causes.append(
            validation.wrong(f"{path}.gmsaCredentialSpec", "", "gmsaCredentialSpec cannot be an empty string")
        )
    elif credentials is not None and len(credentials) > _MAX_CREDENTIALS:
        why = f"gmsaCredentialSpec size must be under {_MAX_CREDENTIALS // 1024} KiB"
        causes.append(validation.wrong(f"{path}.gmsaCredentialSpec", credentials, why))
    return causes + _windows_user(options.get("runAsUserName"), f"{path}.runAsUserName")


def _windows_user(name: str | None, path: str) -> list[Cause]:
    if name is None:
        return []
    if not name:
        return [validation.wrong(path, name, "runAsUserName cannot be an empty string")]
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        return [validation.wrong(path, name, "runAsUserName cannot contain control characters")]
    *domain, user = name.split("\\")
    if len(domain) > 1:
        return [validation.wrong(path, name, "runAsUserName cannot contain more than one backslash")]
    causes: list[Cause] = []
    if domain and len(domain[0]) >= _MAX_DOMAIN:
        why = f"runAsUserName's Domain length must be under {_MAX_DOMAIN} characters"
        causes.append(validation.wrong(path, name, why))
    if not user:
        causes.append(validation.wrong(path, name, "runAsUserName's User cannot be empty"))
    elif len(user) > _MAX_WINDOWS_USER:
        why = f"runAsUserName's User length must not be longer than {_MAX_WINDOWS_USER} characters"
        causes.append(validation.wrong(path, name, why))
    return causes


_OF_POD_SPEC = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")
_OF_POD = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
_OF_CONTAINER = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
_LISTS = ("initContainers", "containers", "ephemeralContainers")


def validate_system(spec: Object, path: str) -> list[Cause]:
    """What a pod for one operating system may not ask of another."""
    if spec.get("os") is None:
        return []
    name = spec["os"].get("name") or ""
    if not name:
        return [validation.required(f"{path}.os.name", "cannot be empty")]
    if name == "linux":
        return _not_set(
            spec, path, ("windowsOptions",), ("windowsOptions",), "windows options cannot be set for a linux pod"
        )
    if name != "windows":
        return [validation.unsupported(f"{path}.os", name, ("linux", "windows"))]
    why = "cannot be set for a windows pod"
    # False is what Go has when nothing was said of the namespaces, though not of the users.
    causes = [
        validation.forbidden(f"{path}.{field}", why)
        for field in _OF_POD_SPEC
        if spec.get(field) or (spec.get(field) is not None and field in {"hostUsers", "shareProcessNamespace"})
    ]
    return causes + _not_set(spec, path, _OF_POD, _OF_CONTAINER, why)


def _not_set(spec: Object, path: str, of_pod: tuple[str, ...], of_container: tuple[str, ...], why: str) -> list[Cause]:
    context = spec.get("securityContext") or {}
    causes = [
        validation.forbidden(f"{path}.securityContext.{field}", why)
        for field in of_pod
        if context.get(field) is not None and context[field] != []
    ]
    return causes + [
        validation.forbidden(f"{path}.{kind}[{index}].securityContext.{field}", why)
        for kind in _LISTS
        for index, container in enumerate(spec.get(kind) or ())
        for field in of_container
        if (container.get("securityContext") or {}).get(field) is not None
    ]
