"""A made-up detector for tests of the gateway: contents drawn from a seeded generator, published
as a filler would publish them, in one partition or several."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import (
    Activation,
    Booking,
    Category,
    Draw,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
)
from dqmstream.messages.events import RunStart
from dqmstream.messages.histograms import Account, HistogramSet, ScalarValue, SourceAccount
from dqmstream.messages.operations import Conditions, Heartbeat
from dqmstream.messages.quality import BadChannel, Outcome, QualityReport, QualityReports

__all__ = ["SET", "TRIGGERS", "Detector", "bookings"]

SET = "0123456789abcdef"
TRIGGERS = ("HLT_ZeroBias", "HLT_IsoMu24", "HLT_Ele32_WPTight", "HLT_PFJet500", "HLT_MET120")


def bookings() -> tuple[Booking, Booking]:
    """Two workspaces with an element of every kind."""
    pixel = Booking(
        workspace="pixel",
        description="Pixel detector: clusters and their charge.",
        elements=(
            Histogram(
                path="pixel/charge",
                title="Cluster charge",
                description="A Landau around 22 ke. A second peak near 0 means a low bias voltage.",
                axes=(Regular(bins=50, lower=0.0, upper=100.0, label="charge", unit="ke"),),
                fill=("charge",),
            ),
            Histogram(
                path="pixel/barrel/occupancy",
                title="Digis per module",
                axes=(
                    Regular(bins=24, lower=0.0, upper=24.0, label="ladder"),
                    Regular(bins=16, lower=-8.0, upper=8.0, label="module"),
                ),
                fill=("ladder", "module"),
                draw=Draw(style="map"),
            ),
            Profile(
                path="pixel/barrel/size_vs_eta",
                title="Cluster size against η",
                axes=(Regular(bins=25, lower=-2.5, upper=2.5, label="η"),),
                fill=("eta",),
                value="size",
                value_range=(0.0, 64.0),
            ),
            Scalar(path="pixel/events", title="Events", value="1", combine="sum"),
            Text(path="pixel/configuration", title="Configuration", value="configuration"),
        ),
    )
    trigger = Booking(
        workspace="trigger",
        description="High-level trigger: rates of paths.",
        elements=(
            Histogram(
                path="trigger/paths",
                title="Accepts per path",
                description="No path should fall to zero.",
                axes=(Integer(lower=0, upper=len(TRIGGERS), label="HLT path"),),
                fill=("path",),
                draw=Draw(log_y=True),
            ),
            Histogram(
                path="trigger/streams",
                title="Events per stream",
                axes=(
                    Category(codes=(3, 5, 9), labels=("Physics", "Express", "DQM"), label="stream"),
                ),
                fill=("stream",),
            ),
            Histogram(
                path="trigger/energy",
                title="Energy by region",
                axes=(Regular(bins=20, lower=0.0, upper=20.0, label="region"),),
                fill=("region",),
                weight="energy",
                weight_range=(0.0, 100.0),
            ),
        ),
    )
    return pixel, trigger


@dataclass(kw_only=True)
class Detector:
    """Publishes what a filler and a comparator would, message by message.

    `through` counts on by itself, so that each set is newer than the one before.
    """

    run: int = 400_001
    seed: int = 1
    partitions: int = 1
    layouts: tuple[Layout, ...] = field(default_factory=lambda: tuple(map(Layout, bookings())))
    through: int = 0
    events: dict[tuple[int, int], int] = field(default_factory=dict)
    filled: dict[tuple[str, int, int], Contents] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def announce(self) -> Iterator[Booking | Activation | RunStart]:
        """Bookings, the activation of the set, and the start of the run with names of paths."""
        for layout in self.layouts:
            yield layout.booking
        names = tuple(layout.workspace for layout in self.layouts)
        yield Activation(set=SET, workspaces=names, from_run=1, who="test", when=1)
        yield RunStart(
            run=self.run,
            source="made-up",
            incarnation="1",
            rereadable=True,
            partitions=self.partitions,
            first_lumisection=1,
            labels={"path": TRIGGERS},
        )

    def fill(
        self, lumisection: int, events: int = 200, *, partition: int = 0, published: int = 0
    ) -> Iterator[HistogramSet]:
        """More events of an LS: the whole contents as they stand then, still open."""
        key = (lumisection, partition)
        self.events[key] = self.events.get(key, 0) + events
        for layout in self.layouts:
            contents = self.contents(layout.workspace, lumisection, partition)
            _add_events(contents, events, self._random)
        yield from self.sets(lumisection, partition=partition, published=published)

    def close(
        self, lumisection: int, *, missing: tuple[str, ...] = (), published: int = 0
    ) -> Iterator[HistogramSet]:
        """The closing sets of an LS on every partition."""
        for partition in range(self.partitions):
            yield from self.sets(
                lumisection, partition=partition, closed=True, missing=missing, published=published
            )

    def contents(self, workspace: str, lumisection: int, partition: int = 0) -> Contents:
        """What is filled so far of a workspace in one LS on one partition."""
        layout = next(each for each in self.layouts if each.workspace == workspace)
        return self.filled.setdefault((workspace, lumisection, partition), Contents.empty(layout))

    def sets(
        self,
        lumisection: int,
        *,
        partition: int = 0,
        closed: bool = False,
        segment: int = 0,
        missing: tuple[str, ...] = (),
        published: int = 0,
    ) -> Iterator[HistogramSet]:
        """The contents of one LS on one partition, in all workspaces."""
        self.through += 1
        account = self._account(lumisection, partition, closed=closed, missing=missing)
        for layout in self.layouts:
            contents = self.contents(layout.workspace, lumisection, partition)
            yield HistogramSet(
                set=SET,
                run=self.run,
                lumisection=lumisection,
                segment=segment,
                workspace=layout.workspace,
                partition=partition,
                partitions=self.partitions,
                booking=layout.hash,
                through=self.through,
                epoch=0,
                closed=closed,
                whole=True,
                writer="test",
                account=account,
                cells=contents.encode(),
                scalars=contents.scalars,
                invalid=contents.invalid,
                published=published,
            )

    def reports(
        self,
        lumisection: int,
        outcomes: Mapping[str, Outcome],
        *,
        scope: str = "lumisection",
        made: int = 0,
    ) -> Iterator[QualityReports]:
        """One report on each path, in all workspaces."""
        for layout in self.layouts:
            yield QualityReports(
                set=SET,
                run=self.run,
                lumisection=lumisection,
                workspace=layout.workspace,
                scope="run" if scope == "run" else "lumisection",
                complete=True,
                versions=(self.through,) * self.partitions,
                made=made,
                reports=tuple(
                    _report(path, outcome) for path, outcome in outcomes.items() if path in layout
                ),
            )

    def beats(self, when: int, *services: str) -> Iterator[Heartbeat]:
        """A heartbeat of each service."""
        for service in services:
            yield Heartbeat(
                process="test-1", service=service, state="ready", when=when, memory=200 << 20
            )

    def conditions(self, lumisection: int) -> Conditions:
        """Conditions of one LS."""
        return Conditions(
            run=self.run,
            lumisection=lumisection,
            run_type="pp_run",
            fill=9_999,
            beam_mode="STABLE BEAMS",
            luminosity=1.9e34,
            pileup=57.5,
            dcs={"pixel": True, "castor": False},
        )

    def _account(
        self, lumisection: int, partition: int, *, closed: bool, missing: tuple[str, ...]
    ) -> Account:
        events = self.events.get((lumisection, partition), 0)
        source = SourceAccount(
            source="made-up",
            incarnation="1",
            rereadable=True,
            chunks=bytes([1 << partition]) if events else b"",
            marker=self.partitions if closed else None,
            seen=events,
            selected=events,
        )
        why = "timeout" if missing else "markers"
        return Account(sources=(source,), missing=missing, closed_by=why if closed else "")


def _add_events(contents: Contents, events: int, random: np.random.Generator) -> None:
    for element in contents.layout:
        booked = element.element
        if isinstance(booked, Scalar):
            before = contents.scalars.get(element.index, ScalarValue(value=0)).value
            total = (0 if isinstance(before, str) else before) + events
            contents.scalars[element.index] = ScalarValue(value=total)
        elif isinstance(booked, Text):
            contents.scalars[element.index] = ScalarValue(value="collisions 2026", source="made-up")
        else:
            shape = random.gamma(4.0, 0.08, (events, len(element.extents)))
            bins = np.minimum(shape * np.array(element.extents), np.array(element.extents) - 1)
            flat = np.ravel_multi_index(tuple(bins.astype(np.int64).T), element.extents)
            counts = np.bincount(flat, minlength=element.cells)
            contents.cells[element.offset : element.offset + element.cells] += counts
            if element.planes == 3:
                value = 2.0 + np.arange(element.cells) % 11
                _add_plane(contents, element.offset + element.cells, counts * value, element.bits)
                second = element.offset + 2 * element.cells
                _add_plane(contents, second, counts * value * value * 1.1, element.square_bits)


def _add_plane(contents: Contents, offset: int, sums: np.ndarray, bits: int) -> None:
    scaled = np.rint(np.ldexp(sums.astype(np.float64), bits)).astype(np.int64)
    contents.cells[offset : offset + len(scaled)] += scaled


def _report(path: str, outcome: Outcome) -> QualityReport:
    bad = outcome is Outcome.BAD
    return QualityReport(
        path=path,
        qtname="mean_in_range",
        algorithm="MeanWithinExpected",
        outcome=outcome,
        qtresult=0.2 if bad else 1.0,
        measured=31.7 if bad else 22.1,
        limit="20 to 25",
        entries=12_345,
        references=("5f2c9a1b7d3e8046",),
        bad_channels=(BadChannel(bins=(7,), content=0.0, label="module 7"),) if bad else (),
        bad_count=int(bad),
        message="mean is 31.7, expected 20 to 25" if bad else "",
    )
