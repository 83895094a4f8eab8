"""Signed tokens: what was signed comes back, and nothing else does."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from common.jwt import MAX_LENGTH, SigningKey, TokenError
from common.pki import new_key

KEY = SigningKey(new_key())
CLAIMS = {"sub": "system:serviceaccount:default:web", "aud": ["api"], "exp": 1}


def _flip(text: str, position: int) -> str:
    return text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]


def test_claims_come_back() -> None:
    assert KEY.verify(KEY.sign(CLAIMS)) == CLAIMS


def test_every_changed_character_is_noticed() -> None:
    token = KEY.sign(CLAIMS)
    for position in range(len(token)):
        with pytest.raises(TokenError):
            KEY.verify(_flip(token, position))


def test_another_key_and_no_key_are_refused() -> None:
    with pytest.raises(TokenError, match="another key"):
        KEY.verify(SigningKey(new_key()).sign(CLAIMS))
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    with pytest.raises(TokenError, match="another key"):
        KEY.verify(f"{unsigned}.{KEY.sign(CLAIMS).split('.')[1]}.")


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "..", "x" * (MAX_LENGTH + 1)])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        KEY.verify(text)


def test_an_error_never_repeats_the_token() -> None:
    token = _flip(KEY.sign(CLAIMS), 60)
    with pytest.raises(TokenError) as found:
        KEY.verify(token)
    assert not any(part in str(found.value) for part in token.split("."))


def test_the_key_set_verifies_what_was_signed() -> None:
    header, claims, signature = KEY.sign(CLAIMS).split(".")
    (key,) = KEY.key_set()["keys"]
    x, y, raw = (base64.urlsafe_b64decode(text + "==") for text in (key["x"], key["y"], signature))
    public = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    assert (key["kid"], key["alg"]) == (KEY.key_id, "ES256")
