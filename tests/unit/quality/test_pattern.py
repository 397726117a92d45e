"""Patterns over paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.quality.pattern import compile_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("Pixel/*", "Pixel/charge", True),
        ("Pixel/*", "Pixel/Barrel/charge", False),
        ("Pixel/**", "Pixel/Barrel/Layer1/charge", True),
        ("**/charge", "charge", True),
        ("**/charge", "Pixel/Barrel/charge", True),
        ("**/charge", "Pixel/supercharge", False),
        ("Pixel/**/charge", "Pixel/charge", True),
        ("Pixel/layer?", "Pixel/layer1", True),
        ("Pixel/layer?", "Pixel/layer/", False),
        ("Pixel/layer[12]", "Pixel/layer2", True),
        ("Pixel/layer[!12]", "Pixel/layer2", False),
        ("Pixel/layer[!12]", "Pixel/layer3", True),
        ("Pixel/layer[!12]", "Pixel/layer/", False),
        ("Pixel/layer[0-9]", "Pixel/layer7", True),
        ("Pixel/a.b+c", "Pixel/a.b+c", True),
        ("Pixel/a.b", "Pixel/aXb", False),
        ("Pixel/[", "Pixel/[", True),
        ("regex:Pixel/(a|b)", "Pixel/b", True),
        ("regex:Pixel/a", "Pixel/ab", False),
    ],
)
def test_a_star_stays_in_its_folder_and_two_do_not(pattern: str, path: str, matches: bool) -> None:
    assert bool(compile_pattern(pattern).fullmatch(path)) is matches


@pytest.mark.parametrize("pattern", ["", "regex:", "regex:(", "layer[z-a]"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("Pixel/**/*charge*", "Pixel/Barrel/supercharged", "Pixel/charge/Barrel"),
        ("**/Layer?/**/[!ab]*", "Pixel/Layer1/x/charge", "Pixel/Layer1/x/amplitude"),
        ("*/*/*", "Pixel/Layer1/charge", "Pixel/Layer1/x/charge"),
        ("**[!]x]**[a-c^&]**", "Pixel/^", "]"),
        ("**é\n**.**", "é\nPixel.", "é\nPixel"),
    ],
)
def test_many_stars_mean_what_few_do(pattern: str, matching: str, other: str) -> None:
    assert matches(pattern, matching)
    assert not matches(pattern, other)


@pytest.mark.parametrize("pattern", [f"quality:{'**a' * 30}", f"{'*a' * 40}", "regex:(a|a)*b"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    """With backtracking each of them would still be at it when the universe ends."""
    assert not matches(pattern, f"quality:{'a' * 200}c")


@pytest.mark.parametrize("pattern", [r"regex:(?!Pixel).*", r"regex:(a)\1"])
def test_a_regular_expression_that_must_backtrack_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not a pattern: invalid"):
        compile_pattern(pattern)


@given(
    st.lists(st.sampled_from(["a", "/", "*", "**/", "**", "?", "[ab]", "[!a]", ".", "é"])),
    st.text(alphabet="ab/.é", max_size=8),
)
def test_both_kinds_of_matching_say_the_same(tokens: list[str], text: str) -> None:
    glob = "".join(tokens)
    # Alone it has few stars; behind three more that need nothing it is one with many.
    assert matches(glob, text) == (bool(glob) and matches(f"**#**#**#{glob}", f"###{text}"))
