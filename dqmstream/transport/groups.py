"""Consumer groups as a state machine: who is in, who waits, who reads what. No asyncio.

Rebalances are eager, as Kafka's: a join or a leave begins a new generation; each member gives up
what it has and enters the new generation; when the last one has, partitions are given out.
"""

from collections.abc import Mapping

from dqmstream.errors import LogError
from dqmstream.transport.record import TopicPartition

__all__ = ["Membership", "share_out"]


def share_out(
    members: Mapping[str, frozenset[str]], partitions: Mapping[str, int]
) -> dict[str, frozenset[TopicPartition]]:
    """Give each partition to one member that reads its topic, in turn, so that counts are even.

    Parameters
    ----------
    members
        Topics each member reads.
    partitions
        Number of partitions of each topic.
    """
    shares: dict[str, set[TopicPartition]] = {member: set() for member in members}
    for topic in sorted(partitions):
        for partition in range(partitions[topic]):
            readers = [member for member in members if topic in members[member]]
            if readers:
                fewest = min(readers, key=lambda member: (len(shares[member]), member))
                shares[fewest].add((topic, partition))
    return {member: frozenset(share) for member, share in shares.items()}


class Membership:
    """The members of one group and their generations.

    Parameters
    ----------
    group
        Name of the group.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self.generation = 0
        self._members: dict[str, Mapping[str, int]] = {}
        self._entered: dict[str, int] = {}
        self._shares: dict[str, frozenset[TopicPartition]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def join(self, member: str, partitions: Mapping[str, int]) -> None:
        """Add a member that reads the topics of `partitions` (their number of partitions).

        Raises
        ------
        LogError
            If a member of this name is in the group.
        """
        if member in self._members:
            msg = f"group {self.group} already has a member {member!r}"
            raise LogError(msg)
        self._members[member] = partitions
        self.generation += 1

    def leave(self, member: str) -> None:
        """Remove a member; what it had is given to the others."""
        del self._members[member]
        self._entered.pop(member, None)
        self.generation += 1

    def enter(self, member: str) -> None:
        """Note that a member has given up its partitions and waits for the new generation's."""
        self._entered[member] = self.generation
        if all(self._entered.get(name) == self.generation for name in self._members):
            topics = {member: frozenset(read) for member, read in self._members.items()}
            partitions = {t: n for read in self._members.values() for t, n in read.items()}
            self._shares = share_out(topics, partitions)

    def entered(self, member: str) -> bool:
        """Whether the member waits in, or has its share of, the current generation."""
        return self._entered.get(member) == self.generation

    def share(self, member: str) -> frozenset[TopicPartition] | None:
        """Partitions of a member in the current generation; `None` while others are awaited."""
        if all(self._entered.get(name) == self.generation for name in self._members):
            return self._shares[member]
        return None
