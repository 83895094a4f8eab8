"""What is typed for a machine: `[USER@]HOST[:PORT]`."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from common.hosts import join_address, split_address

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Target:
    user: str
    host: str
    port: int = SSH_PORT

    def __str__(self) -> str:
        return f"{self.user}@{self.host if self.port == SSH_PORT else join_address(self.host, self.port)}"


def parse(text: str) -> Target:
    """ValueError names what is wrong. Without a user it is whoever runs this program, as with ssh."""
    user, at, address = text.strip().rpartition("@")
    if at and (not user or any(letter.isspace() for letter in user)):
        raise ValueError(f"{text!r}: {user!r} is no user name: a machine is [USER@]HOST[:PORT]")
    host, port = split_address(address, SSH_PORT)
    return Target(user or getpass.getuser(), host, port)
