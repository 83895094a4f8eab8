"""From Kubernetes' words to the Docker Engine's and back. Pure: specs in, the JSON of `POST /containers/create` out.

Secrets never come near a label: environment and files are the only places where a container gets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from common.api import meta
from common.api.meta import Object
from common.api.resizing import CPU_PERIOD, Figures, bounded, figures

from .base import ContainerInfo, ContainerSpec, ContainerState, Mount, RuntimeFailure, SandboxSpec

LABEL = "io.quarterdeck"
LOG_CONFIG = {
    "Type": "json-file",
    "Config": {"max-size": "10m", "max-file": "5"},
}  # kubelet's containerLogMaxSize/Files
_UNSET = "0001-01-01T00:00:00Z"


def container_name(pod: Object, container: str, attempt: int) -> str:
    """Unique per attempt, so that a repeated call finds what an earlier one made."""
    text = f"qd_{container or 'sandbox'}_{meta.name(pod)}_{meta.namespace(pod)}"
    return f"{text[:100]}_{meta.uid(pod)}_{attempt}"


def labels(cluster: str, pod: Object, container: str, attempt: int, spec_hash: str) -> dict[str, str]:
    return {
        LABEL: cluster,
        f"{LABEL}.pod.uid": meta.uid(pod),
        f"{LABEL}.pod.namespace": meta.namespace(pod),
        f"{LABEL}.pod.name": meta.name(pod),
        f"{LABEL}.container": container,
        f"{LABEL}.attempt": str(attempt),
        f"{LABEL}.spec-hash": spec_hash,
    }


def sandbox_config(spec: SandboxSpec, cluster: str, image: str) -> Object:
    """The container that holds a pod's network, IPC and host name."""
    pod_spec = spec.pod.get("spec") or {}
    host: Object = {
        "NetworkMode": spec.network or "host",
        "IpcMode": "host" if pod_spec.get("hostIPC") else "shareable",
        "RestartPolicy": {"Name": "no"},
        "LogConfig": {"Type": "none", "Config": {}},
        "CapDrop": ["ALL"],
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges"],
        "OomScoreAdj": spec.oom_score,
        "Sysctls": dict(spec.sysctls),
    }
    if pod_spec.get("hostPID"):
        host["PidMode"] = "host"
    if spec.runtime:
        host["Runtime"] = spec.runtime
    config: Object = {
        "Image": image,
        "Entrypoint": ["/pause"],
        "Labels": labels(cluster, spec.pod, "", spec.attempt, ""),
        "HostConfig": host,
    }
    if spec.network:
        config["Hostname"] = spec.hostname
        ports = _published(pod_spec)
        config["ExposedPorts"] = {port: {} for port in ports}
        host["PortBindings"] = ports
        config["NetworkingConfig"] = {"EndpointsConfig": {spec.network: {"IPAMConfig": _ipam(spec.addresses)}}}
    return config


def _ipam(addresses: tuple[str, ...]) -> dict[str, str]:
    return {f"IPv{ip_address(address).version}Address": address for address in addresses}


def _published(pod_spec: Object) -> dict[str, list[Object]]:
    """hostPorts, in the engine's words."""
    result: dict[str, list[Object]] = {}
    for container in pod_spec.get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                key = f"{port['containerPort']}/{str(port.get('protocol') or 'TCP').lower()}"
                binding = {"HostIp": str(port.get("hostIP") or ""), "HostPort": str(port["hostPort"])}
                result.setdefault(key, []).append(binding)
    return result


def container_config(spec: ContainerSpec, cluster: str) -> Object:
    """An app or init container in its pod's sandbox."""
    container, pod_spec = spec.container, spec.pod.get("spec") or {}
    name = str(container.get("name", ""))
    config: Object = {
        "Image": container.get("image"),
        "Env": [f"{key}={value}" for key, value in spec.environment.items()],
        "Labels": labels(cluster, spec.pod, name, spec.attempt, spec.spec_hash),
        "Healthcheck": {"Test": ["NONE"]},
        "Tty": bool(container.get("tty")),
        "OpenStdin": bool(container.get("stdin")),
        "StdinOnce": bool(container.get("stdinOnce")),
        "HostConfig": _host_config(spec, pod_spec),
    }
    if container.get("command"):
        config["Entrypoint"] = list(container["command"])
    if container.get("args"):
        config["Cmd"] = list(container["args"])
    if container.get("workingDir"):
        config["WorkingDir"] = container["workingDir"]
    if user := _user(spec.pod, container):
        config["User"] = user
    return config


def security(pod: Object, container: Object, field: str) -> Any:
    """A field of the security context: the container's own, else the pod's."""
    own = (container.get("securityContext") or {}).get(field)
    return own if own is not None else ((pod.get("spec") or {}).get("securityContext") or {}).get(field)


def _user(pod: Object, container: Object) -> str:
    user, group = security(pod, container, "runAsUser"), security(pod, container, "runAsGroup")
    if user is None:
        return f"0:{group}" if group is not None else ""
    return f"{user}:{group}" if group is not None else f"{user}"


def check_non_root(pod: Object, container: Object, image_user: str) -> None:
    """Refuse to run as root what must not (`runAsNonRoot`), with kubelet's words."""
    if not security(pod, container, "runAsNonRoot"):
        return
    user = security(pod, container, "runAsUser")
    text = str(user) if user is not None else image_user.partition(":")[0]
    if text in {"", "0", "root"}:
        who = (
            "container's runAsUser breaks non-root policy"
            if user is not None
            else ("container has runAsNonRoot and image will run as root")
        )
        raise RuntimeFailure(
            "CreateContainerConfigError",
            f'{who} (pod: "{meta.name(pod)}_{meta.namespace(pod)}({meta.uid(pod)})", container: {container["name"]})',
        )
    if not text.isdecimal():
        raise RuntimeFailure(
            "CreateContainerConfigError",
            f"container has runAsNonRoot and image has non-numeric user ({text}), cannot verify user is non-root",
        )


def _host_config(spec: ContainerSpec, pod_spec: Object) -> Object:
    container = spec.container
    context = container.get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    pod_context = pod_spec.get("securityContext") or {}
    groups = [*(pod_context.get("supplementalGroups") or ())]
    if pod_context.get("fsGroup") is not None:
        groups.append(pod_context["fsGroup"])
    host: Object = {
        "NetworkMode": f"container:{spec.sandbox_id}",
        "IpcMode": "host" if pod_spec.get("hostIPC") else f"container:{spec.sandbox_id}",
        "Mounts": [_mount(mount) for mount in spec.mounts],
        "Devices": [_device(device) for device in spec.devices],
        "RestartPolicy": {"Name": "no"},
        "LogConfig": LOG_CONFIG,
        "Privileged": bool(context.get("privileged")),
        "ReadonlyRootfs": bool(context.get("readOnlyRootFilesystem")),
        "CapAdd": list(capabilities.get("add") or ()),
        "CapDrop": list(capabilities.get("drop") or ()),
        "GroupAdd": [str(group) for group in groups],
        "SecurityOpt": _security_options(spec),
        **limits(figures(bounded(container.get("resources") or {}, spec.pod))),
        "OomScoreAdj": spec.oom_score,
    }
    if pod_spec.get("hostPID"):
        host["PidMode"] = "host"
    elif pod_spec.get("shareProcessNamespace"):
        host["PidMode"] = f"container:{spec.sandbox_id}"
    elif spec.target_id:
        host["PidMode"] = f"container:{spec.target_id}"
    if spec.runtime:
        host["Runtime"] = spec.runtime
    return host


def _mount(mount: Mount) -> Object:
    if mount.volume:
        # Nothing of the image is copied into it, as Kubernetes does not either.
        return {
            "Type": "volume", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only,
            "VolumeOptions": {"NoCopy": True},
        }  # fmt: skip
    result: Object = {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if mount.propagation:
        result["BindOptions"] = {"Propagation": mount.propagation}
    return result


def _device(device: Mount) -> Object:
    rights = "rm" if device.read_only else "rwm"
    return {"PathOnHost": device.source, "PathInContainer": device.target, "CgroupPermissions": rights}


def _security_options(spec: ContainerSpec) -> list[str]:
    options, pod, container = [], spec.pod, spec.container
    if security(pod, container, "allowPrivilegeEscalation") is False:
        options.append("no-new-privileges")
    seccomp = security(pod, container, "seccompProfile") or {}
    if seccomp.get("type") == "Unconfined":
        options.append("seccomp=unconfined")
    elif spec.seccomp:
        options.append(f"seccomp={spec.seccomp}")
    apparmor = security(pod, container, "appArmorProfile") or {}
    if apparmor.get("type") == "Unconfined":
        options.append("apparmor=unconfined")
    elif apparmor.get("type") == "Localhost":
        options.append(f"apparmor={apparmor['localhostProfile']}")
    return options


def limits(wanted: Figures) -> Object:
    """What the engine is told of a container's resources, when it is made and later."""
    result: Object = {"CpuShares": wanted.shares}
    if wanted.quota:
        result |= {"CpuPeriod": CPU_PERIOD, "CpuQuota": wanted.quota}
    if wanted.memory:
        # Equal limits for memory and memory+swap: a container may not swap, as in Kubernetes.
        result |= {"Memory": wanted.memory, "MemorySwap": wanted.memory}
    return result


def _figures(host: Mapping[str, Any]) -> Figures:
    shares, quota = int(host.get("CpuShares") or 0), int(host.get("CpuQuota") or 0)
    return Figures(shares, quota, int(host.get("Memory") or 0))


_STATES = {"created": ContainerState.CREATED, "running": ContainerState.RUNNING, "paused": ContainerState.RUNNING}


def info(data: Mapping[str, Any]) -> ContainerInfo:
    """What `inspect` says of one container of ours."""
    marks = data.get("Config", {}).get("Labels") or {}
    state = data.get("State", {})
    networks = (data.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = [net.get(field) for net in networks.values() for field in ("IPAddress", "GlobalIPv6Address")]
    return ContainerInfo(
        id=str(data["Id"]),
        pod_uid=marks.get(f"{LABEL}.pod.uid", ""),
        pod_namespace=marks.get(f"{LABEL}.pod.namespace", ""),
        pod_name=marks.get(f"{LABEL}.pod.name", ""),
        container=marks.get(f"{LABEL}.container", ""),
        attempt=int(marks.get(f"{LABEL}.attempt") or 0),
        state=_STATES.get(state.get("Status", ""), ContainerState.EXITED),
        image=data.get("Config", {}).get("Image", ""),
        image_id=data.get("Image", ""),
        started_at=_time(state.get("StartedAt")),
        finished_at=_time(state.get("FinishedAt")),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        spec_hash=marks.get(f"{LABEL}.spec-hash", ""),
        addresses=tuple(address for address in addresses if address),
        figures=_figures(data.get("HostConfig") or {}),
    )


def _time(text: str | None) -> str:
    """Whole seconds, as Kubernetes' Time has; empty for Docker's zero."""
    return "" if not text or text == _UNSET else text[:19] + "Z"
