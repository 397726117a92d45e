"""A webhook shows who sent it, that nobody changed it, and that it is of now."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.notifications.signature import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    Seen,
    SignatureError,
    sign,
    verify,
)

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
NOW = 1_760_000_000


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """Computed here as the specification says, from the bytes that the secret stands for."""
    headers = sign(SECRET, "msg_1", NOW, b'{"a":1}')
    signed = hmac.new(
        b"0123456789abcdef0123456789abcdef", b'msg_1.1760000000.{"a":1}', hashlib.sha256
    )
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1760000000",
        "webhook-signature": "v1," + base64.b64encode(signed.digest()).decode(),
    }


@given(st.binary(max_size=200), st.text(min_size=16, max_size=40))
def test_what_is_signed_verifies(body: bytes, secret: str) -> None:
    if secret.startswith("whsec_"):
        return
    headers = {name.upper(): value for name, value in sign(secret, "x", NOW, body).items()}
    assert verify(secret, headers, body, now=NOW + 299) == "x"


@pytest.mark.parametrize(
    ("changed", "body", "now", "problem"),
    [
        ({}, b"other", NOW, "no signature"),
        ({ID: "other"}, b"body", NOW, "no signature"),
        ({TIMESTAMP: str(NOW + 1)}, b"body", NOW, "no signature"),
        ({}, b"body", NOW + 301, "301 s ago"),
        ({}, b"body", NOW - 301, "-301 s ago"),
        ({TIMESTAMP: "yesterday"}, b"body", NOW, "seconds since 1970"),
        ({TIMESTAMP: "٣"}, b"body", NOW, "seconds since 1970"),
        ({SIGNATURE: ""}, b"body", NOW, "no header"),
        ({SIGNATURE: "v2,AAAA"}, b"body", NOW, "no signature"),
        ({SIGNATURE: "v1,ü"}, b"body", NOW, "no signature"),
    ],
)
def test_what_was_changed_or_is_old_is_refused(
    changed: dict[str, str], body: bytes, now: float, problem: str
) -> None:
    headers = sign(SECRET, "x", NOW, b"body") | changed
    with pytest.raises(SignatureError, match=problem):
        verify(SECRET, headers, body, now=now)


def test_while_keys_are_changed_two_signatures_may_come() -> None:
    headers = sign(SECRET, "x", NOW, b"body")
    headers[SIGNATURE] = f"v1,AAAA {headers[SIGNATURE]}"
    assert verify(SECRET, headers, b"body", now=NOW) == "x"


@pytest.mark.parametrize(
    "secret", ["short", "whsec_!!!!", "whsec_" + base64.b64encode(b"1").decode()]
)
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"bytes|base64"):
        sign(secret, "x", NOW, b"")


def test_a_key_is_new_once() -> None:
    seen = Seen(most=2)
    assert [seen.is_new(key) for key in ("a", "b", "a", "c", "b")] == [
        True,
        True,
        False,
        True,
        True,
    ]
