"""The expression language: what it means, and what it refuses."""

import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking.expression import EVENT
from dqmstream.booking.parse import MAX_LENGTH, parse
from dqmstream.booking.program import Failure, Program
from dqmstream.booking.testing import make_collection, make_columns
from dqmstream.errors import BookingError

_NAN, _INF = math.nan, math.inf
_COLUMNS = make_columns(
    3,
    {
        "n": np.array([1, 2, 3], np.uint8),
        "i": np.array([-4, 0, 7], np.int16),
        "f": np.array([0.5, 1.5, -2.5], np.float32),
        "zero": np.zeros(3, np.int32),
        "good": [True, False, True],
        "huge": np.array([2**63, 1, 2], np.uint64),
    },
    {
        "muon": make_collection([1, 0, 2], pt=[1.0, 2.0, 3.0], q=np.array([1, -1, 1], np.int8)),
        "jet": make_collection([0, 0, 0], pt=np.empty(0)),
        "tau": make_collection([0, 2, 1], pt=[10.0, 20.0, 40.0]),
    },
    {"word": ["a", "b", "c"]},
)


def _evaluate(text: str) -> Any:
    program, node = Program(), parse(text)
    slot = program.add(node, node.level or EVENT)
    return program.run(_COLUMNS)[slot]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("n", [1, 2, 3]),
        ("n - 5", [-4, -3, -2]),
        ("n * 100", [100, 200, 300]),
        ("f * 2 + 1", [2, 4, -4]),
        ("-n", [-1, -2, -3]),
        ("+i", [-4, 0, 7]),
        ("7", [7, 7, 7]),
        ("1 / 0", [_INF] * 3),
        ("i / n", [-4, 0, 7 / 3]),
        ("i // 3", [-2, 0, 2]),
        ("i % 3", [2, 0, 1]),
        ("n // zero", [_NAN] * 3),
        ("n % zero", [_NAN] * 3),
        ("f // 0", [_INF, _INF, -_INF]),
        ("f ** 3", [0.125, 3.375, -15.625]),
        ("n ** 0", [1, 1, 1]),
        ("good + good", [2, 0, 2]),
        ("0 < f < 1", [True, False, False]),
        ("n >= 2 and good", [False, False, True]),
        ("n == 1 or n == 2 or n == 3", [True, True, True]),
        ("not good", [False, True, False]),
        ("~good | (n == 1)", [True, True, False]),
        ("good & (f != 0.5)", [False, False, True]),
        ("n & 2", [0, 2, 2]),
        ("n | 4", [5, 6, 7]),
        ("~n", [-2, -3, -4]),
        ("abs(i)", [4, 0, 7]),
        ("sqrt(n - 2)", [_NAN, 0, 1]),
        ("floor(f)", [0, 1, -3]),
        ("min(n, 2)", [1, 2, 2]),
        ("max(f, 1)", [1, 1.5, 1]),
        ("where(good, n, -1)", [1, -1, 3]),
        ("log(exp(n))", [1, 2, 3]),
        ("atan2(sin(f), cos(f))", [0.5, 1.5, -2.5]),
        ("count(muon)", [1, 0, 2]),
        ("count(muon.pt > 1.5)", [0, 0, 2]),
        ("sum(muon.pt)", [1, 0, 5]),
        ("sum(muon.q)", [1, 0, 0]),
        ("mean(muon.pt)", [1, _NAN, 2.5]),
        ("max(muon.pt)", [1, _NAN, 3]),
        ("min(muon.pt)", [1, _NAN, 2]),
        ("any(muon.pt > 2)", [False, False, True]),
        ("all(muon.pt > 2)", [False, True, False]),
        ("count(jet) + sum(jet.pt)", [0, 0, 0]),
        ("max(jet.pt)", [_NAN] * 3),
        ("sum(muon.pt) + sum(tau.pt)", [1, 30, 45]),
        ("muon.pt", [1, 2, 3]),
        ("muon.pt * n", [1, 6, 9]),
        ("muon.pt > max(muon.pt) - 0.5", [True, False, True]),
        ("sum(muon.pt * n) / count(muon)", [1, _NAN, 7.5]),
    ],
)
def test_meaning(text: str, values: list[float]) -> None:
    found = _evaluate(text)
    assert found.dtype in {np.dtype(kind) for kind in (np.float64, np.int64, np.bool_, np.uint8)}
    assert np.allclose(found, values, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("huge + 1", "an unsigned integer is above 2**63 - 1"),
        ("f & 1", "bitwise operators take booleans or integers, got float32 and int64"),
        ("good & n", "bitwise operators take booleans or integers, got bool and uint8"),
        ("not n", "expected booleans, got uint8; write a comparison such as x != 0"),
        ("word", "column word is text, expected numbers or booleans, one per event"),
        ("gone + n", "column gone is missing"),
    ],
)
def test_what_only_the_columns_can_tell_is_a_failure_with_a_reason(text: str, reason: str) -> None:
    assert _evaluate(text) == Failure(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read"),
        ("x +", "cannot be read: invalid syntax"),
        ("import os", "cannot be read"),
        ("x; y", "cannot be read"),
        ("\x00", "cannot be read"),
        ("(" * 500, "cannot be read: too many nested parentheses"),
        ("+" * 100 + "x", "nested deeper than"),
        ("x" * (MAX_LENGTH + 1), "characters, at most"),
        ("'a'", "not a finite number"),
        ("True", "not a finite number"),
        ("1e999", "not a finite number"),
        ("9" * 30, "not a finite number"),
        ("1j", "not a finite number"),
        ("x[0]", "not part of the language"),
        ("[x]", "not part of the language"),
        ("x if y else z", "not part of the language"),
        ("lambda: 1", "not part of the language"),
        ("(a := 1)", "not part of the language"),
        ("x @ y", "not part of the language"),
        ("x << 1", "not part of the language"),
        ("x is y", "not part of the language"),
        ("x in y", "not part of the language"),
        ("a.b.c", "not of the form collection.member"),
        ("x ** 9", "exponent"),
        ("x ** -1", "exponent"),
        ("x ** y", "exponent"),
        ("open(x)", "none of the functions"),
        ("x.y(1)", "none of the functions"),
        ("max(a, b, c)", "takes 2 arguments, got 3"),
        ("max()", "takes 2 arguments, got 0"),
        ("sqrt(*x)", "by position only"),
        ("sqrt(x=1)", "by position only"),
        ("sum(x)", "is per event"),
        ("count(x + 1)", "is per event"),
        ("any(muon.pt + 1)", "expected a boolean"),
        ("x and 1", "expected a boolean"),
        ("not (x + 1)", "expected a boolean"),
        ("where(x + 1, 2, 3)", "expected a boolean"),
        ("(x > 1) & 2", "operator & takes booleans or integers, got a"),
        ("~sqrt(x)", "operator ~ takes"),
        ("a > 1 & b < 2", "put each comparison in ()"),
        ("muon.pt + jet.pt", "collections jet and muon are mixed"),
        ("sum(muon.pt + jet.pt)", "collections jet and muon are mixed"),
    ],
)
def test_refusals_say_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(BookingError) as refusal:
        parse(text)
    assert reason in str(refusal.value)


@given(st.text(max_size=60) | st.text("xyn.()+-*/%&|~<>=! 01andort", max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    with suppress(BookingError):
        assert parse(text) == parse(text)


def test_what_expressions_share_is_computed_once() -> None:
    program = Program()
    for text in ("sqrt(f) + n", "sqrt(f) - n", "sqrt(f) > 1 and n > 1"):
        program.add(parse(text), EVENT)
    steps = len(program)
    program.add(parse("sqrt(f)"), EVENT)
    program.add(parse("( sqrt( f ) )  - n"), EVENT)
    assert len(program) == steps


def test_a_failure_stays_with_those_who_need_it() -> None:
    program = Program()
    slots = [program.add(parse(text), EVENT) for text in ("gone + 1", "n + 1")]
    results = program.run(_COLUMNS)
    assert results[slots[0]] == Failure("column gone is missing")
    assert np.array_equal(results[slots[1]], [2, 3, 4])


@given(
    st.lists(st.integers(0, 4), max_size=30),
    st.sampled_from(["sum", "min", "max", "mean"]),
    st.integers(0, 1000),
)
def test_reductions_are_those_of_a_loop_over_events(
    counts: list[int], name: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-50, 50, sum(counts)).astype(np.float32)
    columns = make_columns(len(counts), collections={"c": make_collection(counts, x=x)})
    program = Program()
    slot = program.add(parse(f"{name}(c.x)"), EVENT)
    ends = np.cumsum(counts, dtype=np.int64)
    events = [
        x[end - count : end].astype(np.float64) for end, count in zip(ends, counts, strict=True)
    ]
    reduce = {"sum": np.sum, "min": np.min, "max": np.max, "mean": np.mean}[name]
    empty = 0.0 if name == "sum" else math.nan
    expected = [reduce(event) if event.size else empty for event in events]
    assert np.array_equal(program.run(columns)[slot], np.array(expected), equal_nan=True)
