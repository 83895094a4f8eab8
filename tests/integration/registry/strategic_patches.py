"""Objects with lists that merge, and strategic patches of them with every directive, right and wrong ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Object = dict[str, Any]

_NAMES = st.sampled_from(["a", "b", "c"])
_WORDS = st.sampled_from(["x", "y", "z"])
_MAPS = st.dictionaries(_NAMES, _WORDS, max_size=3)


def _elements(
    key: str, keys: st.SearchStrategy[Any], **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[Object]]:
    element = st.fixed_dictionaries({key: keys}, optional=fields)
    return st.lists(element, max_size=3, unique_by=lambda item: item[key])


_LIMITS = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.just("1"))
_PROTOCOLS = st.sampled_from(["TCP", "UDP"])
_PORTS = st.lists(
    st.fixed_dictionaries(
        {"containerPort": st.sampled_from([80, 443])},
        optional={"name": _NAMES, "protocol": _PROTOCOLS, "hostIP": _WORDS},
    ),
    max_size=3,
)
_CONTAINERS = _elements(
    "name",
    _NAMES,
    image=_WORDS,
    args=st.lists(_WORDS, max_size=2),
    env=_elements("name", _NAMES, value=_WORDS),
    ports=_PORTS,
    volumeMounts=_elements("mountPath", _WORDS, name=_NAMES, readOnly=st.booleans()),
    resources=st.fixed_dictionaries({}, optional={"limits": _LIMITS}),
    securityContext=st.fixed_dictionaries({}, optional={"privileged": st.booleans(), "runAsUser": st.integers(1, 3)}),
)  # fmt: skip
_SPEC = st.fixed_dictionaries(
    {"containers": _CONTAINERS},
    optional={
        "volumes": _elements("name", _NAMES, emptyDir=st.just({}), configMap=st.builds(lambda n: {"name": n}, _NAMES)),
        "nodeSelector": _MAPS,
        "tolerations": st.lists(st.fixed_dictionaries({"key": _NAMES}), max_size=2),
        "imagePullSecrets": _elements("name", _NAMES),
        "hostAliases": _elements("ip", st.sampled_from(["1.1.1.1", "2.2.2.2"]), hostnames=st.lists(_NAMES, max_size=2)),
        "topologySpreadConstraints": _elements("topologyKey", _NAMES, maxSkew=st.integers(1, 2)),
        "hostNetwork": st.booleans(),
        "priority": st.integers(1, 3),
    },
)
_SERVICE = st.fixed_dictionaries(
    {},
    optional={
        "ports": st.lists(
            st.fixed_dictionaries(
                {"port": st.sampled_from([80, 443])},
                optional={"name": _NAMES, "protocol": _PROTOCOLS},
            ),
            max_size=3,
        ),
        "selector": _MAPS,
        "externalIPs": st.lists(st.sampled_from(["1.1.1.1", "2.2.2.2"]), max_size=2),
        "type": st.sampled_from(["ClusterIP", "NodePort"]),
    },
)
_METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": _MAPS,
        "finalizers": st.lists(st.sampled_from(["e.x/a", "e.x/b", "e.x/c"]), max_size=3, unique=True),
        "ownerReferences": _elements("uid", _NAMES, name=_NAMES, kind=_WORDS, apiVersion=_WORDS),
    },
)


def _strategy(kind: str) -> st.SearchStrategy[Object]:
    """The strategy field of a workload, which keeps only the keys that a patch names."""
    update = st.fixed_dictionaries({}, optional={"maxSurge": st.integers(0, 2), "maxUnavailable": st.just("25%")})
    fields = {"type": st.sampled_from(["RollingUpdate", "Recreate"]), "rollingUpdate": update}
    return st.fixed_dictionaries({}, optional=fields) if kind == "Deployment" else st.just({})


def _specs(kind: str) -> st.SearchStrategy[Object]:
    template = st.fixed_dictionaries({}, optional={"metadata": _METADATA, "spec": _SPEC})
    match kind:
        case "Pod":
            return _SPEC
        case "Service":
            return _SERVICE
        case "CronJob":
            job = st.fixed_dictionaries(
                {}, optional={"spec": st.fixed_dictionaries({}, optional={"template": template})}
            )
            return st.fixed_dictionaries({"schedule": _WORDS}, optional={"jobTemplate": job, "suspend": st.booleans()})
    fields = {"replicas": st.integers(0, 3), "template": template, "strategy": _strategy(kind)}
    return st.fixed_dictionaries({}, optional=fields)


def objects(kind: str, api_version: str) -> st.SearchStrategy[Object]:
    typed = {"apiVersion": api_version, "kind": kind}
    return st.builds(
        lambda metadata, spec: {**typed, "metadata": {**metadata, "name": "o"}, "spec": spec}, _METADATA, _specs(kind)
    )


@st.composite
def patches(draw: st.DrawFn, kind: str) -> Object:
    found = draw(st.fixed_dictionaries({}, optional={"metadata": _METADATA, "spec": _specs(kind)}))
    return _directed(draw, found)


# By which keys elements are known; others by name.
_KEYS = {
    "ports": ("containerPort", "port"), "volumeMounts": ("mountPath",), "hostAliases": ("ip",),
    "ownerReferences": ("uid",), "topologySpreadConstraints": ("topologyKey",),
}  # fmt: skip
_KEY_NAMES = {"name", *(key for keys in _KEYS.values() for key in keys)}


def _directed(draw: st.DrawFn, value: Any, name: str = "", *, element: bool = False) -> Any:
    """With nulls and directives where they belong. What is new keeps directives inside as they are, so that there are
    none in elements of lists."""
    if isinstance(value, list):
        return [_directed(draw, item, element=True) for item in value]
    if not isinstance(value, dict):
        return None if name not in {"", *_KEY_NAMES} and draw(st.integers(0, 11)) == 0 else value
    choice = draw(st.integers(0, 9))
    if element:
        return {**value, "$patch": "delete"} if choice == 0 else value
    found = {key: _directed(draw, item, key) for key, item in value.items()}
    for key in [key for key, item in value.items() if isinstance(item, list) and key in {*_KEYS, *_ORDERED}]:
        _order(draw, found, key)
    if choice == 0 and name not in {"", "metadata"}:
        found["$patch"] = draw(st.sampled_from(["replace", "delete"]))
    elif choice == 1 and name == "strategy":
        found["$retainKeys"] = sorted({*value, draw(st.sampled_from(["type", "rollingUpdate"]))})
    elif choice < 4 and name == "metadata":
        # What a patch adds and deletes at once is there or not, as Go's maps happen to be in order.
        gone = draw(st.lists(st.sampled_from(["e.x/a", "e.x/b"]), unique=True))
        added = value.get("finalizers") or ()
        found["$deleteFromPrimitiveList/finalizers"] = [item for item in gone if item not in added]
    return found


_ORDERED = ("containers", "env", "volumes", "imagePullSecrets", "finalizers")


def _order(draw: st.DrawFn, found: Object, name: str) -> None:
    """The order of a list, as clients send it: by the keys of what is there."""
    items = found[name]
    if not items or draw(st.integers(0, 2)):
        return
    keys = _KEYS.get(name, ("name",))
    listed = [
        {key: item[key] for key in keys if key in item} if isinstance(item, dict) else item
        for item in items
        if not (isinstance(item, dict) and "$patch" in item)
    ]
    if all(listed) and None not in [key for item in listed if isinstance(item, dict) for key in item.values()]:
        found[f"$setElementOrder/{name}"] = draw(st.just(listed) | st.permutations(listed))
