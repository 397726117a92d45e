"""What comes of an LS: one analysis called, and the sets in which its contents travel."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from dqmstream.analyses.analysis import Closed, LumisectionAnalysis, Sample
from dqmstream.fold.segment import Segment
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.identity import LumisectionId
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions

__all__ = ["MOST_STATE", "Analysed", "analysed_pieces", "closed_by"]

MOST_STATE: Final = 1 << 18
"""Bytes of the state of one analysis and run: it travels in every checkpoint."""


class Analysed(NamedTuple):
    """What came of an LS: sets of each workspace, what is known of the LS, and the new states.

    `failed` says by workspace why an analysis failed, `fractions` which part of the events those
    were given that were given less than all.
    """

    lumisection: LumisectionId
    sets: Sequence[HistogramSet]
    conditions: Sequence[Conditions]
    states: Sequence[bytes]
    failed: Mapping[str, str]
    fractions: Mapping[str, float]


def closed_by(
    analysis: LumisectionAnalysis,
    layout: Layout,
    state: bytes,
    window: Sequence[Sample],
    problem: str = "",
) -> tuple[Closed, str]:
    """What an analysis says; if it cannot, invalid elements with the reason, and that.

    Parameters
    ----------
    problem
        Why it is not to be asked at all.
    """
    if not problem:
        # An analysis may raise anything; the others go on.
        try:
            closed = analysis.close(state, window)
            _check(layout, closed)
        except Exception as error:
            problem = f"analysis threw {type(error).__name__}: {error}"[:300]
        else:
            return closed, ""
    contents = Contents.empty(layout)
    contents.invalid = {element.index: problem for element in layout.elements}
    return Closed(state, contents), problem


def analysed_pieces(
    lumisection: LumisectionId,
    contents: Contents,
    segments: Sequence[Segment],
    *,
    set_hash: str,
    epoch: int,
    whole: bool,
) -> Iterator[HistogramSet]:
    """The set of each partition, with the account and the version that a filler's has.

    All contents are in that of partition 0, which is whole only if all it was made from is.

    Parameters
    ----------
    segments
        On-time segments of the LS, by partition.
    whole
        Whether nothing of the LSs that were looked back at can have expired unread.
    """
    layout = contents.layout
    nothing = Contents.empty(layout)
    for partition, segment in enumerate(segments):
        mine = nothing if partition else contents
        account = segment.ledger.account()
        yield HistogramSet(
            set=set_hash,
            run=lumisection.run,
            lumisection=lumisection.lumisection,
            segment=0,
            workspace=layout.workspace,
            partition=partition,
            partitions=len(segments),
            booking=layout.hash,
            through=segment.through or 0,
            epoch=epoch,
            closed=True,
            whole=not account.expired and (whole or partition > 0),
            writer="",
            account=account,
            cells=mine.encode(),
            scalars=mine.scalars,
            invalid=mine.invalid,
            heard=segment.heard,
        )


def _check(layout: Layout, closed: Closed) -> None:
    """Refuse, by a ValueError, what cannot be published."""
    if closed.contents.layout.hash != layout.hash:
        msg = f"contents are of workspace {closed.contents.layout.workspace!r}"
        raise ValueError(msg)
    if len(closed.state) > MOST_STATE:
        msg = f"state has {len(closed.state)} bytes, at most {MOST_STATE}"
        raise ValueError(msg)
