"""Pile-up, luminosity and prescales of a fill."""

import math

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP, PILEUP_LIFETIME, Fill


def test_pileup_falls_by_e_in_its_lifetime() -> None:
    fill = Fill()
    assert fill.pileup(1) == INITIAL_PILEUP
    assert fill.pileup(1 + round(PILEUP_LIFETIME)) == pytest.approx(INITIAL_PILEUP / math.e)


def test_the_luminosity_is_that_of_the_collider_and_falls_as_pileup_does() -> None:
    """2652 bunches with pile-up 60 are 2.2e34 /cm2/s, as the LHC has run in 2024."""
    fill = Fill()
    assert fill.luminosity(1) == pytest.approx(2.24e34, rel=0.01)
    assert fill.luminosity(500) / fill.luminosity(1) == pytest.approx(fill.pileup(500) / 60)


def test_prescales_follow_pileup_column_by_column() -> None:
    columns = [Fill().prescale_index(lumisection) for lumisection in range(1, 3000)]
    assert columns[0] == 0
    assert columns == sorted(columns)
    assert set(columns) == {0, 1, 2, 3, 4, 5}
    first = columns.index(1) + 1
    assert Fill().pileup(first) < 52 <= Fill().pileup(first - 1)


def test_operators_may_choose_another_column_from_an_ls_on() -> None:
    fill = Fill(prescales=((3, 2), (5, 1)))
    assert [fill.prescale_index(lumisection) for lumisection in range(1, 7)] == [0, 0, 2, 2, 1, 1]


def test_the_energy_is_that_of_the_collider_unless_it_is_said() -> None:
    assert Fill().energy(1) == 6800
    fill = Fill(energies=((2, 450.0), (4, 6500.0)))
    assert [fill.energy(lumisection) for lumisection in range(1, 6)] == [6800, 450, 450, 6500, 6500]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 0}, "number is 0"),
        ({"initial_pileup": -1}, "initial_pileup is -1"),
        ({"pileup_lifetime": math.inf}, "pileup_lifetime is inf"),
        ({"prescales": ((3, 1), (3, 2))}, "prescales are"),
        ({"prescales": ((3, 9),)}, "column from 0 to 5"),
        ({"prescales": ((0, 1),)}, "rising from 1 on"),
        ({"energies": ((1, 0.0),)}, "energies are"),
        ({"energies": ((2, 450.0), (1, 900.0))}, "rising from 1 on"),
    ],
)
def test_a_wrong_fill_is_refused_by_name(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Fill(**change)  # type: ignore[arg-type]
