"""A synthetic run filled and judged without a system: each LS of it, and the run so far."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Booking
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReport
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import QualityTest, Scope
from dqmstream.quality.inputs import Accepted, Inputs, Past
from dqmstream.quality.judgement import judge
from dqmstream.sources.synthetic import (
    SyntheticConfig,
    SyntheticDetector,
    synthetic_conditions,
)

__all__ = ["SCOPES", "Judge", "Judged"]

SCOPES: Final[tuple[Scope, ...]] = ("lumisection", "run")


_HELD: Final = 20


class Judged(NamedTuple):
    """An LS: its contents, workspace by workspace, and all reports of it and of the run so far."""

    lumisection: int
    contents: tuple[Contents, ...]
    reports: tuple[tuple[Scope, QualityReport], ...]


class Judge:
    """Fills some workspaces and judges them with some tests."""

    def __init__(self, bookings: Iterable[Booking], tests: Iterable[QualityTest]) -> None:
        self._layouts = [Layout(booking) for booking in bookings]
        self._compiled = compile_tests(tuple(tests), self._layouts).workspaces
        self._fillers = [WorkspaceFiller(layout) for layout in self._layouts]

    def lumisections(self, config: SyntheticConfig, step: int = 1) -> Iterator[Judged]:
        """LSs of a run, or each `step`-th of them."""
        detector = SyntheticDetector(config)
        totals = [Contents.empty(layout) for layout in self._layouts]
        before: list[tuple[Conditions, tuple[Contents, ...]]] = []
        for lumisection in range(1, config.lumisections + 1, step):
            made = self._filled(detector, lumisection)
            conditions = synthetic_conditions(config, lumisection)
            reports: list[tuple[Scope, QualityReport]] = []
            for number, (one, total) in enumerate(zip(made, totals, strict=True)):
                total.add(one)
                for scope, contents in zip(SCOPES, (one, total), strict=True):
                    found = judge(
                        contents,
                        self._compiled[one.layout.hash],
                        scope=scope,
                        set_hash="set",
                        run=config.run,
                        lumisection=lumisection,
                        complete=True,
                        versions=(lumisection,),
                        conditions=conditions,
                        inputs=Inputs(past=_past(before, number)),
                    )
                    reports += [(scope, report) for report in found.reports]
            yield Judged(lumisection, made, tuple(reports))
            before.append((conditions, made))
            del before[:-_HELD]

    def _filled(self, detector: SyntheticDetector, lumisection: int) -> tuple[Contents, ...]:
        contents = tuple(Contents.empty(layout) for layout in self._layouts)
        for number, batch in detector.chunks(lumisection):
            columns = decode_batch(encode_batch(batch), selected=batch.num_rows)
            for filler, one in zip(self._fillers, contents, strict=True):
                filler.fill(one, columns, source="synthetic", number=number)
        return contents


def _past(
    before: Sequence[tuple[Conditions, tuple[Contents, ...]]], number: int
) -> Callable[[int, Accepted], Sequence[Past]]:
    """LSs before of the workspace of this number."""

    def past(count: int, accepted: Accepted) -> list[Past]:
        found = [
            Past(lumisection=known.lumisection, contents=made[number], luminosity=known.recorded)
            for known, made in before
            if accepted(known)
        ]
        return found[-count:] if count else []

    return past
