"""Payloads of CMS events with any bytes behind their auxiliary.

The auxiliary is written by the class tables, as everything else in a payload; what reads it goes by
a layout of its own, so that each is a test of the other.
"""

import struct

from dqmstream.sources.cms.auxiliary import AUXILIARY_END, EventAuxiliary
from dqmstream.sources.cms.classes.framing import COUNTED
from dqmstream.sources.cms.encoding.events import encode_event_payload

__all__ = ["encode_send_event"]

_COUNTS_AT = (0, 23)
"""Where the byte counts of the record and of the SendEvent stand."""


def encode_send_event(auxiliary: EventAuxiliary, rest: bytes = b"") -> bytes:
    """An `edm::SendEvent` version 11 that begins with `auxiliary`, whose time is cut to µs.

    Parameters
    ----------
    rest
        What follows in place of process history and products.
    """
    payload = bytearray(encode_event_payload(auxiliary, ())[:AUXILIARY_END] + rest)
    for place in _COUNTS_AT:
        struct.pack_into(">I", payload, place, COUNTED + len(payload) - place - 4)
    return bytes(payload)
