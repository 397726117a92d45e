"""Plans of made-up runs: TOML that says any part of them, and what cannot be is refused."""

import math
from dataclasses import fields
from typing import Any

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.madeup.plan import Beam, FedFault, Plan, read_plan


def test_an_empty_file_is_the_default_plan() -> None:
    assert read_plan("", "plan.toml") == Plan()


def test_a_file_says_any_part_of_a_plan() -> None:
    text = """
        events = 20
        feds = [600, 1404]
        off = [21]
        [beam]
        x = 0.2
        [fed_faults.600]
        wrong_crc = 0.5
    """
    expected = Plan(
        events=20,
        feds=(600, 1404),
        off=frozenset({21}),
        beam=Beam(x=0.2),
        fed_faults={600: FedFault(wrong_crc=0.5)},
    )
    assert read_plan(text, "plan.toml") == expected


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('seed = "x"', r"Expected `int`, got `str` - at `\$.seed`"),
        ("sed = 1", "sed is unknown"),
        ("[beam]\nwidth = 1", "beam.width is unknown"),
        ("[fed_faults.600]\nlate = 1", "fed_faults.600.late is unknown"),
        ("[fed_faults.x]\nmissing = 1", "Expected `int`, got `str`"),
        ("[fed_faults.5000]\nmissing = 1", "fed_faults: 5000, expected 0 to 4096"),
        ("[fed_faults.600]\nmissing = 1.5", "missing: 1.5, expected 0 to 1"),
        ("[beam]\nsigma_z = -1", "beam.sigma_z: -1.0, expected 0 to 100"),
        ("beam = 7", r"Expected `object`, got `int` - at `\$.beam`"),
        ("events = 0", "events: 0, expected 1 to 262144"),
        ("feds = [4097]", "feds: 4097, expected 0 to 4096"),
        ("colliding = []", "colliding: no bunch crossing, expected one or more"),
        ("a =", "Invalid value"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(text: str, match: str) -> None:
    with pytest.raises(ConfigurationError, match=f"plan.toml: {match}"):
        read_plan(text, "plan.toml")


@pytest.mark.parametrize("name", [one.name for one in fields(Plan)])
def test_no_number_of_a_plan_is_without_limits(name: str) -> None:
    value: Any = getattr(Plan(), name)
    if isinstance(value, int | float):
        for wrong in (-1, math.nan):
            numbers: dict[str, Any] = {name: wrong}
            with pytest.raises(ConfigurationError, match=f"{name}: {wrong}"):
                Plan(**numbers)
