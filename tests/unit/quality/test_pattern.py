"""Patterns over paths."""

import pytest

from dqmstream.quality.pattern import compile_pattern


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
