"""Tests compiled against bookings: which elements each test judges, found once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Booking
from dqmstream.messages.quality import Scope
from dqmstream.quality.algorithm import Algorithm, Needs
from dqmstream.quality.code import code_of
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.gate import Gate, all_open, listed_gate, parse_gate, parts_gate
from dqmstream.quality.pattern import compile_pattern
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import same_shape

__all__ = [
    "CHOSEN_BY",
    "CompiledTest",
    "CompiledTests",
    "CompiledWorkspace",
    "compile_tests",
]

_MOST_CELLS: Final = 4 << 20
_MOST_LOOKBACK: Final = 1000
_CHOOSING: Final = (Needs.REFERENCE, Needs.BAND)
CHOSEN_BY: Final = ("beam_mode", "energy", "prescale_name", "run_type")
"""Conditions by which references are chosen."""
_SCALED_BY: Final = ("recorded",)
"""Conditions by which they may be scaled: of a band it is not known before it is chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledTest:
    """One test on the elements of one workspace: those it can judge, in stacks, and the others.

    Parameters
    ----------
    groups
        Elements of one shape each, not more than fill some 32 MB.
    refused
        Elements whose kind or axes the algorithm cannot judge, with the reason.
    broken
        Elements of which the algorithm failed to say so, with what it raised.
    lookback
        LSs before the one judged that it looks at.
    gate
        What it requires of the conditions of an LS; None for nothing.
    """

    declared: QualityTest
    algorithm: Algorithm[Any]
    groups: tuple[tuple[ElementLayout, ...], ...]
    refused: tuple[tuple[ElementLayout, str], ...] = ()
    broken: tuple[tuple[ElementLayout, Exception], ...] = ()
    lookback: int = 0
    gate: Gate | None = None

    @property
    def asks_for(self) -> tuple[str, ...]:
        """Names of the conditions that its verdict depends on."""
        names = () if self.gate is None else self.gate.names
        if self.algorithm.needs in _CHOOSING:
            names += CHOSEN_BY
        names += self.declared.same
        by_luminosity = self.declared.normalise == "luminosity"
        return names + (_SCALED_BY if by_luminosity or self.algorithm.needs is Needs.BAND else ())

    @property
    def elements(self) -> tuple[ElementLayout, ...]:
        """All elements its patterns match."""
        judged = (one for group in self.groups for one in group)
        return (*judged, *(one for one, _ in (*self.refused, *self.broken)))


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledWorkspace:
    """All tests of one booking.

    Parameters
    ----------
    configuration
        Hash of what is declared of them.
    code
        Release, and hash of the algorithms.
    """

    layout: Layout
    tests: tuple[CompiledTest, ...]
    configuration: str = ""
    code: str = ""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Scopes that any test has, in the order in which tests name them."""
        return tuple(dict.fromkeys(scope for test in self.tests for scope in test.declared.scopes))

    @property
    def looks_back(self) -> bool:
        """Whether any test judges the contents of LSs again, or looks at them, when later ones
        are judged; the run so far is a sum, and needs none."""
        return any(test.lookback for test in self.tests) or any(
            scope not in {"lumisection", "run"} for scope in self.scopes
        )

    def of(self, scope: Scope) -> tuple[CompiledTest, ...]:
        """Tests of a scope."""
        return tuple(test for test in self.tests if scope in test.declared.scopes)

    def asks_for(self, scope: Scope = "lumisection") -> tuple[str, ...]:
        """Names of the conditions that verdicts of a scope depend on, sorted."""
        since = scope.removeprefix("change:")
        names = {name for test in self.of(scope) for name in test.asks_for}
        return tuple(sorted(names.union(since.split(",") if since != scope else ())))


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
    workspaces = {}
    for layout in layouts:
        found = _compile(tests, layout, algorithms)
        declared = content_hash([test.declared for test in found])
        workspaces[layout.hash] = CompiledWorkspace(
            layout=layout,
            tests=found,
            configuration=declared,
            code=code_of(test.algorithm for test in found),
        )
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
    can, refused, broken = [], [], []
    lookback = 0
    for layout in elements:
        # A plug-in may raise anything; it must not end the comparator.
        try:
            why = _refusal(test, algorithm, layout)
            lookback = _lookback(test, algorithm)
        except Exception as error:
            broken.append((layout, error))
            continue
        if why:
            refused.append((layout, why))
        else:
            can.append(layout)
    return CompiledTest(
        declared=test,
        algorithm=algorithm,
        groups=tuple(block for group in same_shape(can) for block in _blocks(group)),
        refused=tuple(refused),
        broken=tuple(broken),
        lookback=lookback,
        gate=_gate(test),
    )


def _refusal(test: QualityTest, algorithm: Algorithm[Any], layout: ElementLayout) -> str:
    """Why an element cannot be judged by a test; empty if it can."""
    element = layout.element
    if layout.planes:
        return algorithm.refusal(element) or algorithm.refusal_with(test.parameters, element)
    try:
        why = algorithm.refusal(element)
    except Exception:
        why = ""  # written with histograms in mind
    return why or f"needs bins, got a {type(element).__name__.lower()}"


def _lookback(test: QualityTest, algorithm: Algorithm[Any]) -> int:
    if algorithm.needs is not Needs.PAST:
        return 0
    lookback = algorithm.lookback(test.parameters)
    if not 0 <= lookback <= _MOST_LOOKBACK:
        msg = f"{algorithm.name} looks back at {lookback} LSs, expected 0 to {_MOST_LOOKBACK}"
        raise ValueError(msg)
    return lookback


def _blocks(group: Sequence[ElementLayout]) -> Iterator[tuple[ElementLayout, ...]]:
    """A group in parts: algorithms need several times the memory of what they are given."""
    most = max(1, _MOST_CELLS // max(1, group[0].planes * group[0].cells))
    for first in range(0, len(group), most):
        yield tuple(group[first : first + most])


def _gate(test: QualityTest) -> Gate | None:
    """All it asks of the conditions of an LS."""
    gates = [parse_gate(test.require)] if test.require else []
    if test.run_type:
        gates.append(listed_gate("run_type", test.run_type))
    if test.beam_mode:
        gates.append(listed_gate("beam_mode", test.beam_mode))
    if test.parts:
        gates.append(parts_gate(test.parts))
    return all_open(gates)
