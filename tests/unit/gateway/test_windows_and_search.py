"""Windows in words, and patterns that cannot hang."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.search import PatternError, glob_matches, regex_matches
from services.gateway.tree import folder_of
from services.gateway.windows import Window, parse_range


@given(
    st.one_of(
        st.sampled_from([Window("lumisection"), Window("run")]),
        st.builds(lambda n: Window("last", count=n), st.integers(1, 999_999)),
        st.builds(
            lambda a, b: Window("range", min(a, b), max(a, b)),
            st.integers(1, 1 << 24),
            st.integers(1, 1 << 24),
        ),
    )
)
def test_a_window_is_read_back_from_its_word(window):
    assert Window.parse(window.word) == window


@pytest.mark.parametrize(
    "word", ["", "last", "last-0", "5-4", "00-3", "-1", "1-", "99999999", "ruN"]
)
def test_a_word_that_is_no_window_is_refused(word):
    with pytest.raises(ValueError, match="lumisections are"):
        Window.parse(word)


def test_windows_select_known_lumisections():
    known = [1, 2, 5, 6, 9]
    assert Window("lumisection").select(known) == [9]
    assert Window("last", count=2).select(known) == [6, 9]
    assert Window("run").select(known) == known
    assert Window("range", 2, 6).select(known) == [2, 5, 6]
    assert Window("lumisection").select([]) == []


def test_a_range_is_one_number_or_two():
    assert parse_range("7") == (7, 7)
    assert parse_range("7-12") == (7, 12)


@pytest.mark.parametrize(
    ("glob", "path", "meant"),
    [
        ("pixel/*/charge", "pixel/barrel/charge", True),
        ("pixel/*/charge", "pixel/a/b/charge", False),
        ("pixel/**/charge", "pixel/a/b/charge", True),
        ("PIXEL/barrel/ch?rge", "pixel/barrel/charge", True),
        ("*charge*", "pixel/barrel/adc_charge_1", True),
        ("*charge*", "charge/other", False),
        ("**charge**", "charge/other", True),
        ("layer[12]", "pixel/layer2", True),
        ("layer[!12]", "pixel/layer2", False),
        ("layer[1-3]", "pixel/layer2", True),
        ("a.b", "x/a_b", False),
        ("a[b", "x/a[b", True),
    ],
)
def test_globs(glob, path, meant):
    assert glob_matches(glob, longest=200)(path) is meant


def test_a_regular_expression_is_searched_without_regard_to_case():
    matches = regex_matches("charge|occup", longest=200)
    assert matches("pixel/Charge")
    assert not matches("pixel/size")


@pytest.mark.parametrize("regex", ["(", "(?=x)", r"(a)\1", "[z-a]", "", "x" * 201, "a\nb"])
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(regex):
    with pytest.raises(PatternError, match="pattern"):
        regex_matches(regex, longest=200)


def test_a_pattern_made_to_hang_other_engines_is_harmless():
    assert not regex_matches(r"^(([a-z])+.)+[A-Z]([a-z])+$", longest=200)("a" * 100_000 + "!!")


def test_folders_count_what_lies_below():
    paths = ["a/x", "a/b/y", "a/b/z", "c"]
    assert folder_of("", paths) == ("", {"a": 3}, ["c"])
    assert folder_of("/a/", paths) == ("a", {"b": 2}, ["a/x"])
    assert folder_of("nothing", paths) is None


@given(st.text(alphabet="ab*?[]!/-^", min_size=1, max_size=12), st.text(alphabet="ab/", max_size=9))
def test_any_glob_is_usable_or_refused(glob, path):
    usable = True
    with contextlib.suppress(PatternError):
        usable = glob_matches(glob, longest=200)(path) in {True, False}
    assert usable
