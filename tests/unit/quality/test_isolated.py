"""Calls of algorithms travel to another process and back without a bit of difference."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dqmstream.errors import MessageError
from dqmstream.messages.booking import Axis, Integer, Regular
from dqmstream.quality.algorithm import Algorithm, Findings, Parameters
from dqmstream.quality.isolated import (
    Failure,
    Found,
    answer,
    failure_of,
    findings_of,
    packed_call,
    unpack_answer,
    unpack_call,
)
from dqmstream.quality.stack import BandStack, PastStack, ReferenceStack, Stack

floats = st.floats(allow_nan=True, allow_infinity=True, width=64)


class Weights(Parameters, frozen=True, kw_only=True):
    weight: float = 1.0
    names: tuple[str, ...] = ()


def arrays(n: int, bins: int) -> st.SearchStrategy[Any]:
    return hnp.arrays(np.float64, (n, bins), elements=floats)


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    n, bins = draw(st.integers(0, 4)), draw(st.integers(3, 6))
    choices: list[Axis] = [Integer(lower=0, upper=bins - 2), _regular(bins - 2)]
    axis = draw(st.sampled_from(choices))

    def plain() -> Stack:
        return Stack(
            axes=(axis,),
            entries=draw(hnp.arrays(np.int64, (n, bins), elements=st.integers(-(2**62), 2**62))),
            sums=draw(st.none() | arrays(n, bins)),
            squares=draw(st.none() | arrays(n, bins)),
            profile=draw(st.booleans()),
            lumisection=draw(st.integers(0, 2**31)),
        )

    rows = hnp.arrays(np.float64, n, elements=floats)
    bands = tuple(
        BandStack(
            centre=draw(arrays(n, bins)),
            lower=draw(arrays(n, bins)),
            upper=draw(arrays(n, bins)),
            statistical=draw(arrays(n, bins)),
            scale=draw(rows),
            members=draw(hnp.arrays(np.int64, n)),
            usual=draw(st.none() | hnp.arrays(np.float64, (n, 3), elements=floats)),
        )
        for _ in range(draw(st.integers(0, 1)))
    )
    own = plain()
    return Stack(
        axes=own.axes,
        entries=own.entries,
        sums=own.sums,
        squares=own.squares,
        profile=own.profile,
        lumisection=own.lumisection,
        bands=bands,
        references=tuple(
            ReferenceStack(stack=plain(), scale=draw(rows)) for _ in range(draw(st.integers(0, 2)))
        ),
        past=tuple(
            PastStack(lumisection=number, stack=plain())
            for number in range(draw(st.integers(0, 2)))
        ),
    )


def _regular(bins: int) -> Regular:
    return Regular(bins=bins, lower=0.0, upper=1.0)


def flat(value: Any) -> Any:
    """All there is in a stack, arrays as bytes with their shapes and types."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, tuple):
        return tuple(map(flat, value))
    if isinstance(value, Stack | ReferenceStack | BandStack | PastStack):
        return {name: flat(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def algorithm(measure: Any) -> Algorithm[Any]:
    return Algorithm(
        name="Anything",
        parameters=Weights,
        measure=measure,
        refusal=lambda _element: "",
        warning=1.0,
        error=0.5,
        min_entries=0,
    )


@settings(max_examples=50)
@given(stack=stacks(), weight=st.floats(allow_nan=False), names=st.lists(st.text(), max_size=3))
def test_an_algorithm_elsewhere_is_given_the_same_stack_and_parameters(
    stack: Stack, weight: float, names: list[str]
) -> None:
    seen: list[Any] = []

    def measure(there: Stack, parameters: Weights) -> Findings:
        seen.extend([there, parameters])
        zeros = np.zeros(len(there))
        return Findings(quantity="q", qtresult=zeros, measured=zeros, entries=zeros.astype(int))

    parameters = Weights(weight=weight, names=tuple(names))
    body = packed_call(algorithm(measure), "module:name", ("/a",), stack, parameters)
    call = unpack_call(body)
    assert isinstance(unpack_answer(answer(algorithm(measure), call)), Found)
    assert flat(seen[0]) == flat(stack)
    assert (seen[1], call.source, call.path) == (parameters, "module:name", ("/a",))


@settings(max_examples=50)
@given(data=st.data(), n=st.integers(0, 4), bins=st.integers(1, 4))
def test_findings_come_back_as_they_were(data: st.DataObject, n: int, bins: int) -> None:
    rows = hnp.arrays(np.float64, n, elements=floats)
    found = Findings(
        quantity="a",
        limit="b",
        unit="c",
        first_bin=-1,
        qtresult=data.draw(rows),
        measured=data.draw(rows),
        entries=data.draw(hnp.arrays(np.int64, n)),
        content=data.draw(st.none() | arrays(n, bins)),
        severity=data.draw(st.none() | arrays(n, bins)),
        p_value=data.draw(st.none() | rows),
        statistic=data.draw(st.none() | rows),
        ndof=data.draw(st.none() | rows),
        insufficient=data.draw(st.dictionaries(st.integers(0, 5), st.text(), max_size=3)),
    )
    empty = Stack(axes=(_regular(1),), entries=np.zeros((n, 3), np.int64))
    call = unpack_call(packed_call(algorithm(None), "m:n", (), empty, Weights()))
    there = unpack_answer(answer(algorithm(lambda _stack, _parameters: found), call))
    assert isinstance(there, Found)
    back = findings_of(there)
    for name in Findings.__dataclass_fields__:
        assert flat(getattr(back, name)) == flat(getattr(found, name)), name


def test_what_is_raised_comes_back_with_its_trace() -> None:
    failure = unpack_answer(failure_of(ValueError("no"), "line 1"))
    assert failure == Failure(error="ValueError('no')", trace="line 1")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_answer_are_refused(body: bytes) -> None:
    with pytest.raises(MessageError, match="bad_answer"):
        unpack_answer(b"\xc1" + body)


def test_an_array_shorter_than_its_shape_is_refused() -> None:
    empty = Stack(axes=(_regular(1),), entries=np.zeros((2, 3), np.int64))
    call = unpack_call(packed_call(algorithm(None), "m:n", (), empty, Weights()))
    zeros = np.zeros(2)
    found = Findings(quantity="q", qtresult=zeros, measured=zeros, entries=zeros.astype(int))
    body = answer(algorithm(lambda _stack, _parameters: found), call)
    document = msgspec.msgpack.decode(body)
    document["findings"]["qtresult"]["data"] = b"\0" * 8
    there = unpack_answer(msgspec.msgpack.encode(document))
    assert isinstance(there, Found)
    with pytest.raises(ValueError, match="reshape"):
        findings_of(there)
