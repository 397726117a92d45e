"""DataEmulator."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from dqmstream.quality.algorithms.emulator import DataEmulator, data_emulator
from dqmstream.quality.registry import ALGORITHMS
from tests.stacks import against, counts_stack, weighted_stack

EXACT = DataEmulator()


def test_equal_is_good_and_one_entry_elsewhere_is_not() -> None:
    data = counts_stack([[10, 20, 30]])
    found = data_emulator(against(data, data, scale=1.0), EXACT)
    assert (found.qtresult[0], found.measured[0]) == (1, 0)
    other = counts_stack([[10, 21, 29]])
    found = data_emulator(against(data, other, scale=1.0), EXACT)
    assert (found.qtresult[0], found.statistic[0]) == (0, 1)
    assert found.measured[0] == pytest.approx(1 / 60)
    # With the underflow first.
    assert np.flatnonzero(found.severity[0]).tolist() == [2, 3]


def test_tolerated_mismatches_are_binomial() -> None:
    """30 of 1000 differ where 2 % may: P(30 or more)."""
    data, other = counts_stack([[500, 500]]), counts_stack([[530, 470]])
    found = data_emulator(against(data, other, scale=1.0), DataEmulator(mismatch=0.02))
    assert found.p_value[0] == pytest.approx(stats.binom.sf(29, 1000, 0.02))
    assert (
        data_emulator(against(data, other, scale=1.0), DataEmulator(mismatch=0.05)).p_value[0] > 0.9
    )


def test_missing_entries_are_counted_once() -> None:
    data, other = counts_stack([[90, 50]]), counts_stack([[100, 50]])
    found = data_emulator(against(data, other, scale=1.0), EXACT)
    assert found.statistic[0] == 10
    assert found.measured[0] == pytest.approx(10 / 150)


def test_flow_is_compared() -> None:
    data, other = counts_stack([[5, 5]]), counts_stack([[5, 5]])
    data.entries[0, -1] = 1
    assert data_emulator(against(data, other, scale=1.0), EXACT).qtresult[0] == 0


def test_other_weights_differ_with_equal_entries() -> None:
    data = weighted_stack([[4, 4]], [[2.0, 3.0]], [[1.0, 3.0]])
    other = weighted_stack([[4, 4]], [[2.0, 3.5]], [[1.0, 3.0]])
    found = data_emulator(against(data, other, scale=1.0), EXACT)
    assert found.statistic[0] == 1
    assert found.severity[0].argmax() == 2


def test_mismatches_of_a_tolerated_rate_seldom_alarm() -> None:
    random = np.random.default_rng(1)
    moved = random.binomial(10_000, 0.01, 5000)
    data = counts_stack(np.stack([5000 - moved, 5000 + moved], axis=1))
    other = counts_stack(np.full((5000, 2), 5000))
    p_value = data_emulator(against(data, other, scale=1.0), DataEmulator(mismatch=0.01)).p_value
    assert (p_value < 1e-2).mean() == pytest.approx(0.01, abs=0.005)
    more = data_emulator(against(data, other, scale=1.0), DataEmulator(mismatch=0.005)).p_value
    assert (more < 1e-6).mean() > 0.85


def test_the_partner_is_at_the_path_with_a_part_replaced() -> None:
    partner = ALGORITHMS["DataEmulator"].partner
    assert partner(EXACT, "L1T/Data/jets") == "L1T/Emulator/jets"
    assert partner(EXACT, "L1T/jets") == "L1T/jets without 'Data' to replace"
    parameters = DataEmulator(replace=("_hw", "_emu"))
    assert partner(parameters, "L1T/jets_hw") == "L1T/jets_emu"
    with pytest.raises(msgspec.ValidationError, match="expected replace"):
        msgspec.convert({"replace": ["a", "a"]}, DataEmulator)


def test_it_is_judged_from_one_lumisection(channels, filled, judged) -> None:
    elements = (channels("L1T/Data/jets", 4), channels("L1T/Emulator/jets", 4))
    cells = np.array([0, 5, 6, 7, 8, 0])
    equal = filled(elements, {"L1T/Data/jets": cells, "L1T/Emulator/jets": cells})
    toml = 'algorithm = "DataEmulator"\npath = "L1T/Data/*"\n'
    report = judged(equal, toml)["L1T/Data/jets"]
    assert report.outcome == "GOOD"
    other = filled(elements, {"L1T/Data/jets": cells, "L1T/Emulator/jets": cells[::-1]})
    report = judged(other, toml)["L1T/Data/jets"]
    assert report.outcome == "BAD"
    assert "module 0 holds 5" in report.message
