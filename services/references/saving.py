"""The catalogue of a system, saved as a file: whatever else judges can then judge with it."""

from dqmstream.errors import ConfigurationError
from dqmstream.references.saved import encode_catalogue, lasting
from dqmstream.transport.log import Log
from services.references.known import KnownCatalogue

__all__ = ["saved_catalogue"]


async def saved_catalogue(log: Log, now: int) -> tuple[bytes, int]:
    """The versions that stand and have not expired, as `dqmstream.references.saved` has them, and
    how many these are.

    Parameters
    ----------
    now
        Nanoseconds since 1970.

    Raises
    ------
    ConfigurationError
        If no version stands: nothing would be compared with anything.
    MessageError
        With reason `bad_reference` if contents are not in the log whole.
    """
    async with KnownCatalogue(log, "references").reading() as known:
        versions = lasting(known.catalogue, now)
        if not versions:
            msg = "no reference stands in the catalogue: accept one (`dqmstream references list`)"
            raise ConfigurationError(msg)
        parts = {one.digest: await known.parts(one) for one in versions}
    return encode_catalogue(versions, parts), len(versions)
