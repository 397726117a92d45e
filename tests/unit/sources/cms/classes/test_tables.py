"""Class tables: what is found by what a stream says, and which files are refused."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.classes.tables import (
    ClassTable,
    Member,
    Tables,
    class_tables,
    plain_name,
    read_tables,
)
from dqmstream.sources.cms.classes.types import Class, Map, Plain, Pointer, Set, Vector

TABLES = class_tables()
GOOD = """
[[class]]
name = "A"
version = 3
checksum = "0x0000002a"
proved = "bytes"
source = "here"
bases = [["B", 2]]
members = [["x_", "float"], ["y_", "unsigned short", 4]]
"""


def test_a_file_says_all_of_a_table() -> None:
    (table,) = read_tables(GOOD, "a.toml")
    assert table == ClassTable(
        name="A",
        version=3,
        checksum=42,
        bases=("B",),
        members=(
            Member("x_", Plain("f4"), 0, "float"),
            Member("y_", Plain("u2"), 4, "unsigned short"),
        ),
        source="here",
        base_versions=(2,),
    )
    assert table.label == "A v3"
    assert table.byte_count


def test_a_versioned_class_is_found_by_name_and_version() -> None:
    track = TABLES.find("reco::Track", 20)
    assert track is not None
    assert track.bases == ("reco::TrackBase",)
    assert TABLES.find("reco::Track", 21) is None
    assert TABLES.find("reco::Nothing", 20) is None


def test_a_class_without_version_is_found_by_checksum_alone() -> None:
    found = TABLES.find("whatever the member list says", 0, 0xE566D96E)
    assert found is not None
    assert found.name.startswith("ROOT::Math::PositionVector3D<ROOT::Math::Cartesian3D<double>")
    assert TABLES.find(found.name, 0, 0xE566D96F) is None


@pytest.mark.parametrize(
    "name",
    [
        "edm::Ref<std::vector<reco::Track>,reco::Track,edm::refhelper::FindUsingAdvance<X> >",
        "edm::Ref",
    ],
)
def test_a_template_with_the_same_members_for_all_arguments_has_one_table(name: str) -> None:
    found = TABLES.find(name, 11)
    assert found is not None
    assert found.name == "edm::Ref"
    assert TABLES.newest(name) is found


def test_the_newest_version_is_what_is_written() -> None:
    dcs = TABLES.newest("DCSRecord")
    assert dcs is not None
    assert dcs.version == 5
    assert TABLES.newest("NoSuchRecord") is None


def test_references_have_no_byte_count() -> None:
    assert [table.name for table in TABLES if not table.byte_count] == ["edm::RefCore"]


@pytest.mark.parametrize(
    ("spelled", "plain"),
    [
        ("std::vector<edm::Ref<A, B > >", "vector<edm::Ref<A,B>>"),
        ("std::vector<edm::Ref<std::vector<A> , A> >", "vector<edm::Ref<vector<A>,A>>"),
    ],
)
def test_a_class_has_one_spelling_without_std_and_blanks(spelled: str, plain: str) -> None:
    assert plain_name(spelled) == plain


def test_every_class_that_a_table_names_has_a_table() -> None:
    """But the holder behind a pointer, whose own class the stream names."""
    named = {name for table in TABLES for member in table.members for name in _classes(member.type)}
    bases = {base for table in TABLES for base in table.bases}
    assert {name for name in named | bases if TABLES.newest(name) is None} == set()


def test_no_member_name_comes_twice_in_a_class_and_its_bases() -> None:
    for table in TABLES:
        names = _names(table)
        assert len(set(names)) == len(names), table.label


def test_two_tables_of_one_version_are_refused() -> None:
    (table,) = read_tables(GOOD, "a.toml")
    with pytest.raises(ConfigurationError, match="two tables of class A version 3"):
        Tables([table, table])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("name", "title"), "a.toml: class None version 3: unknown title"),
        (('source = "here"\n', ""), "a.toml: class A version 3: KeyError 'source'"),
        (('"0x0000002a"', '"many"'), "class A version 3: ValueError"),
        (('"bytes"', '"hope"'), "proved is 'hope', expected 'bytes', or 'checksum' with one"),
        (('checksum = "0x0000002a"\nproved = "bytes"', 'proved = "checksum"'), "with one"),
        (('"float"', '"vector<float"'), "not spelled as a type"),
        (('"unsigned short", 4', '"string", 4'), "an array of string, expected one of numbers"),
        (("[[class]]", "[[class"), "a.toml: "),
    ],
)
def test_a_file_that_cannot_be_right_is_refused(change: tuple[str, str], match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        read_tables(GOOD.replace(*change), "a.toml")


def test_a_class_needs_a_version_or_a_checksum() -> None:
    table = ClassTable("A", 0, None, (), (), "here")
    with pytest.raises(ConfigurationError, match="class A has neither version nor checksum"):
        Tables([table])


def _names(table: ClassTable) -> list[str]:
    names = [member.name for member in table.members]
    for base, version in zip(table.bases, table.base_versions, strict=True):
        found = TABLES.find(base, version)
        assert found is not None
        names += _names(found)
    return names


def _classes(kind: object) -> set[str]:
    match kind:
        case Class(name):
            return {name}
        case Vector(inside) | Set(inside) | Pointer(inside):
            return _classes(inside)
        case Map(key, value):
            return _classes(key) | _classes(value)
        case _:
            return set()
