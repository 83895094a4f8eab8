"""Signed tokens: what was signed comes back, and nothing else does."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from common.jwt import MAX_LENGTH, SigningKey, TokenError
from common.pki import new_key

KEY = SigningKey.generate()
CURVE = SigningKey(new_key())
CLAIMS = {"sub": "system:serviceaccount:default:web", "aud": ["api"], "exp": 1}


def _flip(text: str, position: int) -> str:
    return text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]


def test_claims_come_back() -> None:
    assert KEY.verify(KEY.sign(CLAIMS)) == CLAIMS


@pytest.mark.parametrize("key", [KEY, CURVE], ids=["rsa", "curve"])
def test_every_changed_character_is_noticed(key: SigningKey) -> None:
    token = key.sign(CLAIMS)
    for position in range(len(token)):
        with pytest.raises(TokenError):
            key.verify(_flip(token, position))


@pytest.mark.parametrize("key", [KEY, CURVE], ids=["rsa", "curve"])
def test_another_key_and_no_key_are_refused(key: SigningKey) -> None:
    for other in (SigningKey(new_key()), SigningKey.generate()):
        with pytest.raises(TokenError, match="another key"):
            key.verify(other.sign(CLAIMS))


def test_no_algorithm_is_refused() -> None:
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


def test_a_key_is_kept_as_the_kind_that_it_is() -> None:
    for key, algorithm in ((KEY, "RS256"), (CURVE, "ES256")):
        again = SigningKey.load(key.to_pem())
        assert (again.algorithm, again.key_id) == (algorithm, key.key_id)
        assert again.verify(key.sign(CLAIMS)) == CLAIMS


def test_a_key_that_signs_no_tokens_is_refused() -> None:
    plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(*plain, serialization.NoEncryption())
    locked = new_key().private_bytes(*plain, serialization.BestAvailableEncryption(b"x"))
    for pem, why in ((other, "neither RSA nor"), (locked, "without a passphrase"), (b"none", "PEM"), (b"", "PEM")):
        with pytest.raises(ValueError, match=why):
            SigningKey.load(pem)


def test_the_key_set_verifies_what_was_signed() -> None:
    header, claims, signature = KEY.sign(CLAIMS).split(".")
    (key,) = KEY.key_set()["keys"]
    n, e, raw = (base64.urlsafe_b64decode(text + "==") for text in (key["n"], key["e"], signature))
    public = rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
    public.verify(raw, f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert (key["kty"], key["kid"], key["alg"]) == ("RSA", KEY.key_id, "RS256")


def test_the_key_set_of_a_curve_verifies_what_was_signed() -> None:
    header, claims, signature = CURVE.sign(CLAIMS).split(".")
    (key,) = CURVE.key_set()["keys"]
    x, y, raw = (base64.urlsafe_b64decode(text + "==") for text in (key["x"], key["y"], signature))
    public = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    assert (key["kid"], key["alg"]) == (CURVE.key_id, "ES256")
