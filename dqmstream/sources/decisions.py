"""What a source has decided its lumisections are made of, while its input was still coming.

Re-readable means that the same input gives the same chunks. Where files come late or never, what
the input of an LS *is* has to be decided first: by which file it is read, or that it is waited for
no more. Such a decision is noted before it is acted on and never taken back, so that a source that
starts again is the same source. What comes for an LS after its decision is late.
"""

import msgspec

from dqmstream.identity import ranges_with
from dqmstream.messages.checkpoints import SourceCheckpoint

__all__ = ["Decisions"]


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions about LSs `first`..`last`, each of which is taken, absent or both.

    Parameters
    ----------
    first
        LS the source begins with; 0 while that is not decided.
    absent
        Ranges [first, last] of LSs that are waited for no more.
    taken
        Ranges [first, last, ending] of LSs read from the file whose name ends so. An LS that is
        absent too had its file lost before all of it was acknowledged.
    announced
        [LS, events] that were announced for LSs that are not acknowledged yet.
    reasons
        [LS, reason] of LSs that were given up and are not acknowledged yet.
    """

    first: int = 0
    absent: tuple[tuple[int, int], ...] = ()
    taken: tuple[tuple[int, int, str], ...] = ()
    announced: tuple[tuple[int, int], ...] = ()
    reasons: tuple[tuple[int, str], ...] = ()

    @classmethod
    def noted(cls, checkpoint: SourceCheckpoint) -> "Decisions":
        """As a checkpoint has them."""
        return cls(
            first=checkpoint.first,
            absent=checkpoint.absent,
            taken=checkpoint.taken,
            announced=checkpoint.announced,
            reasons=checkpoint.reasons,
        )

    @property
    def last(self) -> int:
        """The highest LS decided about; `first - 1` if there is none."""
        ends = [self.first - 1]
        ends += [end for _, end in self.absent[-1:]]
        ends += [end for _, end, _ in self.taken[-1:]]
        return max(ends)

    def ending(self, lumisection: int) -> str | None:
        """How the name of the file of this LS ends; None if none was taken."""
        for begin, end, ending in reversed(self.taken):
            if begin <= lumisection <= end:
                return ending
        return None

    def is_absent(self, lumisection: int) -> bool:
        """Whether the LS is waited for no more."""
        return any(begin <= lumisection <= end for begin, end in reversed(self.absent))

    def events(self, lumisection: int) -> int:
        """Events announced for an LS that is not acknowledged yet; 0 if nobody knows."""
        return dict(self.announced).get(lumisection, 0)

    def reason(self, lumisection: int) -> str:
        """Why an LS that is not acknowledged yet was given up; empty if that is not known."""
        return dict(self.reasons).get(lumisection, "")

    def begin(self, first: int) -> "Decisions":
        """The source begins with this LS."""
        if self.first or first < 1:
            msg = f"begins with LS {first}, after LS {self.first}: expected one LS from 1 on"
            raise ValueError(msg)
        return msgspec.structs.replace(self, first=first)

    def take(self, lumisection: int, ending: str, events: int) -> "Decisions":
        """The next LS is read from the file whose name ends so, which announces so many events."""
        self._check_next(lumisection)
        taken = list(self.taken)
        if taken and taken[-1][1:] == (lumisection - 1, ending):
            taken[-1] = (taken[-1][0], lumisection, ending)
        else:
            taken.append((lumisection, lumisection, ending))
        announced = (*self.announced, (lumisection, events))
        return msgspec.structs.replace(self, taken=tuple(taken), announced=announced)

    def give_up(self, lumisection: int, events: int, reason: str = "") -> "Decisions":
        """The next LS is waited for no more; so many events were announced for it (0: unknown)."""
        self._check_next(lumisection)
        absent = tuple(ranges_with(self.absent, lumisection))
        announced = (*self.announced, (lumisection, events)) if events else self.announced
        reasons = (*self.reasons, (lumisection, reason)) if reason else self.reasons
        return msgspec.structs.replace(self, absent=absent, announced=announced, reasons=reasons)

    def lose(self, lumisection: int) -> "Decisions":
        """The file of a taken LS went before all of it was acknowledged."""
        if self.ending(lumisection) is None:
            msg = f"LS {lumisection} was not taken, so its file cannot be lost"
            raise ValueError(msg)
        if self.is_absent(lumisection):
            return self
        absent = tuple(ranges_with(self.absent, lumisection))
        return msgspec.structs.replace(self, absent=absent)

    def acknowledged(self, lumisection: int) -> "Decisions":
        """The log has all of the LSs up to this one: what was known of them is needed no more."""
        announced = tuple(one for one in self.announced if one[0] > lumisection)
        reasons = tuple(one for one in self.reasons if one[0] > lumisection)
        if (announced, reasons) == (self.announced, self.reasons):
            return self
        return msgspec.structs.replace(self, announced=announced, reasons=reasons)

    def _check_next(self, lumisection: int) -> None:
        if not self.first or lumisection != self.last + 1:
            msg = f"decided about LS {lumisection}, expected LS {self.last + 1} of a begun source"
            raise ValueError(msg)
