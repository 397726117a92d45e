"""What clients together may take: requests by rate, bytes by budget. Both tables are bounded."""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from dqmstream.clock import Clock

__all__ = ["ByteBudget", "FullError", "Rates", "Reservation", "client_key"]

_NETWORK_BITS = 64


@lru_cache(maxsize=4_096)
def client_key(address: str) -> str:
    """What requests of an address are counted under: of IPv6 its network, which one client owns."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))


class Rates:
    """Counts requests of each client: so many a second on average, bursts allowed.

    Parameters
    ----------
    per_second
        On average; 0 sets no limit.
    burst
        Requests that may come at once after a quiet time.
    most
        Clients remembered; of more the one that was quiet for longest is forgotten.
    """

    def __init__(self, per_second: float, burst: float, most: int, clock: Clock) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, client: str) -> float:
        """Take one request in: 0 if it is within the rate, else seconds until one would be."""
        if not self._per_second:
            return 0.0
        now = self._clock.monotonic()
        left, at = self._buckets.get(client, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        taken = left >= 1.0
        self._buckets[client] = (left - 1.0 if taken else left, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._per_second


class FullError(Exception):
    """More bytes are in flight than may be."""


class Reservation:
    """Bytes that one request holds; given back when its block ends."""

    def __init__(self, budget: "ByteBudget", owner: str) -> None:
        self._budget = budget
        self._owner = owner
        self.bytes = 0

    def grow(self, to: int) -> None:
        """Hold at least so many bytes.

        Raises
        ------
        FullError
            If that is beyond what may be in flight: says for whom. What is held stays held.
        """
        if to > self.bytes:
            self._budget.take(self._owner, to - self.bytes)
            self.bytes = to


class ByteBudget:
    """Bytes in flight, of all and of each owner.

    Parameters
    ----------
    most
        Of all together.
    most_each
        Of one owner.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._held: Counter[str] = Counter()
        self.bytes = 0

    @contextmanager
    def reserve(self, owner: str) -> Iterator[Reservation]:
        """A reservation that begins with nothing."""
        reservation = Reservation(self, owner)
        try:
            yield reservation
        finally:
            self.bytes -= reservation.bytes
            self._held[owner] -= reservation.bytes
            if not self._held[owner]:
                del self._held[owner]

    def take(self, owner: str, more: int) -> None:
        """Count more bytes as in flight; FullError if there is no room for them."""
        if self.bytes + more > self._most:
            msg = f"{self.bytes} bytes of all producers are on their way, at most {self._most}"
            raise FullError(msg)
        if self._held[owner] + more > self._most_each:
            held = self._held[owner]
            msg = f"{held} bytes of {owner!r} are on their way, at most {self._most_each}"
            raise FullError(msg)
        self.bytes += more
        self._held[owner] += more
