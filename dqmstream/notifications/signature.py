"""Signatures of webhooks, after Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).

Three headers: `webhook-id`, the same whenever the same notification is sent again;
`webhook-timestamp`, seconds since 1970 of this try; `webhook-signature`, `v1,` and the base64 of
HMAC-SHA256 over `{id}.{timestamp}.{body}`. A key is `whsec_` and base64, or else its own UTF-8
bytes. Libraries that verify these exist for many languages.
"""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

__all__ = ["ID", "SIGNATURE", "TIMESTAMP", "Seen", "SignatureError", "sign", "verify"]

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

_PREFIX: Final = "whsec_"
_SHORTEST: Final = 16


class SignatureError(ValueError):
    """A request that was not signed with this key, was changed, or is too old."""


def sign(secret: str, identity: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a request.

    Parameters
    ----------
    identity
        Of what is sent, without `.`.
    seconds
        Since 1970, now.

    Raises
    ------
    ValueError
        If the secret is none.
    """
    return {
        ID: identity,
        TIMESTAMP: str(seconds),
        SIGNATURE: f"v1,{_mac(secret, identity, str(seconds), body)}",
    }


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance: float = 300.0,
) -> str:
    """The id of a request that was signed with `secret` no longer than `tolerance` seconds ago.

    Within the tolerance a copy of a request verifies again: drop ids and keys that were there
    (`Seen`).

    Parameters
    ----------
    headers
        Of the request, in any case.
    now
        Seconds since 1970.

    Raises
    ------
    SignatureError
        If it was not.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not given.get(name):
            msg = f"no header {name}"
            raise SignatureError(msg)
    stamp = given[TIMESTAMP]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        msg = f"{TIMESTAMP} is {stamp!r:.20}, expected seconds since 1970"
        raise SignatureError(msg)
    if abs(now - int(stamp)) > tolerance:
        msg = f"signed {now - int(stamp):.0f} s ago, expected at most {tolerance:.0f}"
        raise SignatureError(msg)
    expected = _mac(secret, given[ID], stamp, body).encode()
    for each in given[SIGNATURE].split(" "):
        version, _, mac = each.partition(",")
        if version == "v1" and hmac.compare_digest(mac.encode("utf-8", "replace"), expected):
            return given[ID]
    msg = "no signature of this key over this id, timestamp and body"
    raise SignatureError(msg)


class Seen:
    """The last `most` keys a receiver has had."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()

    def is_new(self, key: str) -> bool:
        """Whether a key comes for the first time; it is remembered."""
        new = key not in self._keys
        self._keys[key] = None
        self._keys.move_to_end(key)
        while len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return new


def _mac(secret: str, identity: str, stamp: str, body: bytes) -> str:
    signed = f"{identity}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error as error:
            msg = f"what follows {_PREFIX} is not base64"
            raise ValueError(msg) from error
    else:
        key = secret.encode()
    if len(key) < _SHORTEST:
        msg = f"a key of {len(key)} bytes, expected at least {_SHORTEST}"
        raise ValueError(msg)
    return key
