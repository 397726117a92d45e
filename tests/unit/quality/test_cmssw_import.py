"""CMSSW's quality tests as ours."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dqmstream.quality.cmssw_import import Imported, import_cmssw
from dqmstream.quality.cmssw_types import TYPES
from dqmstream.quality.cmssw_xml import CmsswFile, CmsswLink, CmsswTest, read_cmssw_xml
from dqmstream.quality.declaration import QualityTest, read_tests

LAYOUTS = "qtests-layouts"
# Of each file: tables, links that are switched off, what is not mapped, notes.
REAL = {
    "DT_QualityTests.xml": (10, 0, 4, 8),
    "EcalBarrelQualityTests.xml": (99, 0, 0, 44),
    "L1TCSCTF_QualityTests.xml": (1, 0, 0, 2),
    "L1TGCT_QualityTests.xml": (4, 0, 0, 4),
    "L1TRPCTF_QualityTests.xml": (1, 0, 0, 1),
    "sipixel_qualitytest_config.xml": (34, 0, 0, 1),
    "sistrip_qualitytest_config.xml": (5, 1, 1, 1),
}
# What each TYPE is given, and what becomes of it.
SIGMA = {
    "Xblocks": "999",
    "Yblocks": "2",
    "neighboursX": "999",
    "neighboursY": "3",
    "toleranceNoisy": "4.5",
    "toleranceDead": "6",
    "noisy": "1",
    "dead": "0",
    "xMin": "2",
    "xMax": "8",
    "yMin": "0",
    "yMax": "7",
}
KNOWN: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "CheckVariance": ({}, {}),
    "Comp2Ref2DChi2": ({"minEntries": "30"}, {}),
    "Comp2RefChi2": ({}, {}),
    "Comp2RefEqualH": ({}, {}),
    "Comp2RefKolmogorov": ({}, {}),
    "CompareLastFilledBin": (
        {"AvVal": "1", "MinVal": "2", "MaxVal": "3"},
        {"av_val": 1.0, "min_val": 2.0, "max_val": 3.0},
    ),
    "CompareToMedian": (
        {
            "MinRel": "0.3",
            "MaxRel": "2",
            "MinAbs": "0.1",
            "MaxAbs": "9",
            "UseEmptyBins": "1",
            "StatCut": "5",
        },
        {
            "min_rel": 0.3,
            "max_rel": 2.0,
            "min_abs": 0.1,
            "max_abs": 9.0,
            "use_empty_bins": True,
            "stat_cut": 5.0,
        },
    ),
    "ContentSigma": (
        SIGMA,
        {
            "x_blocks": 0,
            "y_blocks": 2,
            "neighbours_x": 0,
            "neighbours_y": 3,
            "tolerance_noisy": 4.5,
            "tolerance_dead": 6.0,
            "noisy": True,
            "dead": False,
            "x_min": 2,
            "x_max": 8,
            "y_min": 0,
            "y_max": 0,
        },
    ),
    "ContentsWithinExpected": (
        {
            "useEmptyBins": "1",
            "minEntries": "7",
            "toleranceMean": "-1",
            "minMean": "0",
            "maxMean": "2",
            "minRMS": "0",
            "maxRMS": "0",
        },
        {"use_empty_bins": True, "min_entries": 7, "min_mean": 0.0, "max_mean": 2.0},
    ),
    "ContentsXRange": ({"xmin": "-1", "xmax": "1e3"}, {"xmin": -1.0, "xmax": 1000.0}),
    "ContentsYRange": (
        {"ymin": "1", "ymax": "2", "useEmptyBins": "true"},
        {"ymin": 1.0, "ymax": 2.0, "use_empty_bins": True},
    ),
    "DeadChannel": ({"threshold": "0.05"}, {"threshold": 0.05}),
    "MeanWithinExpected": (
        {"mean": "3", "useSigma": "0.5", "useRMS": "0", "minEntries": "40"},
        {"mean": 3.0, "sigma": 0.5},
    ),
    "NoisyChannel": (
        {"tolerance": "0.4", "neighbours": "2"},
        {"tolerance": 0.4, "neighbours": 2},
    ),
}


def file_of(*tests: CmsswTest, links: dict[str, str] | None = None) -> CmsswFile:
    """A file in which each test has one link, or these of pattern to test."""
    named = {f"*{test.name}*": test.name for test in tests} if links is None else links
    return CmsswFile(
        name="a.xml",
        tests=tests,
        links=tuple(
            CmsswLink(pattern=pattern, test=test, active=True, line=1)
            for pattern, test in named.items()
        ),
    )


def of_type(kind: str, parameters: dict[str, str], name: str = "t") -> CmsswTest:
    thresholds = {"error": "0.3", "warning": "0.7"}
    return CmsswTest(
        name=name, type=kind, parameters=tuple((thresholds | parameters).items()), line=1
    )


def brought_in(kind: str, parameters: dict[str, str], *, corrected: bool = False) -> Imported:
    return import_cmssw([file_of(of_type(kind, parameters))], corrected=corrected)


def only(imported: Imported) -> QualityTest:
    assert imported.unmapped == ()
    (test,) = read_tests(imported.toml, "a.toml")
    return test


def reason(kind: str, parameters: dict[str, str]) -> str:
    (one,) = brought_in(kind, parameters).unmapped
    return one.reason


@pytest.mark.parametrize("kind", sorted(KNOWN))
def test_each_type_is_mapped_with_all_its_parameters(kind: str) -> None:
    given_ones, expected = KNOWN[kind]
    imported = brought_in(kind, given_ones)
    assert imported.notes == ()
    test = only(imported)
    assert (test.algorithm, test.warning, test.error) == (kind, 0.7, 0.3)
    assert test.path == "**t**"
    assert test.scopes == ("run",)
    least = {"Comp2Ref2DChi2": 30, "MeanWithinExpected": 40}
    assert test.min_entries == least.get(kind, 1)
    values = msgspec.structs.asdict(test.parameters)
    assert values.pop("cmssw_compatible") is True
    assert values | expected == values


def test_all_types_are_known() -> None:
    assert set(KNOWN) == set(TYPES)


def test_without_mistakes_the_parameters_are_the_same() -> None:
    test = only(brought_in("ContentsXRange", {"xmin": "1", "xmax": "2"}, corrected=True))
    values = msgspec.structs.asdict(test.parameters)
    assert values == {"xmin": 1.0, "xmax": 2.0, "cmssw_compatible": False}
    assert test.min_entries == 100


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"useRange": "1", "xmin": "1", "xmax": "2"}, {"xmin": 1.0, "xmax": 2.0}),
        ({"useRMS": "1", "xmin": "1", "xmax": "2"}, {"mean": 3.0, "use_rms": True}),
        ({"useSigma": "-2"}, {"mean": 3.0, "sigma": 2.0}),
    ],
)
def test_a_mean_is_compared_in_one_of_three_ways(parameters, expected) -> None:
    imported = brought_in("MeanWithinExpected", {"mean": "3"} | parameters)
    assert imported.notes == ()
    values = msgspec.structs.asdict(only(imported).parameters)
    assert values | expected == values


def test_of_several_ways_the_last_is_taken() -> None:
    parameters = {"mean": "3", "useSigma": "1", "useRMS": "1", "useRange": "1"}
    imported = brought_in("MeanWithinExpected", parameters | {"xmin": "1", "xmax": "2"})
    assert only(imported).parameters.xmax == 2.0  # type: ignore[attr-defined]
    assert [note.text for note in imported.notes] == [
        "of useSigma, useRMS, useRange the last is taken, as CMSSW does now"
    ]


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("MadeUp", {}, "TYPE 'MadeUp' is unknown"),
        ("ContentsXRange", {"xmin": "1"}, "parameter 'xmax' is missing"),
        ("ContentsXRange", {"xmin": "0,98", "xmax": "1"}, "'xmin' is '0,98', not a number"),
        ("ContentsXRange", {"xmin": "nan", "xmax": "1"}, "'xmin' is 'nan', not a number"),
        ("ContentsXRange", {"xmin": "1_0", "xmax": "11"}, "'xmin' is '1_0', not a number"),
        ("ContentsXRange", {"xmin": "2", "xmax": "1"}, "is not a test of ours: .*above xmax"),
        ("DeadChannel", {"threshold": "-1"}, "is not a test of ours: .*parameters.threshold"),
        ("DeadChannel", {"threshold": "1", "error": "x"}, "parameter 'error' is 'x'"),
        ("DeadChannel", {"threshold": "1", "error": "1.5"}, "above 1 nothing can pass"),
        ("MeanWithinExpected", {"mean": "1"}, "none of useRange, useSigma and useRMS"),
        ("ContentSigma", SIGMA | {"noisy": "0"}, "expected noisy, dead or both"),
        ("ContentSigma", SIGMA | {"Xblocks": "0"}, "'Xblocks' is 0"),
        ("ContentSigma", SIGMA | {"Xblocks": "-3"}, "-3, not a number of things"),
    ],
)
def test_what_cannot_be_mapped_has_a_reason(kind: str, parameters, expected: str) -> None:
    assert re.search(expected, reason(kind, parameters))


def test_a_spread_is_compared_with_thresholds_of_any_size() -> None:
    """Below 12 CMSSW warns, below 3 it is an error: a minimum of 12, and a quarter of it."""
    test = only(brought_in("CheckVariance", {"warning": "12", "error": "3"}))
    values = msgspec.structs.asdict(test.parameters)
    assert (values["minimum"], values["cmssw_compatible"]) == (12.0, False)
    assert (test.warning, test.error) == (1.0, 0.25)


def test_a_spread_that_cannot_fail_is_not_mapped_without_mistakes() -> None:
    parameters = {"warning": "0", "error": "0"}
    assert brought_in("CheckVariance", parameters).unmapped == ()
    (one,) = brought_in("CheckVariance", parameters, corrected=True).unmapped
    assert one.reason == "warning and error are not above 0: it cannot fail"


def test_a_warning_that_never_comes_is_left_out() -> None:
    imported = brought_in("DeadChannel", {"threshold": "3", "error": "0.99", "warning": "0.5"})
    test = only(imported)
    assert (test.warning, test.error) == (0.99, 0.99)
    assert imported.notes[0].text == "warning 0.5 is below error 0.99, which comes first: left out"


def test_thresholds_that_are_missing_are_cmssws() -> None:
    test = CmsswTest(name="t", type="Comp2RefEqualH", parameters=(), line=1)
    found = only(import_cmssw([file_of(test)]))
    assert (found.warning, found.error, found.normalise) == (0.9, 0.5, "none")


def test_unknown_parameters_and_other_names_are_noted() -> None:
    parameters = {"tolerance": "1", "neighbours": "0", "testparam": "x"}
    imported = brought_in("NoisyChannelROOT", parameters)
    assert only(imported).algorithm == "NoisyChannel"
    assert [note.text for note in imported.notes] == [
        "TYPE 'NoisyChannelROOT' is another name of 'NoisyChannel'",
        "parameter 'neighbours' is 0, which CMSSW takes for 1",
        "parameter 'testparam' is unknown to NoisyChannel, left out",
    ]


def test_links_and_tests_that_miss_each_other_are_named() -> None:
    one = of_type("Comp2RefEqualH", {}, "one")
    lonely = of_type("MadeUp", {}, "lonely")
    imported = import_cmssw(
        [file_of(one, lonely, links={"a": "one", "b": "two", "[[:x:]]": "one"})]
    )
    assert [(test.name, test.path) for test in imported.tests] == [("one", "a")]
    assert [(item.test, item.link, item.reason) for item in imported.unmapped] == [
        ("two", "b", "no QTEST is named 'two'"),
        ("one", "[[:x:]]", "LINK '[[:x:]]' has a class of characters by name: [[:x:]"),
        ("lonely", "", "no LINK names it"),
    ]


def test_a_test_with_several_links_is_numbered_and_no_name_comes_twice() -> None:
    first = file_of(
        of_type("Comp2RefEqualH", {}, "same"),
        of_type("Comp2RefEqualH", {}, "same (1)"),
        links={"a": "same", "b": "same", "c": "same (1)"},
    )
    imported = import_cmssw([first, file_of(of_type("Comp2RefEqualH", {}, "same"))])
    names = [test.name for test in imported.tests]
    assert names == ["same (2)", "same (3)", "same (1)", "same (4)"]
    assert len(read_tests(imported.toml, "a.toml")) == 4


def test_a_link_that_is_switched_off_stays_so() -> None:
    test = of_type("Comp2RefEqualH", {})
    link = CmsswLink(pattern="a", test="t", active=False, line=3)
    file = CmsswFile(name="a.xml", tests=(test,), links=(link, link))
    assert only(import_cmssw([file])).enabled is False


@given(
    name=st.text(min_size=1, max_size=120),
    pattern=st.text(min_size=1, max_size=40),
    file=st.text(max_size=20),
)
@example(name="b@run", pattern="*", file="")
@example(name="@change:@run", pattern="*", file="")
@example(name="a\n\x80", pattern="*", file="")
def test_any_text_gives_a_file_that_is_read(name: str, pattern: str, file: str) -> None:
    test = CmsswTest(name=name, type="Comp2RefEqualH", parameters=(), line=1)
    link = CmsswLink(pattern=pattern, test=name, active=True, line=1)
    imported = import_cmssw([CmsswFile(name=file, tests=(test,), links=(link, link))])
    assert len(read_tests(imported.toml, "a.toml")) + len(imported.unmapped) == 1


@pytest.mark.realdata
@pytest.mark.parametrize("name", sorted(REAL))
def test_files_of_cms_are_read(name: str, real_data: Path) -> None:
    data = (real_data / LAYOUTS / name).read_bytes()
    imported = import_cmssw([read_cmssw_xml(data, name)])
    tests = read_tests(imported.toml, name)
    off = sum(not test.enabled for test in tests)
    assert (len(tests), off, len(imported.unmapped), len(imported.notes)) == REAL[name]
    # Each TestName of the file is a table, or is named with a reason; comments have 1 of them.
    links = data.count(b"<TestName ")
    unread = sum(bool(one.link) for one in imported.unmapped)
    assert links == len(tests) + unread


@pytest.mark.realdata
def test_all_files_of_cms_are_one_file_of_ours(real_data: Path) -> None:
    folder = real_data / LAYOUTS
    names = sorted(file.name for file in folder.glob("*.xml"))
    assert names == sorted(REAL)
    files = [read_cmssw_xml((folder / name).read_bytes(), name) for name in names]
    for corrected in (False, True):
        imported = import_cmssw(files, corrected=corrected)
        tests = read_tests(imported.toml, "all.toml")
        assert len(tests) == 154
        assert len(imported.unmapped) == 5
        assert {one.reason for one in imported.unmapped} == {
            "parameter 'ymin' is '0,98', not a number",
            "not well-formed XML at line 61: mismatched tag; "
            "read are the 5 tests and 5 links before",
        }
        kinds = {test.algorithm for test in tests}
        assert kinds == {
            "Comp2RefKolmogorov",
            "ContentsWithinExpected",
            "ContentsXRange",
            "ContentsYRange",
            "DeadChannel",
            "MeanWithinExpected",
            "NoisyChannel",
        }
