"""HistogramSets of imported runs: closed, whole, with an account that says what they are made of.

Nothing was folded, so a set says 0 for the offset it was folded up to (`through`) and for events:
how many there were, nobody knows here. Each file that brought something to an LS stands in its
account as a source that can be read again, with one chunk: its histograms of that LS. Of two
contents for one LS the one of the higher epoch holds, as wherever history had to change.
"""

from collections.abc import Mapping

from dqmstream.booking_set import ImportedSet
from dqmstream.messages.histograms import Account, HistogramSet, SourceAccount
from dqmstream.sources.histograms.filling import FittedLumisection
from dqmstream.sources.histograms.fitting import FittedRun

__all__ = ["imported_sets"]


def imported_sets(
    run: FittedRun, incarnations: Mapping[str, str], *, writer: str
) -> list[HistogramSet]:
    """One set for each LS of a run, rising, in epoch 0.

    Parameters
    ----------
    incarnations
        By source, as `HistogramFile.incarnation`.
    writer
        Name of the process.
    """
    set_hash = ImportedSet(run.layout.booking).hash
    return [
        _set(run, number, one, incarnations, set_hash=set_hash, writer=writer)
        for number, one in run.lumisections.items()
    ]


def _set(
    run: FittedRun,
    number: int,
    fitted: FittedLumisection,
    incarnations: Mapping[str, str],
    *,
    set_hash: str,
    writer: str,
) -> HistogramSet:
    contents, layout = fitted.contents, run.layout
    return HistogramSet(
        set=set_hash,
        run=run.run,
        lumisection=number,
        segment=0,
        workspace=layout.workspace,
        partition=0,
        partitions=1,
        booking=layout.hash,
        through=0,
        epoch=0,
        closed=True,
        whole=True,
        writer=writer,
        account=Account(sources=_sources(fitted, incarnations), closed_by="imported"),
        cells=contents.encode(),
        invalid=contents.invalid,
    )


def _sources(
    fitted: FittedLumisection, incarnations: Mapping[str, str]
) -> tuple[SourceAccount, ...]:
    names = sorted({*fitted.histograms, *fitted.notes})
    return tuple(
        SourceAccount(
            source=name,
            incarnation=incarnations[name],
            rereadable=True,
            chunks=b"\x01",
            marker=1,
            notes=dict(sorted(fitted.notes.get(name, {}).items())),
        )
        for name in names
    )
