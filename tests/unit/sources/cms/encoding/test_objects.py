"""Objects written from values: what was written is read back, byte for byte as the rules say."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import SourceError
from dqmstream.sources.cms.classes.tables import ClassTable, Member, Tables, class_tables
from dqmstream.sources.cms.classes.types import parse_type
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025, Encoder, Pointed
from tests.cms_objects import ObjectReader

NUMBERS = {
    "bool": st.integers(0, 1),
    "char": st.integers(-128, 127),
    "unsigned char": st.integers(0, 255),
    "unsigned short": st.integers(0, 2**16 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "unsigned int": st.integers(0, 2**32 - 1),
    "unsigned long": st.integers(0, 2**64 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
}
TEXTS = st.binary(max_size=300)


def _tables(*members: tuple[Any, ...]) -> Tables:
    """A class of these members, and a base of it."""
    base = ClassTable("Base", 2, None, (), (_member("b", "int"),), "here")
    made = [_member(*member) for member in members]
    table = ClassTable("Made", 7, None, ("Base",), tuple(made), "here", base_versions=(2,))
    inner = ClassTable("Inner", 0, 0x1234, (), (_member("i", "double"),), "here")
    return Tables([base, table, inner])


def _member(name: str, spelled: str, length: int = 0) -> Member:
    return Member(name, parse_type(spelled), length, spelled)


def _value(spelled: str) -> st.SearchStrategy[Any]:
    if spelled in NUMBERS:
        return NUMBERS[spelled]
    inside = spelled[spelled.find("<") + 1 : -1].strip()
    if spelled == "string":
        return TEXTS
    if spelled == "Inner":
        return st.fixed_dictionaries({"i": NUMBERS["double"]})
    if spelled.startswith("bitset"):
        return st.lists(st.integers(0, 1), min_size=int(inside), max_size=int(inside))
    if spelled.endswith("*"):
        return st.none() | _value("Inner").map(lambda value: Pointed("Inner", value))
    return st.lists(_value(inside), max_size=4)


SPELLED = st.sampled_from(
    [
        *NUMBERS,
        "string",
        "bitset<11>",
        "Inner",
        "Inner*",
        "vector<float>",
        "vector<vector<unsigned int> >",
        "vector<string>",
        "set<string>",
        "vector<Inner>",
        "vector<unsigned char>",
    ]
)


@st.composite
def classes(draw: st.DrawFn) -> tuple[Tables, list[dict[str, Any]]]:
    """A class of any members, and some objects of it."""
    kinds = draw(st.lists(SPELLED, max_size=6))
    arrays = draw(st.lists(st.sampled_from(["float", "unsigned short"]), max_size=2))
    members: list[tuple[Any, ...]] = [(f"m{place}", kind) for place, kind in enumerate(kinds)]
    members += [(f"a{place}", kind, 3) for place, kind in enumerate(arrays)]
    values: dict[str, st.SearchStrategy[Any]] = {"b": NUMBERS["int"]}
    values |= {f"m{place}": _value(kind) for place, kind in enumerate(kinds)}
    values |= {
        f"a{place}": st.lists(NUMBERS[kind], min_size=3, max_size=3)
        for place, kind in enumerate(arrays)
    }
    return _tables(*members), draw(st.lists(st.fixed_dictionaries(values), max_size=4))


@given(classes())
def test_objects_of_any_class_are_read_back(made: tuple[Tables, list[dict[str, Any]]]) -> None:
    """Alone and member by member, behind a pointer each."""
    tables, values = made
    encoder = Encoder(tables)
    for value in values:
        encoder.point(Pointed("Made", value))
    encoder.write("vector<Made>", values)
    reader = ObjectReader(encoder.payload(), tables)
    alone = [reader.pointer() for _ in values]
    assert [_plain(one) for one in alone] == [_plain(Pointed("Made", one)) for one in values]
    assert _plain(reader.value(parse_type("vector<Made>"))) == _plain(values)
    assert reader.at == len(reader.payload)


def test_an_object_has_byte_count_and_version_before_base_and_members() -> None:
    encoder = Encoder(_tables(("x", "float"), ("n", "unsigned short", 2)))
    encoder.write("Made", {"b": -1, "x": 1.0, "n": [1, 2]})
    assert encoder.payload().hex(" ", -2) == (
        "4000 0014 0007 4000 0006 0002 ffff ffff 3f80 0000 0001 0002"
    )


def test_a_member_wise_vector_has_columns_and_no_header_of_the_base() -> None:
    encoder = Encoder(_tables(("x", "unsigned short"), ("t", "string")))
    encoder.write("vector<Made>", [{"b": 1, "x": 3, "t": b"a"}, {"b": 2, "x": 4, "t": b""}])
    assert encoder.payload().hex(" ", -2) == (
        "4000 001d 4009 0007 0000 0002 0000 0001 0000 0002 0003 0004 4000 0005 0009 0161 00"
    )


def test_an_empty_vector_ends_behind_its_length() -> None:
    encoder = Encoder(_tables(("x", "vector<float>")))
    encoder.write("vector<Made>", [])
    assert encoder.payload().hex(" ", -2) == "4000 0008 4009 0007 0000 0000"


def test_a_class_without_version_is_written_with_its_checksum() -> None:
    encoder = Encoder(_tables())
    encoder.write("Inner", {"i": 0})
    assert encoder.payload().hex(" ", -2) == "4000 000e 0000 0000 1234 0000 0000 0000 0000"


def test_a_class_is_named_once_and_then_pointed_back_to() -> None:
    encoder = Encoder(_tables())
    for _ in range(2):
        encoder.point(Pointed("Inner", {"i": 0}))
    encoder.point(None)
    first, second = 28 + 4, 18 + 8
    payload = encoder.payload()
    assert payload[4:14] == b"\xff\xff\xff\xffInner\0"
    assert payload[first:][:8].hex() == f"{0x40000000 + second - 4:08x}{0x80000000 + 4 + 2:08x}"
    assert payload[first + second :] == bytes(4)


@pytest.mark.parametrize("length", [0, 254, 255, 70_000])
def test_texts_of_any_length_are_read_back(length: int) -> None:
    encoder = Encoder(_tables())
    encoder.write("string", b"x" * length)
    assert ObjectReader(encoder.payload()).value(parse_type("string")) == b"x" * length


@pytest.mark.parametrize(
    ("written", "begins"), [(WRITTEN_2021, "4009 0000 f5f3 c026"), (WRITTEN_2025, "0009 0000 0001")]
)
def test_maps_are_member_wise_or_plain_by_the_year(written: Any, begins: str) -> None:
    spelled = "map<edm::Hash<1>,edm::ParameterSetBlob>"
    encoder = Encoder(written=written)
    value = [({"hash_": bytes(16)}, {"pset_": b"<>"})]
    encoder.write(spelled, value)
    assert encoder.payload()[4:].hex(" ", -2).startswith(begins)
    assert ObjectReader(encoder.payload()).value(parse_type(spelled)) == value


@pytest.mark.parametrize("written", [WRITTEN_2021, WRITTEN_2025])
def test_a_wrapper_says_that_the_product_is_there(written: Any) -> None:
    encoder = Encoder(written=written)
    encoder.point(Pointed("edm::Wrapper<double>", 0.0))
    behind = encoder.payload()[-9:]
    assert behind == (b"\1" + bytes(8) if written is WRITTEN_2021 else bytes(8) + b"\1")
    assert ObjectReader(encoder.payload()).whole() == Pointed("edm::Wrapper<double>", 0.0)


@pytest.mark.parametrize(
    ("spelled", "value", "reason", "detail"),
    [
        ("NoSuchClass", {}, "class_unknown", "no table of class 'NoSuchClass'"),
        (
            "edm::BranchID",
            {"id": 1},
            "class_value",
            "edm::BranchID v10: no member id_ in {'id': 1}",
        ),
        ("edm::BranchID", 7, "class_value", "no member id_ in 7"),
        ("edm::BranchID", {"id_": "many"}, "class_value", "u4"),
        ("edm::BranchID", {"id_": 2**32}, "class_value", "u4"),
        ("vector<float>", [[1.0]], "class_value", r"shape \(1, 1\), expected 1 of f4"),
        ("bitset<3>", [1, 0], "class_value", r"shape \(2,\), expected 3 of u1"),
        ("map<string,edm::BranchID>", [], "class_value", "a map of Text"),
        ("vector<edm::BranchID*>", [None], "class_value", "nothing writes a vector of Pointer"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(
    spelled: str, value: Any, reason: str, detail: str
) -> None:
    with pytest.raises(SourceError, match=detail) as refused:
        Encoder(written=WRITTEN_2021).write(spelled, value)
    assert refused.value.reason == reason


def test_every_class_that_is_written_for_a_year_has_a_table() -> None:
    for written in (WRITTEN_2021, WRITTEN_2025):
        for name, version in written.versions.items():
            assert class_tables().find(name, version) is not None


def _plain(value: Any) -> Any:
    """Without NumPy, whose arrays do not compare as a whole."""
    match value:
        case Pointed(name, inside):
            return (name, _plain(inside))
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case np.ndarray() | np.generic():
            return _plain(value.tolist())
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value
