"""The client of a gateway: elements of live and past runs as arrays and histograms."""

from dqmstream.client.asynchronous import AsyncClient
from dqmstream.client.blocking import Client
from dqmstream.client.element import Axis, Element
from dqmstream.client.errors import GatewayError, GatewayUnavailableError
from dqmstream.client.series import Series

__all__ = [
    "AsyncClient",
    "Axis",
    "Client",
    "Element",
    "GatewayError",
    "GatewayUnavailableError",
    "Series",
]
