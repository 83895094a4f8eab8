"""A connection to a machine: commands as its user or as root, and files, over SSH. The only importer of paramiko.

Passwords reach the machine on standard input alone, never in a command line. Methods block.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import paramiko

from .hostkeys import HostKey, KnownHosts, fingerprint
from .target import Target

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
CHUNK = 64 * 1024


class SshError(Exception):
    """Why nothing was done, or what was cut off; the message names the machine and what to do."""


class UnknownHostKey(SshError):
    """Nobody accepted this machine's key yet."""

    def __init__(self, target: Target, key: HostKey) -> None:
        super().__init__(
            f"{target.host} shows a key that nobody has accepted: {key.kind} {key.fingerprint}. Compare it with "
            "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on that machine, then accept it"
        )
        self.key = key


class ChangedHostKey(SshError):
    """The key differs from the accepted one: another machine, or somebody in between."""


class CommandFailed(SshError):
    """A command ended with another code than 0."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """`password` is tried for the login when no key works, and for sudo. Keys come from the agent and from ~/.ssh too
    unless `key_file` names one."""

    key_file: Path | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


class Connection:
    """An open connection; a context manager. `root` is set by `become_root`."""

    def __init__(self, client: paramiko.SSHClient, target: Target, password: str | None) -> None:
        self._client = client
        self._target = target
        self._password = password
        self._prefix: list[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_rest: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()

    def become_root(self) -> None:
        """Find a way to run commands as root: the user is root, or sudo lets it. Raises SshError."""
        if self.run("id -u").out.strip() == "0":
            self._prefix = []
            return
        if self._try("sudo -n true").code == 0:
            self._prefix = ["sudo", "-n"]
            return
        if self._try("command -v sudo").code != 0:
            raise SshError(f"{self._target} is not root and {self._target.host} has no sudo: log in as root")
        if not self._password:
            raise SshError(f"sudo asks {self._target} for a password: give the password")
        if self._try("sudo -S -k -p '' true", f"{self._password}\n".encode()).code != 0:
            raise SshError(f"sudo refuses {self._target}: the password is wrong, or the user may not use sudo")
        # -k: asks every time. Otherwise a remembered login would leave the password to the command's own input.
        self._prefix = ["sudo", "-S", "-k", "-p", "''"]

    def run(self, script: str, data: bytes = b"", *, seconds: float = COMMAND_SECONDS) -> Done:
        """Run a shell script as the user. Raises CommandFailed, SshError when the connection is cut."""
        return self._checked(script, self._try(script, data, seconds))

    def root(self, script: str, data: bytes = b"", *, seconds: float = COMMAND_SECONDS) -> Done:
        """The same as root, `data` on its standard input."""
        return self._checked(script, self.try_root(script, data, seconds=seconds))

    def try_root(self, script: str, data: bytes = b"", *, seconds: float = COMMAND_SECONDS) -> Done:
        """As `root`; the code is the caller's to judge."""
        if self._prefix is None:
            raise SshError(f"no way to root of {self._target.host} was looked for")
        words = [*self._prefix, "sh", "-c", shlex.quote(script)]
        asks = "-S" in self._prefix
        first = f"{self._password}\n".encode() if asks else b""
        return self._try(" ".join(words), first + data, seconds)

    def _checked(self, script: str, done: Done) -> Done:
        if done.code != 0:
            told = "\n".join((done.err or done.out).strip().splitlines()[-8:])
            short = script.strip().splitlines()[0][:80]
            raise CommandFailed(f"{self._target.host}: `{short}` ended with {done.code}: {told}")
        return done

    def _try(self, command: str, data: bytes = b"", seconds: float = COMMAND_SECONDS) -> Done:
        with self._lost():
            channel = self._client.get_transport().open_session(timeout=CONNECT_SECONDS)  # type: ignore[union-attr]
            try:
                channel.settimeout(seconds)
                channel.exec_command(command)
                # Reading and writing at once: a command that talks while it is fed would block for ever otherwise.
                writer = threading.Thread(target=_feed, args=(channel, data), daemon=True)
                writer.start()
                out, err = _collect(channel)
                writer.join(seconds)
                return Done(channel.recv_exit_status(), out, err)
            finally:
                channel.close()

    @contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError, AttributeError) as error:
            raise SshError(
                f"the connection to {self._target.host} was cut ({error or type(error).__name__}): run it again, it "
                "goes on where it was"
            ) from error


def _feed(channel: paramiko.Channel, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the command may end without reading all of it
        for start in range(0, len(data), CHUNK):
            channel.sendall(data[start : start + CHUNK])
        channel.shutdown_write()


def _collect(channel: paramiko.Channel) -> tuple[str, str]:
    err: list[bytes] = []
    reader = threading.Thread(target=lambda: err.extend(iter(lambda: channel.recv_stderr(CHUNK), b"")), daemon=True)
    reader.start()
    out = list(iter(lambda: channel.recv(CHUNK), b""))
    reader.join()
    return b"".join(out).decode(errors="replace"), b"".join(err).decode(errors="replace")


def connect(target: Target, credentials: Credentials, known: KnownHosts, accept: str = "") -> Connection:
    """Log in. `accept` is the fingerprint of a key that may be taken although nobody knew it. Raises UnknownHostKey,
    ChangedHostKey, or SshError: not reached, or not let in."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Policy(target, known, accept))
    accepted = known.keys(target)
    for key in accepted:
        with contextlib.suppress(paramiko.SSHException, ValueError):
            made = paramiko.PKey.from_type_string(key.kind, key.key)
            client.get_host_keys().add(_name(target), key.kind, made)
    try:
        client.connect(
            target.host, port=target.port, username=target.user, password=credentials.password,
            key_filename=str(credentials.key_file) if credentials.key_file else None,
            look_for_keys=credentials.key_file is None, allow_agent=credentials.key_file is None,
            timeout=CONNECT_SECONDS, banner_timeout=CONNECT_SECONDS, auth_timeout=CONNECT_SECONDS,
        )  # fmt: skip
    except BaseException as error:
        client.close()
        if isinstance(error, SshError) or not isinstance(error, paramiko.SSHException | OSError | EOFError):
            raise
        raise _explained(target, error) from error
    return Connection(client, target, credentials.password)


def _name(target: Target) -> str:
    return target.host if target.port == paramiko.config.SSH_PORT else f"[{target.host}]:{target.port}"


def _explained(target: Target, error: Exception) -> SshError:
    if isinstance(error, paramiko.BadHostKeyException):
        shown = fingerprint(error.key.asbytes())
        return ChangedHostKey(
            f"{target.host} shows another key than the one that was accepted: {shown}. Either the machine was made "
            "anew, then forget the old key first, or somebody sits in between. Nothing was sent"
        )
    if isinstance(error, paramiko.AuthenticationException):
        return SshError(f"{target.host} does not let {target.user} in: wrong password, or no key that it knows")
    if isinstance(error, socket.gaierror):
        return SshError(f"{target.host} is no known host name")
    if isinstance(error, TimeoutError):
        return SshError(f"{target.host} port {target.port} does not answer within {CONNECT_SECONDS:.0f} s")
    return SshError(f"no SSH with {target.host} port {target.port}: {error}")


class _Policy(paramiko.MissingHostKeyPolicy):
    """Takes the one key that the user accepted, refuses all others."""

    def __init__(self, target: Target, known: KnownHosts, accept: str) -> None:
        self._target = target
        self._known = known
        self._accept = accept

    def missing_host_key(self, _client: paramiko.SSHClient, _hostname: str, key: paramiko.PKey) -> None:
        shown = HostKey(key.get_name(), key.asbytes())
        known = self._known.keys(self._target)
        if known and all(item.key != shown.key for item in known):
            # Of another kind than the accepted one: as much of a change as another key of the same kind.
            raise ChangedHostKey(
                f"{self._target.host} shows a key of another kind than was accepted: {shown.kind} {shown.fingerprint}"
            )
        if shown.fingerprint != self._accept:
            raise UnknownHostKey(self._target, shown)
        self._known.accept(self._target, shown)
