"""The one error of this package."""

from dqmstream.errors import DqmError

__all__ = ["BrokerError"]


class BrokerError(DqmError):
    """Kafka or Java could not be found, fetched or started; the message says what to do."""
