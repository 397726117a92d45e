"""Tests compiled against bookings: which elements each test judges, found once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Booking
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.gate import Gate, parse_gate
from dqmstream.quality.pattern import compile_pattern
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import same_shape

__all__ = ["CompiledTest", "CompiledTests", "CompiledWorkspace", "compile_tests"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledTest:
    """One test on the elements of one workspace: those it can judge, in stacks, and the others.

    Parameters
    ----------
    groups
        Elements of one shape each.
    refused
        Elements whose kind or axes the algorithm cannot judge, with the reason.
    gate
        What it requires of the conditions of an LS; None for nothing.
    """

    declared: QualityTest
    algorithm: Algorithm[Any]
    groups: tuple[tuple[ElementLayout, ...], ...]
    refused: tuple[tuple[ElementLayout, str], ...] = ()
    gate: Gate | None = None

    @property
    def elements(self) -> tuple[ElementLayout, ...]:
        """All elements its patterns match."""
        return (*(one for group in self.groups for one in group), *(one for one, _ in self.refused))


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledWorkspace:
    """All tests of one booking."""

    layout: Layout
    tests: tuple[CompiledTest, ...]

    @property
    def asks_for(self) -> tuple[str, ...]:
        """Names of the conditions that any test requires something of, sorted."""
        gates = [test.gate for test in self.tests if test.gate is not None]
        return tuple(sorted({name for gate in gates for name in gate.names}))


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledTests:
    """Workspaces by booking hash, and the names of tests that match no element of any."""

    workspaces: Mapping[str, CompiledWorkspace]
    unmatched: tuple[str, ...]


def compile_tests(
    tests: Sequence[QualityTest],
    bookings: Iterable[Booking | Layout],
    algorithms: Mapping[str, Algorithm[Any]] = ALGORITHMS,
) -> CompiledTests:
    """Find what each test judges.

    Parameters
    ----------
    tests
        As read with the same `algorithms`.
    bookings
        Bookings, or layouts already made of them.
    """
    layouts = [book if isinstance(book, Layout) else Layout(book) for book in bookings]
    workspaces = {
        layout.hash: CompiledWorkspace(layout=layout, tests=_compile(tests, layout, algorithms))
        for layout in layouts
    }
    matched = {one.declared.name for place in workspaces.values() for one in place.tests}
    return CompiledTests(
        workspaces=workspaces,
        unmatched=tuple(test.name for test in tests if test.name not in matched),
    )


def _compile(
    tests: Sequence[QualityTest], layout: Layout, algorithms: Mapping[str, Algorithm[Any]]
) -> tuple[CompiledTest, ...]:
    found = []
    for test in tests:
        if not compile_pattern(test.workspace).fullmatch(layout.workspace):
            continue
        path = compile_pattern(test.path)
        elements = [element for element in layout if path.fullmatch(element.element.path)]
        if elements:
            found.append(_compile_one(test, algorithms[test.algorithm], elements))
    return tuple(found)


def _compile_one(
    test: QualityTest, algorithm: Algorithm[Any], elements: Sequence[ElementLayout]
) -> CompiledTest:
    refusals = [(layout, algorithm.refusal(layout.element)) for layout in elements]
    return CompiledTest(
        declared=test,
        algorithm=algorithm,
        groups=tuple(same_shape(layout for layout, refused in refusals if not refused)),
        refused=tuple((layout, refused) for layout, refused in refusals if refused),
        gate=parse_gate(test.require) if test.require else None,
    )
