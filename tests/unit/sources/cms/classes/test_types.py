"""Types of members: C++ text to a tree, and what is no type."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.classes.types import (
    Bits,
    Class,
    Map,
    Plain,
    Pointer,
    Set,
    Text,
    Type,
    Vector,
    parse_type,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("float", Plain("f4")),
        ("Double32_t", Plain("f4")),
        ("unsigned long long", Plain("u8")),
        ("ULong64_t", Plain("u8")),
        ("enum edm::BranchType", Plain("i4")),
        ("std::string", Text()),
        ("bitset<46>", Bits(46)),
        ("std::bitset<27>", Bits(27)),
        ("vector<vector<unsigned int> >", Vector(Vector(Plain("u4")))),
        ("std::vector<reco::Track>", Vector(Class("reco::Track"))),
        ("set<string>", Set(Text())),
        (
            "map<edm::Hash<1>,edm::ParameterSetBlob>",
            Map(Class("edm::Hash<1>"), Class("edm::ParameterSetBlob")),
        ),
        ("vector<edm::BranchID>*", Pointer(Vector(Class("edm::BranchID")))),
        ("edm::Ref<vector<A>,A,B<vector<A>,A> >", Class("edm::Ref<vector<A>,A,B<vector<A>,A> >")),
    ],
)
def test_a_type_is_read_as_cpp_spells_it(text: str, expected: Type) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    "text", ["", "vector<float", "vector<A>>", "a b", "enum a b", "7up", "A<B<C>"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_type(text)
