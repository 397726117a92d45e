"""The line of an LS says what is missing from it."""

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import Account, HistogramSet, SourceAccount
from dqmstream.messages.quality import QualityReports
from services.progress import RunProgress

CELLS = Contents.empty(Layout(Booking(workspace="", elements=()))).encode()


def piece(partition: int, dropped: int) -> HistogramSet:
    source = SourceAccount(
        source="synthetic",
        incarnation="live",
        rereadable=False,
        chunks=b"\x05",
        marker=4,
        seen=10 + dropped,
        selected=10,
        dropped=dropped,
        notes={"dropped_chunks": 2},
    )
    return HistogramSet(
        set="s",
        run=1,
        lumisection=7,
        segment=0,
        workspace="w",
        partition=partition,
        partitions=2,
        booking="b",
        through=1,
        epoch=0,
        closed=True,
        whole=True,
        writer="filler",
        account=Account(sources=(source,)),
        cells=CELLS,
    )


def test_dropped_events_and_chunks_are_on_the_line() -> None:
    """Events add up over partitions; the source's notes come on each and count once."""
    progress = RunProgress("s", ["w"], seconds=10.0)
    judged = QualityReports(
        set="s",
        run=1,
        lumisection=7,
        workspace="w",
        scope="lumisection",
        complete=False,
        versions=(1, 1),
        reports=(),
    )
    assert progress.take(judged) is None
    assert progress.take(piece(0, dropped=3)) is None
    line = progress.take(piece(1, dropped=4))
    assert line is not None
    assert (line.seen, line.selected, line.dropped) == (27, 20, 7)
    assert "7 dropped  2 dropped_chunks" in line.text()
