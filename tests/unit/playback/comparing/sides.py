"""Results in memory, for tests of what compares them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dqmstream.booking import Workspace, category, histogram, integer, profile, regular, scalar
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Element
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from playback.comparing.dependencies import RanIn
from playback.comparing.playing import result_of
from playback.comparing.results import (
    Begun,
    Costs,
    DeclaredTest,
    Ended,
    LumisectionResult,
    WorkspaceCosts,
)

ELEMENTS: tuple[Element, ...] = (
    histogram("My/counts", regular(10, 0, 1, label="x"), fill="x"),
    histogram("My/codes", category([3, 5]), fill="n"),
    histogram("My/map", regular(4, 0, 1), integer(0, 3), fill=("x", "n")),
    histogram("My/weighted", regular(5, 0, 1), fill="x", weight="w", weight_range=(-2, 2)),
    profile("My/profile", regular(5, 0, 1), fill="x", value="y", value_range=(0, 5)),
    scalar("My/number", "n", combine="sum"),
)
BOOKING = Workspace("my", "", ELEMENTS)
TESTS = (
    DeclaredTest(
        name="mean",
        workspace="my",
        path="My/counts",
        enabled=True,
        declared={"algorithm": "MeanWithinExpected", "error": 0.9, "parameters": {"xmin": 0.4}},
    ),
)
BEGUN = Begun(release="installed", version="1", hash="h", recording="r", run=7)
ENDED = Ended()


@dataclass(frozen=True)
class Side:
    """A `SideResult` whose parts are changed one by one."""

    bookings: tuple[Booking, ...] = (BOOKING,)
    results: Mapping[int, LumisectionResult] = field(default_factory=dict)
    tests: Sequence[DeclaredTest] = TESTS
    begun: Begun = BEGUN
    ended: Ended = ENDED
    ran_in: RanIn | None = None

    @property
    def layouts(self) -> Mapping[str, Layout]:
        return {one.workspace: Layout(one) for one in self.bookings}

    @property
    def lumisections(self) -> Sequence[int]:
        return sorted(self.results)

    def lumisection(self, number: int) -> LumisectionResult:
        return self.results[number]


def contents(layout: Layout, seed: int) -> Contents:
    """As filling might make them."""
    rng = np.random.default_rng(seed)
    made = Contents(layout, rng.poisson(40, layout.cells).astype(np.int64))
    for place in layout:
        if not place.planes:
            made.scalars[place.index] = ScalarValue(value=int(rng.integers(1000)))
    return made


def report(path: str, outcome: Outcome = Outcome.GOOD, qtname: str = "mean") -> QualityReport:
    return QualityReport(path=path, qtname=qtname, algorithm="A", outcome=outcome)


def reports(number: int, *of: QualityReport) -> QualityReports:
    return QualityReports(
        set="s",
        run=7,
        lumisection=number,
        workspace="my",
        scope="lumisection",
        complete=True,
        versions=(),
        reports=of,
    )


def side(lumisections: int = 3, *, booking: Booking = BOOKING) -> Side:
    """LSs with contents and a good verdict each."""
    layout = Layout(booking)
    return Side(
        bookings=(booking,),
        results={
            number: LumisectionResult(
                lumisection=number,
                seen=100,
                selected=90,
                contents=(result_of(contents(layout, number)),),
                reports=(reports(number, report("My/counts")),),
            )
            for number in range(1, lumisections + 1)
        },
    )


def changed(of: Side, number: int, change: Callable[[Contents], None]) -> Side:
    """A side with other contents in an LS."""
    (one,) = of.results[number].contents
    (layout,) = of.layouts.values()
    made = Contents.decode(layout, one.cells, one.scalars, one.invalid)
    change(made)
    return with_result(of, number, contents=(result_of(made),))


def with_result(of: Side, number: int, **fields: object) -> Side:
    """A side with another result of an LS."""
    import msgspec  # noqa: PLC0415 only here

    other = msgspec.structs.replace(of.results[number], **fields)
    return replace(of, results={**of.results, number: other})


def costs(**of_workspace: object) -> Ended:
    """An end with costs."""
    own = {"cpu": (1e-5,), "wall": (1e-5,), "booked": 1000, "kept": 0} | of_workspace
    return Ended(
        costs=Costs(
            cpu=10.0,
            wall=11.0,
            memory=500 << 20,
            events=1000,
            cpu_per_event=(1e-4,),
            workspaces=(WorkspaceCosts(workspace="my", **own),),
        )
    )
