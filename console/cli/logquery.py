"""What `logs` asks for: the containers, and the options of the API for each."""

from __future__ import annotations

import argparse

from common.api.meta import Key, Object, name, namespace

from .logprinter import Source
from .podtargets import container_names, pick_container

AT_ONCE = 20  # followed at a time: each is a connection to its node


def sources(pods: list[Object], args: argparse.Namespace) -> list[Source]:
    """The containers that are meant, in the order of their pods. Failure when a pod has not the one that is named."""
    return [
        Source(Key(namespace(pod), name(pod)), container)
        for pod in pods
        for container in (container_names(pod) if args.all_containers else [pick_container(pod, args.container)])
    ]


def query(args: argparse.Namespace, container: str) -> dict[str, str]:
    """The options of the API. Times are always asked for where lines are looked at one by one."""
    flags = {"follow": args.follow, "previous": args.previous, "timestamps": args.timestamps}
    asked = {"container": container} | {key: "true" for key, value in flags.items() if value}
    if args.tail is not None:
        asked["tailLines"] = str(args.tail)
    if args.since is not None:
        asked["sinceSeconds"] = str(max(1, round(args.since)))
    return asked
