"""What can go wrong between a program and a gateway."""

from dqmstream.errors import DqmError

__all__ = ["GatewayError", "GatewayUnavailableError"]


class GatewayError(DqmError):
    """The gateway refuses: says what it said."""


class GatewayUnavailableError(GatewayError):
    """No gateway answers, or not now: trying again may help."""
