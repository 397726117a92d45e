"""CMSSW's patterns of paths."""

import fnmatch
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dqmstream.quality.cmssw_pattern import our_pattern
from dqmstream.quality.pattern import compile_pattern

LETTERS = "ab/._-"


def matches(pattern: str, path: str) -> bool:
    return compile_pattern(our_pattern(pattern)).fullmatch(path) is not None


@given(
    st.text(alphabet=LETTERS + "**??[]!^", min_size=1, max_size=12),
    st.text(alphabet=LETTERS, max_size=12),
)
@example("*/a", "a")
@example("*/a", "b/a")
@example("a*/b", "a/b")
@example("**a", "/a")
@example("[!]a]", "b")
@example("[]]", "]")
@example("[a", "[a")
@example("regex:a*", "regex:ab")
@example("[a-a]", "a")
def test_paths_match_as_with_fnmatch(pattern: str, path: str) -> None:
    """Python's is that of C without flags, but for `[^`, which C negates as `[!`."""
    expected = fnmatch.fnmatchcase(path, pattern.replace("[^", "[!"))
    try:
        found = matches(pattern, path)
    except ValueError as error:
        # C says nothing of a range that falls, and Python that it is empty.
        if "falls" not in str(error):
            raise
        ends = re.findall("(?=(.)-(.))", pattern)
        assert any(first > last for first, last in ends), "refused, and no range falls"
    else:
        assert found == expected


def test_a_glob_stays_one_where_it_can() -> None:
    assert our_pattern("*EcalBarrel/EBTask/EBT a EB*") == "**EcalBarrel/EBTask/EBT a EB**"
    assert our_pattern("L1T/counts") == "L1T/counts"


def test_what_means_something_else_in_a_glob_is_an_expression() -> None:
    assert our_pattern("*Disk_1/Blade*/adc") == "regex:.*Disk_1/Blade.*/adc"
    assert our_pattern("a?c+") == r"regex:a.c\+"


def test_a_backslash_takes_the_meaning_of_the_next_character() -> None:
    assert matches(r"a\*b", "a*b")
    assert not matches(r"a\*b", "axb")
    assert matches("a[-b]", "a-")


@pytest.mark.parametrize("pattern", ["", "[[:alpha:]]", "a[[.x.]]", "a[?-/]"])
def test_what_cannot_be_said_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"expected a pattern|by name|falls"):
        our_pattern(pattern)
