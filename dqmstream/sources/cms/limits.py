"""How much a streamer file may ask for: everything read from a file is held against these."""

import msgspec

from dqmstream.errors import ConfigurationError

__all__ = ["Limits"]

_MEBIBYTE = 1 << 20


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upper bounds; what exceeds one is refused by name, never allocated.

    Parameters
    ----------
    max_message_bytes
        Largest INIT or EVENT message, header included.
    max_original_bytes
        Largest payload after decompression.
    max_paths
        Most HLT paths an INIT may name. Below 32768, because path numbers are int16 columns.
    max_jsn_bytes
        Largest `.jsn` file.
    max_hosts
        Most host names counted one by one in a report; further ones are counted together.
    max_details
        Most sentences kept in a report; the counts go on.
    max_batch_events, max_batch_bytes
        A batch of events whose products are decoded together ends with the event that reaches
        either; bytes are those of payloads, as stored and expanded.

    Raises
    ------
    ConfigurationError
        If a limit is not positive or `max_paths` does not fit an int16.
    """

    max_message_bytes: int = 128 * _MEBIBYTE
    max_original_bytes: int = 256 * _MEBIBYTE
    max_paths: int = 4096
    max_jsn_bytes: int = 64 * 1024
    max_hosts: int = 1024
    max_details: int = 20
    max_batch_events: int = 1000
    max_batch_bytes: int = 16 * _MEBIBYTE

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                msg = f"limit {name} is {getattr(self, name)}, expected at least 1"
                raise ConfigurationError(msg)
        if self.max_paths > 32767:
            msg = f"limit max_paths is {self.max_paths}, expected at most 32767 (int16 columns)"
            raise ConfigurationError(msg)
