"""Conditions joined to events: in band, so that what is filled by them is exact as all else."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.conditions.synthetic import synthetic_conditions
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import SourceError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.operations import Conditions
from dqmstream.sources.conditioned import conditioned
from dqmstream.sources.decisions import Decisions
from dqmstream.sources.source import (
    AwaitedSource,
    EventSource,
    JoiningSource,
    SourceChunk,
    SourceLumisection,
)
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource

CONFIG = SyntheticConfig(
    run=5, lumisections=3, rate=40, lumisection_seconds=1.0, chunk_events=16, subsystems=("bril",)
)


def source(*, live: bool = False) -> SyntheticSource:
    return SyntheticSource(SyntheticDetector(CONFIG), live_as="life" if live else "")


def table(*rows: Conditions) -> ConditionsTable:
    return ConditionsTable(rows)


def row(lumisection: int, **known: object) -> Conditions:
    return Conditions(run=5, lumisection=lumisection, **known)  # type: ignore[arg-type]


def chunks(of: EventSource) -> Iterator[tuple[int, SourceChunk]]:
    for lumisection in of.lumisections(0):
        for chunk in lumisection.chunks():
            yield lumisection.lumisection, chunk


def test_each_event_has_what_is_known_of_its_lumisection() -> None:
    joined = conditioned(source(), table(row(1, pileup=40.0, dcs={"bpix": True}), row(2, fill=7)))
    plain = dict(enumerate(chunks(source())))
    for number, (lumisection, chunk) in enumerate(chunks(joined)):
        _, before = plain[number]
        columns = decode_batch(chunk.body, selected=chunk.selected)
        own = decode_batch(before.body, selected=before.selected)
        assert (chunk.seen, chunk.selected, chunk.at) == (before.seen, before.selected, before.at)
        assert all(np.array_equal(columns.values[name], own.values[name]) for name in own.values)
        assert columns.collections.keys() == own.collections.keys()
        pileup, fill = columns.values["ls_pileup"], columns.values["ls_fill"]
        assert np.array_equal(pileup, np.full(chunk.selected, 40.0)) is (lumisection == 1)
        assert np.isnan(pileup).all() is np.bool_(lumisection != 1)
        assert (fill == 7).all() == (lumisection == 2)
        assert columns.values["ls_dcs_bpix"].all() == (lumisection == 1)


def test_events_of_lumisections_without_conditions_are_counted() -> None:
    notes = {}
    for lumisection in conditioned(source(), table(row(1), row(3))).lumisections(0):
        list(lumisection.chunks())
        notes[lumisection.lumisection] = dict(lumisection.notes())
    assert notes == {1: {}, 2: {"no_conditions": 40}, 3: {}}


def test_other_conditions_make_another_incarnation_of_what_can_be_read_again() -> None:
    one, other = table(row(1, pileup=1.0)), table(row(1, pileup=2.0))
    names = [conditioned(source(), each).incarnation for each in (one, one, other, table())]
    assert names[0] == names[1]
    assert len({*names, source().incarnation}) == 4
    elsewhere = table(row(1, pileup=1.0), Conditions(run=6, lumisection=1))
    assert conditioned(source(), elsewhere).incarnation == names[0], "another run says nothing"
    assert conditioned(source(live=True), one).incarnation == "life"


def test_a_source_that_joins_a_run_still_does() -> None:
    joined = conditioned(source(live=True), table(row(2, pileup=3.0)))
    assert isinstance(joined, JoiningSource)
    late = joined.joining(3)
    assert (late.first_lumisection, late.marks, late.name) == (3, ("simulated",), "synthetic")
    assert [one.lumisection for one in late.lumisections(0)] == [3]


class _Named:
    """A source that brings a column with a name of ours."""

    name, run, incarnation, rereadable, run_type = "s", 5, "i", True, ""
    first_lumisection, marks = 1, ()
    labels: Mapping[str, tuple[str, ...]] = {}

    def lumisections(self, _after: int) -> Iterator["_Named"]:
        yield self

    lumisection, seconds = 1, 1.0

    def chunks(self) -> Iterator[SourceChunk]:
        batch = pa.record_batch(
            {"ls_pileup": np.zeros(1)},
            schema=pa.schema([pa.field("ls_pileup", pa.float64(), nullable=False)]),
        )
        yield SourceChunk(body=encode_batch(batch), seen=1, selected=1)

    def notes(self) -> Mapping[str, int]:
        return {}


def test_a_source_with_such_a_column_of_its_own_is_refused() -> None:
    (lumisection,) = conditioned(_Named(), table()).lumisections(0)
    with pytest.raises(SourceError, match="reserved_column: column 'ls_pileup'"):
        list(lumisection.chunks())


WORKSPACE = Workspace(
    "by_conditions",
    "Events by the conditions of their LS.",
    [
        histogram("all", regular(20, 0, 100), fill="ls_pileup"),
        histogram("high", regular(20, 0, 100), fill="ls_pileup", select="ls_pileup > 40"),
        histogram(
            "on", regular(20, 0, 100), fill="ls_pileup", select="ls_pileup > 10 and ls_dcs_bpix"
        ),
    ],
)
known = st.builds(
    dict,
    pileup=st.none() | st.floats(0, 99),
    dcs=st.dictionaries(st.sampled_from(["bpix", "tob"]), st.booleans()),
)


@given(st.dictionaries(st.integers(1, 3), known))
def test_selections_by_conditions_are_filled_exactly(of_lumisection: dict[int, dict]) -> None:
    """Counts equal those from the conditions themselves; what is unknown is in no selection."""
    told = table(row(9, dcs={"bpix": True}), *(row(n, **one) for n, one in of_lumisection.items()))
    layout = Layout(WORKSPACE)
    total = Contents.empty(layout)
    filler = WorkspaceFiller(layout)
    for _, chunk in chunks(conditioned(source(), told)):
        columns = decode_batch(chunk.body, selected=chunk.selected)
        filler.fill(total, columns, source="s", number=0)
    expected = {"all": [0, 0], "high": [0, 0], "on": [0, 0]}
    for lumisection in (1, 2, 3):
        one = of_lumisection.get(lumisection, {})
        pileup = one.get("pileup")
        nan, pileup = (1, 0.0) if pileup is None else (0, pileup)
        expected["all"][nan] += CONFIG.events
        expected["high"][0] += CONFIG.events * (not nan and pileup > 40)
        expected["on"][0] += CONFIG.events * (
            not nan and pileup > 10 and one["dcs"].get("bpix", False)
        )
    for path, (filled, nan) in expected.items():
        place = layout[path]
        assert total.cells[place.offset : place.nan].sum() == filled
        assert total.cells[place.nan] == nan


def test_a_synthetic_run_is_selected_by_its_own_pile_up() -> None:
    joined = conditioned(source(), synthetic_conditions(CONFIG))
    for lumisection, chunk in chunks(joined):
        pileup = decode_batch(chunk.body, selected=chunk.selected).values["ls_pileup"]
        assert np.allclose(pileup, 60 * math.exp(-(lumisection - 1) / 1500))


class _Files:
    """A source whose files come while it is read; it notes who asks what."""

    def __init__(self) -> None:
        self._inner = source()
        self._left = self._inner.lumisections(0)
        self.asked: list[object] = []
        self.decisions = Decisions(first=1)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def resume(self, decisions: Decisions, after: int) -> None:
        self.asked.append((decisions, after))

    async def next_lumisection(self) -> SourceLumisection | None:
        return next(self._left, None)

    def acknowledged(self, lumisection: int) -> None:
        self.asked.append(lumisection)

    def least_chunks(self, lumisection: int) -> int:
        return 10 * lumisection


async def test_a_source_that_waits_for_its_files_still_does() -> None:
    files = _Files()
    joined = conditioned(files, table(row(2, pileup=3.0)))
    assert isinstance(joined, AwaitedSource)
    joined.resume(joined.decisions, 0)
    joined.acknowledged(1)
    assert (files.asked, joined.least_chunks(3)) == ([(Decisions(first=1), 0), 1], 30)
    found = []
    while (one := await joined.next_lumisection()) is not None:
        (first, *_) = one.chunks()
        columns = decode_batch(first.body, selected=first.selected)
        found.append((one.lumisection, bool((columns.values["ls_pileup"] == 3.0).all())))
    assert found == [(1, False), (2, True), (3, False)]
