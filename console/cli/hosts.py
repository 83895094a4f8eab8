"""`discover` and `adopt`: machines that announce themselves, and making one of them a node."""

from __future__ import annotations

import argparse
import getpass
import sys
from urllib.parse import quote

from common.api.kinds import HOSTS
from common.api.meta import Object, name
from common.errors import NotFound
from common.hosts import ADOPTION_SECONDS

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .get import TABLE
from .output import as_list, dump, table


def configure_discover(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the hosts that announce themselves on this network, adopted or not."
    arguments.output(parser)
    parser.set_defaults(run=discover)


def discover(args: argparse.Namespace) -> int:
    context = Context.of(args)
    if args.output in {"json", "yaml"}:
        print(dump(as_list(context.api.get(HOSTS.path())["items"]), args.output))
        return Exit.OK
    kind = context.kinds.find(HOSTS.plural)
    if args.output == "name":
        for host in context.api.get(HOSTS.path())["items"]:
            print(f"{kind.label}/{name(host)}")
        return Exit.OK
    document = context.api.get(HOSTS.path(), accept=TABLE)
    if not document.get("rows"):
        print(
            "No hosts found. Start `quarterdeck-agent run` on a machine of this network; "
            "one behind a router is adopted by its address: `quarterdeck adopt ADDRESS`.",
            file=sys.stderr,
        )
        return Exit.OK
    print(table(document, kind, wide=args.output == "wide", with_namespace=False, with_kind=False))
    return Exit.OK


def configure_adopt(parser: argparse.ArgumentParser) -> None:
    parser.description = "Make a host a node of this cluster. Its agent prints the pairing code."
    parser.add_argument("host", metavar="HOST", help="name from `discover`, or an address: HOST, HOST:PORT, [V6]:PORT")
    parser.add_argument("--code", help="pairing code that the agent prints (asked for on a terminal)")
    parser.set_defaults(run=adopt)


def adopt(args: argparse.Namespace) -> int:
    context = Context.of(args)
    known = find_host(context.api.get(HOSTS.path())["items"], args.host)
    status = (known or {}).get("status") or {}
    host = name(known) if known else args.host
    if status.get("phase") == "Adopted":
        print(f"host {host} is already node {status.get('nodeName')}")
        return Exit.OK
    code = args.code if args.code is not None else _ask(host, str(status.get("fingerprint") or ""))
    path = HOSTS.path(None, quote(host, safe=""), "adopt")
    try:
        adopted = context.api.send("POST", path, {"code": code}, timeout=ADOPTION_SECONDS)
    except NotFound:
        raise Failure(
            f'host "{host}" is not known: `quarterdeck discover` lists those that are; '
            "one behind a router is adopted by its address"
        ) from None
    print(f"host {name(adopted)} adopted as node {(adopted.get('status') or {}).get('nodeName') or name(adopted)}")
    return Exit.OK


def find_host(hosts: list[Object], wanted: str) -> Object | None:
    """The discovered host of that name or address."""
    for host in hosts:
        if wanted == name(host) or wanted in ((host.get("status") or {}).get("addresses") or ()):
            return host
    return None


def _ask(host: str, fingerprint: str) -> str:
    if not sys.stdin.isatty():
        # An agent of this machine needs none; of any other the refusal says how to get it.
        return ""
    if fingerprint:
        print(f"host {host}, certificate {fingerprint[:16]}…", file=sys.stderr)
    return getpass.getpass("Pairing code (quarterdeck-agent printed it there; empty for this machine): ").strip()
