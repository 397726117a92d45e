"""Hypothesis strategies for messages, made from their types."""

import types
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]

_SCALARS: dict[object, Strategy] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=8),
    bytes: st.binary(max_size=8),
    type(None): st.none(),
    msgspec.UnsetType: st.just(msgspec.UNSET),
}


@lru_cache
def values_of(kind: Any) -> Strategy:
    """Any value of a field's type."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        patterns = [meta.pattern for meta in parts[1:] if getattr(meta, "pattern", None)]
        return st.from_regex(patterns[0], fullmatch=True) if patterns else values_of(parts[0])
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in {Union, types.UnionType}:
        return st.one_of(*map(values_of, parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values_of(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, parts))
    if origin is dict:
        return st.dictionaries(values_of(parts[0]), values_of(parts[1]), max_size=3)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    assert issubclass(kind, msgspec.Struct), kind
    hints = get_type_hints(kind, include_extras=True)
    fields = {
        name: st.deferred(lambda n=name: values_of(hints[n])) for name in kind.__struct_fields__
    }
    return st.builds(kind, **fields)


@pytest.fixture(scope="session")
def any_value_of() -> Callable[[Any], Strategy]:
    """Strategy for any value of a type."""
    return values_of
