"""What quality tests may require of the conditions of an LS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.messages.operations import Conditions
from dqmstream.quality.condition_names import told
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.gate import parse_gate

LS = Conditions(
    run=1,
    lumisection=2,
    fill=9000,
    beam_mode="STABLE BEAMS",
    pileup=43.1,
    prescale_index=2,
    dcs={"bpix": True, "fpix": False},
    beams_stable=True,
)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("beam_mode == 'STABLE BEAMS' and dcs.bpix and pileup > 5", True),
        ("pileup > 50", False),
        ("40 < pileup <= 43.1", True),
        ("not dcs.fpix", True),
        ("luminosity > 1e30", None),
        ("luminosity > 1e30 and pileup > 50", False),
        ("luminosity > 1e30 or dcs.bpix", True),
        ("not (luminosity > 1e30)", None),
        ("dcs.tob", None),
        ("dcs.tob or dcs.fpix", None),
        ("beam_mode != 'RAMP'", True),
        ("pileup > -1 and fill == 9000", True),
        ("prescale_index < fill", True),
    ],
)
def test_what_is_not_known_is_neither_true_nor_false(text: str, is_open: bool | None) -> None:
    assert parse_gate(text)(LS) is is_open


def test_nothing_is_known_of_an_ls_without_conditions() -> None:
    assert parse_gate("not dcs.bpix")(None) is None


def test_beams_that_are_not_stable_are_in_no_stable_mode_though_the_mode_is_unknown() -> None:
    row = Conditions(run=1, lumisection=1, beams_stable=False)
    assert parse_gate("beam_mode == 'STABLE BEAMS'")(row) is False
    assert parse_gate("beam_mode != 'STABLE BEAMS'")(row) is True
    assert parse_gate("beam_mode == 'ADJUST'")(row) is None


def test_what_was_told_names_each_condition_and_what_is_unknown() -> None:
    gate = parse_gate("pileup > 5 and dcs.bpix and luminosity > 1 and beam_mode == 'RAMP'")
    assert told(gate.names, LS) == (
        "beam_mode='STABLE BEAMS' beams_stable=true dcs.bpix=true luminosity=? pileup=43.1"
    )
    assert told(("pileup",), None) == "pileup=?"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no expression"),
        ("pileup >", "no expression"),
        ("pileup", "no flag"),
        ("pile_up > 5", "'pile_up' is unknown, expected one of beam_mode"),
        ("dcs.bpix > 1", "cannot be compared"),
        ("dcs.bpix == True", "cannot be compared"),
        ("beam_mode > 'A'", "texts by == and !="),
        ("beam_mode == 5", "cannot be compared so"),
        ("1 < 2", "asks for nothing"),
        ("pileup in (1, 2)", "expected one of the comparisons"),
        ("__import__('os').system('x')", "not understood"),
        ("(lambda: 1)()", "not understood"),
        ("pileup.real > 1", "cannot be compared"),
        ("pileup ** 9 > 1", "cannot be compared"),
        ("dcs.a.b", "unknown"),
        ("not " * 40 + "dcs.bpix", "nested deeper"),
        ("dcs.bpix and " * 60 + "dcs.bpix", "characters"),
        ("(" * 240 + "pileup > 1" + ")" * 240, ""),
    ],
)
def test_anything_else_is_refused_when_the_tests_are_read(text: str, says: str) -> None:
    if not says:  # brackets nest without meaning
        assert parse_gate(text[200:-200])(LS) is True
        return
    with pytest.raises(ValueError, match=says):
        parse_gate(text)


@given(st.text(alphabet="pileu>5 anotdcsbix.()'=<1", max_size=60))
def test_whatever_is_written_is_a_gate_or_refused(text: str) -> None:
    try:
        gate = parse_gate(text)
    except ValueError:
        return
    assert gate(LS) in {True, False, None}
    assert gate(None) is None


HEAD = '[[quality_test]]\nname = "t"\nalgorithm = "DeadChannel"\npath = "me"\n'


@pytest.mark.parametrize("scope", ["run", "both"])
def test_only_tests_of_single_lumisections_may_require_something(scope: str) -> None:
    with pytest.raises(ConfigurationError, match=f"conditions are those of an LS.*'{scope}'"):
        read_tests(f'{HEAD}scope = "{scope}"\nrequire = "pileup > 5"\n', "f.toml")


def test_a_wrong_requirement_stops_the_start_naming_file_test_and_key() -> None:
    with pytest.raises(
        ConfigurationError, match=r"f\.toml: quality test 't': key 'require': 'pilup"
    ):
        read_tests(f'{HEAD}require = "pilup > 5"\n', "f.toml")
