"""`secret`: the keys of Secrets (and ConfigMaps) from the command line. Values come from standard input, a file or an
editor and never from an argument, which everybody on the machine could read; they are printed only when asked for by
key."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from common.api import configuration
from common.api.configuration import USERS, User
from common.api.kinds import CONFIGMAPS, KEYROTATIONS, SECRETS, Resource
from common.api.meta import Object
from common.errors import AlreadyExists, Conflict, NotFound
from console import editor
from console.views import keyvalues
from console.views.keyvalues import Draft

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .output import clean, columns, dump

_NAME = "a Secret's name, or secret/NAME, configmap/NAME"
_KINDS = {word: resource for resource, words in ((SECRETS, ("secret", "secrets")),
          (CONFIGMAPS, ("configmap", "configmaps", "cm"))) for word in words}  # fmt: skip
ATTEMPTS = 5  # when others write the object at the same time
ROTATION_SECONDS = 600.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Look at and change the keys of Secrets and ConfigMaps; values never stand in arguments."
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    get = verbs.add_parser("get", help="keys with the lengths of their values and who uses them; or one value")
    _object(get)
    get.add_argument("key", nargs="?", help="print the value of this key as it is")
    arguments.output(get, ("json", "yaml"))
    get.set_defaults(run=show)
    put = verbs.add_parser("set", help="set a key to what comes on standard input or stands in a file")
    _object(put)
    put.add_argument("key", help="the key")
    put.add_argument("--from-file", metavar="FILE", help="the value, byte for byte (default: standard input)")
    _dry_run(put)
    put.set_defaults(run=put_value)
    edit = verbs.add_parser("edit", help="change a value in your $EDITOR; its file is in memory only")
    _object(edit)
    edit.add_argument("key", help="the key")
    _dry_run(edit)
    edit.set_defaults(run=edit_value)
    unset = verbs.add_parser("unset", help="remove keys")
    _object(unset)
    unset.add_argument("keys", nargs="+", metavar="KEY", help="the keys")
    _dry_run(unset)
    unset.set_defaults(run=unset_keys)
    rotate = verbs.add_parser("rotate-key", help="encrypt what is stored with a new key")
    rotate.set_defaults(run=rotate_key)


def _object(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", metavar="NAME", help=_NAME)
    arguments.namespace(parser)


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")


def _target(word: str) -> tuple[Resource, str]:
    kind, slash, name = word.rpartition("/")
    resource = _KINDS.get(kind.lower()) if slash else SECRETS
    if resource is None or not name:
        raise Failure(f'"{word}" is neither {_NAME}', Exit.USAGE)
    return resource, name


def _read(context: Context, resource: Resource, name: str) -> Object:
    found: Object = context.api.get(context.path(resource, name))
    return {**found, "kind": resource.kind}


def show(args: argparse.Namespace) -> int:
    context = Context.of(args)
    resource, name = _target(args.object)
    draft = Draft(_read(context, resource, name))
    values = draft.values()
    if args.key is not None:
        if args.key not in values:
            raise Failure(
                f"{resource.kind} {name} has no key {args.key!r}; it has {', '.join(sorted(values)) or 'none'}"
            )
        sys.stdout.buffer.write(values[args.key])
        sys.stdout.buffer.flush()
        return Exit.OK
    users = _users(context, resource, name)
    if args.output:
        print(dump(_document(draft, users), args.output))
        return Exit.OK
    if values:
        print(columns(("KEY", "BYTES"), [(key, len(value)) for key, value in sorted(values.items())]))
    else:
        print(f"{resource.kind} {name} has no keys")
    print(f"\n{keyvalues.users_phrase(users)}".rstrip())
    for user in users:
        print(f"  {user.kind} {user.name} ({', '.join(user.how)})")
    return Exit.OK


def _document(draft: Draft, users: list[User]) -> Object:
    return {
        "keys": [{"key": key, "bytes": len(value)} for key, value in sorted(draft.values().items())],
        "usedBy": [{"kind": user.kind, "name": user.name, "how": list(user.how), "pods": user.pods,
                    "restarts": user.restarts} for user in users],
        "podsReplacedByChange": configuration.will_restart(users),
    }  # fmt: skip


def _users(context: Context, resource: Resource, name: str) -> list[User]:
    found = [{**obj, "kind": kind.kind} for kind in USERS for obj in context.api.get(context.path(kind))["items"]]
    return configuration.users((resource.plural, context.namespace or "default", name), found)


def put_value(args: argparse.Namespace) -> int:
    resource, name = _target(args.object)
    wrong = keyvalues.wrong_key(args.key)
    if wrong:
        raise Failure(f"{args.key!r}: {wrong}", Exit.USAGE)
    context = Context.of(args)
    value = _value(args.from_file, args.key)
    return _write(context, resource, name, {args.key: value}, may_make=True, dry_run=args.dry_run)


def _value(file: str | None, key: str) -> bytes:
    if file is not None:
        try:
            return Path(file).read_bytes()
        except OSError as error:
            raise Failure(f"{file}: {error.strerror or error}") from None
    if sys.stdin.isatty():
        return getpass.getpass(f"Value of {key} (not shown): ").encode()
    return sys.stdin.buffer.read()


def edit_value(args: argparse.Namespace) -> int:
    context = Context.of(args)
    resource, name = _target(args.object)
    current = Draft(_read(context, resource, name)).values().get(args.key)
    if current is None:
        raise Failure(f"{resource.kind} {name} has no key {args.key!r}; `quarterdeck secret set` makes one")
    if not keyvalues.is_text(current):
        raise Failure(f"{args.key} is binary: `quarterdeck secret set --from-file` replaces it")
    try:
        changed = editor.edit(current, args.key)
    except editor.EditFailed as error:
        raise Failure(str(error)) from None
    return _write(context, resource, name, {args.key: changed}, based_on=current, dry_run=args.dry_run)


def unset_keys(args: argparse.Namespace) -> int:
    context = Context.of(args)
    resource, name = _target(args.object)
    known = Draft(_read(context, resource, name)).values()
    missing = [key for key in args.keys if key not in known]
    if missing:
        raise Failure(f"{resource.kind} {name} has no key {', '.join(missing)}; it has {', '.join(sorted(known))}")
    return _write(context, resource, name, dict.fromkeys(args.keys), dry_run=args.dry_run)


def _write(
    context: Context, resource: Resource, name: str, edits: dict[str, bytes | None], *, may_make: bool = False,
    based_on: bytes | None = None, dry_run: bool,
) -> int:  # fmt: skip
    """Write the edits on top of what is there now; what others write at the same time stays."""
    params = {"dryRun": "All"} if dry_run else {}
    for _ in range(ATTEMPTS):
        try:
            obj, made = _read(context, resource, name), False
        except NotFound:
            if not may_make:
                raise
            obj, made = _empty(resource, name, context.namespace or "default"), True
        draft = Draft(obj)
        if based_on is not None and any(draft.values().get(key) != based_on for key in edits):
            raise Failure(f"{resource.kind} {name} was changed while you edited it: nothing was written")
        for key, value in edits.items():
            draft = draft.delete(key) if value is None else draft.set(key, value)
        if not draft.edits and not made:
            print(f"{resource.kind.lower()}/{name} unchanged")
            return Exit.OK
        try:
            if made:
                _make(context, resource, draft, params)
            else:
                _patch(context, resource, name, draft, params)
        except (AlreadyExists, Conflict):
            continue
        _say(draft, f"{resource.kind.lower()}/{name}", _users(context, resource, name), made=made, dry_run=dry_run)
        return Exit.OK
    raise Failure(f"{resource.kind} {name} is written by others all the time: nothing was written, try again")


def _patch(context: Context, resource: Resource, name: str, draft: Draft, params: dict[str, str]) -> None:
    path = context.path(resource, name)
    context.api.send("PATCH", path, draft.patch(), params=params, content_type="application/merge-patch+json")


def _empty(resource: Resource, name: str, namespace: str) -> Object:
    return {"apiVersion": "v1", "kind": resource.kind, "metadata": {"name": name, "namespace": namespace}}


def _make(context: Context, resource: Resource, draft: Draft, params: dict[str, str]) -> None:
    content = {field: value for field, value in draft.patch().items() if field != "metadata"}
    context.api.send("POST", context.path(resource), {**draft.obj, **content}, params=params)


def _say(draft: Draft, what: str, users: list[User], *, made: bool, dry_run: bool) -> None:
    done = ("would be " if dry_run else "") + ("created" if made else "changed")
    print(f"{what} {done}")
    for item in draft.differences():
        print(f"  {clean(item.key)}: {item.words}")
    if users:
        print(f"  {keyvalues.users_phrase(users)}")


def rotate_key(args: argparse.Namespace) -> int:
    answer = Context.of(args).api.send("POST", KEYROTATIONS.path(), {}, timeout=ROTATION_SECONDS)
    status = answer["status"]
    print(f"key {status['key']} is in use now; {status['rewritten']} values on disk were encrypted anew")
    return Exit.OK
