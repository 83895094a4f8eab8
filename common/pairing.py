"""Pairing: a code that a person carries from an agent's terminal to the console proves both ends to each other.

SPAKE2 turns the code into a key without showing anything that could be tried offline; the fingerprints of both
certificates are part of it, so whoever sits in between with a certificate of his own gets another key. Each end
confirms the key over what it sends. A code is good for one attempt: guessing needs a new code each time, and the
`Desk` makes attempts slower the more fail. Codes never reach a log, an event or an error.

    console                                   agent
    message A, its certificate         ->
                                       <-     message B, signing request, confirmation over the request
    payload (certificate, authority),
    confirmation over the payload      ->     (adopted)
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from spake2 import SPAKE2_A, SPAKE2_B
from spake2.ed25519_basic import NotOnCurve
from spake2.spake2 import SPAKEError

from .clock import Clock

CODE_DIGITS = 8  # 10^8 codes, one guess each
ATTEMPT_SECONDS = 15.0  # a console answers in milliseconds; a cut connection must not block the next attempt for long
MAX_DELAY_SECONDS = 30.0  # between attempts: 10^8 guesses would take a century, a person who mistypes waits seconds
_MESSAGE_BYTES = 33
_CONSOLE, _AGENT = b"quarterdeck pairing: console", b"quarterdeck pairing: agent"


class PairingError(Exception):
    """Pairing failed; the message says why, without the code."""


class WrongCode(PairingError):
    """The other end used another code, or somebody sits in between."""


class Busy(PairingError):
    """Another attempt is under way or the last one failed just now; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def new_code() -> str:
    digits = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    return f"{digits[:4]}-{digits[4:]}"


def normalize_code(text: str) -> str:
    """The code's digits; PairingError when it cannot be one, so that a slip of the finger does not burn the code."""
    digits = "".join(letter for letter in text if letter not in " -\t\n")
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise PairingError(f"a pairing code has {CODE_DIGITS} digits, for example 4821-7730")
    return digits


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent sends back: its SPAKE2 message and its confirmation of `payload`."""

    message: bytes
    confirmation: bytes


class Initiator:
    """The console's side of one attempt. Fingerprints are SHA-256 in hex."""

    def __init__(self, code: str, console_fingerprint: str, agent_fingerprint: str) -> None:
        self._spake = SPAKE2_A(
            normalize_code(code).encode(), idA=console_fingerprint.encode(), idB=agent_fingerprint.encode()
        )
        self._key = b""
        self.message: bytes = self._spake.start()

    def check(self, answer: Answer, payload: bytes) -> None:
        """WrongCode unless the agent knows the code, sees the same certificates, and sent this payload."""
        self._key = _finish(self._spake, answer.message)
        if not hmac.compare_digest(answer.confirmation, _confirm(self._key, _AGENT, payload)):
            raise WrongCode("the pairing code is wrong; the agent prints a new one now")

    def confirm(self, payload: bytes) -> bytes:
        """The confirmation to send with `payload`, after `check`."""
        return _confirm(self._key, _CONSOLE, payload)


class _Responder:
    def __init__(self, code: str, console_fingerprint: str, agent_fingerprint: str, message: bytes) -> None:
        spake = SPAKE2_B(
            normalize_code(code).encode(), idA=console_fingerprint.encode(), idB=agent_fingerprint.encode()
        )
        self.message: bytes = spake.start()
        self._key = _finish(spake, message)

    def confirm(self, payload: bytes) -> bytes:
        return _confirm(self._key, _AGENT, payload)

    def accepts(self, payload: bytes, confirmation: bytes) -> bool:
        return hmac.compare_digest(confirmation, _confirm(self._key, _CONSOLE, payload))


def _finish(spake: SPAKE2_A | SPAKE2_B, message: bytes) -> bytes:
    if len(message) != _MESSAGE_BYTES:
        raise PairingError("the pairing message is malformed")
    try:
        key: bytes = spake.finish(message)
    except (SPAKEError, NotOnCurve, ValueError, AssertionError) as error:
        raise PairingError("the pairing message is malformed") from error
    return key


def _confirm(key: bytes, label: bytes, payload: bytes) -> bytes:
    return hmac.new(key, label + hashlib.sha256(payload).digest(), hashlib.sha256).digest()


@dataclass(slots=True)
class _Attempt:
    name: str
    responder: _Responder
    deadline: float


class Desk:
    """The agent's side: one code at a time, one attempt a code.

    `show` is called with each new code; `retire` ends pairing after adoption.
    """

    def __init__(self, clock: Clock, show: Callable[[str], None]) -> None:
        self._clock = clock
        self._show = show
        self._failures = 0
        self._blocked_until = 0.0
        self._attempt: _Attempt | None = None
        self.code = ""

    def open(self) -> None:
        """Accept attempts from now on, with a fresh code."""
        self._renew()

    def retire(self) -> None:
        self.code = ""
        self._attempt = None
        self._failures = 0

    def start(
        self, message: bytes, console_fingerprint: str, agent_fingerprint: str, payload: bytes
    ) -> tuple[str, Answer]:
        """Begin an attempt, which uses the code up unless `finish` succeeds; returns its name and the answer."""
        if not self.code:
            raise PairingError("this agent takes no pairing code")
        self._refuse_while_busy()
        try:
            responder = _Responder(self.code, console_fingerprint, agent_fingerprint, message)
        except PairingError:
            self._burn()
            raise
        name = secrets.token_hex(8)
        self._attempt = _Attempt(name, responder, self._clock.monotonic() + ATTEMPT_SECONDS)
        return name, Answer(responder.message, responder.confirm(payload))

    def finish(self, name: str, payload: bytes, confirmation: bytes) -> None:
        """WrongCode unless the console knows the code too and sent this payload. The caller then adopts and
        retires the desk."""
        attempt, self._attempt = self._attempt, None
        if attempt is None or attempt.name != name:
            self._attempt = attempt
            raise PairingError("there is no such pairing attempt; begin again")
        expired = self._clock.monotonic() >= attempt.deadline
        if expired or not attempt.responder.accepts(payload, confirmation):
            self._burn()
            raise WrongCode("the pairing took too long" if expired else "the pairing code is wrong")

    def expire(self) -> None:
        """Burn the code of an attempt that took too long; call some time after `start`."""
        if self._attempt is not None and self._clock.monotonic() >= self._attempt.deadline:
            self._attempt = None
            self._burn()

    def _refuse_while_busy(self) -> None:
        self.expire()
        now = self._clock.monotonic()
        if self._attempt is not None:
            raise Busy("another pairing attempt is under way", self._attempt.deadline - now)
        if now < self._blocked_until:
            raise Busy("an attempt failed just now", self._blocked_until - now)

    def abandon(self) -> None:
        """An attempt with the right code led to nothing: the code was used, so it is burned too."""
        self._attempt = None
        if self.code:
            self._burn()

    def _burn(self) -> None:
        self._failures += 1
        self._blocked_until = self._clock.monotonic() + min(2.0 ** min(self._failures - 1, 10), MAX_DELAY_SECONDS)
        self._renew()

    def _renew(self) -> None:
        self.code = new_code()
        self._show(self.code)
