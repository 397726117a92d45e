"""CMSSW's XML of quality tests, as it stands."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.quality.cmssw_xml import MAX_BYTES, CmsswTest, read_cmssw_xml

GOOD = """<?xml version="1.0"?>
<TESTSCONFIGURATION>
  <!-- <QTEST name="not me"><TYPE>X</TYPE></QTEST> -->
  <QTEST name="range" activate="true">
    <TYPE> ContentsXRange </TYPE>
    <PARAM name="xmin">0.5</PARAM>
    <PARAM name="xmax"> 1 </PARAM>
  </QTEST>
  <OTHER><QTEST name="nor me"/></OTHER>
  <LINK name="*a &lt; b*">
    <TestName activate="true">range</TestName>
    <TestName activate="false">other</TestName>
  </LINK>
</TESTSCONFIGURATION>
"""


def test_tests_and_links_are_read_with_their_lines() -> None:
    found = read_cmssw_xml(GOOD.encode(), "a.xml")
    assert found.tests == (
        CmsswTest(
            name="range",
            type="ContentsXRange",
            parameters=(("xmin", "0.5"), ("xmax", "1")),
            line=4,
        ),
    )
    links = [(link.pattern, link.test, link.active, link.line) for link in found.links]
    assert links == [("*a < b*", "range", True, 11), ("*a < b*", "other", False, 12)]
    assert found.problems == ()


def test_what_stands_before_a_mistake_is_read() -> None:
    wrong = GOOD.replace("</TESTSCONFIGURATION>", "</TESTCONFIGURATION>")
    found = read_cmssw_xml(wrong.encode(), "a.xml")
    assert (len(found.tests), len(found.links)) == (1, 2)
    assert found.problems == (
        "not well-formed XML at line 14: mismatched tag; read are the 1 tests and 2 links before",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.xml: not well-formed XML at line 1: no element found"),
        ("quality_test = 3", "a.xml: not well-formed XML at line 1"),
        ("<html></html>", "the root element is 'html', expected 'TESTSCONFIGURATION'"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><TESTSCONFIGURATION/>', "has a document type"),
        ('<!DOCTYPE x SYSTEM "http://a/b.dtd"><TESTSCONFIGURATION/>', "has a document type"),
    ],
)
def test_what_is_no_such_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_cmssw_xml(text.encode(), "a.xml")


def test_a_bomb_of_entities_never_goes_off() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "boom"}">' for n in range(12))
    bomb = f"<!DOCTYPE b [{levels}]><TESTSCONFIGURATION><QTEST name='&l11;'/></TESTSCONFIGURATION>"
    with pytest.raises(ConfigurationError, match="entities are not expanded"):
        read_cmssw_xml(bomb.encode(), "a.xml")


def test_an_undeclared_entity_ends_what_can_be_read() -> None:
    found = read_cmssw_xml(GOOD.replace("<OTHER>", "&evil;<OTHER>").encode(), "a.xml")
    assert (len(found.tests), len(found.links)) == (1, 0)
    assert "undefined entity" in found.problems[0]


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected at most"):
        read_cmssw_xml(b" " * (MAX_BYTES + 1), "a.xml")


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ("<QTEST><TYPE>X</TYPE></QTEST>", "the QTEST at line 1 has no name"),
        ("<LINK><TestName activate='true'>a</TestName></LINK>", "the LINK at line 1 has no name"),
        ("<LINK name='a'><TestName>b</TestName></LINK>", "activate is '', expected true or false"),
    ],
)
def test_what_lacks_a_name_is_a_problem(part: str, problem: str) -> None:
    text = f"<TESTSCONFIGURATION>{part}</TESTSCONFIGURATION>"
    assert problem in read_cmssw_xml(text.encode(), "a.xml").problems[0]


@given(st.integers(0, len(GOOD)), st.binary(max_size=8))
def test_any_bytes_are_read_or_refused(place: int, put: bytes) -> None:
    data = GOOD.encode()
    with contextlib.suppress(ConfigurationError):
        found = read_cmssw_xml(data[:place] + put + data[place + len(put) :], "a.xml")
        assert len(found.tests) <= 2
        assert len(found.links) <= 2
