"""Records of the online system: bits of partitions and pots, times, the magnet."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.cms.detector import PARTITIONS, POTS
from tests.made_products import branch, columns_of, product, ragged

_DCS = branch("DCSRecord")
_CTPPS = branch("CTPPSRecord")
_STATES = [f"dcs.{name.lower()}" for name in PARTITIONS]
_bits = st.lists(st.integers(0, 1), min_size=27, max_size=27)


def _dcs(ready: list[list[int]], valid: list[list[int]], columns: list[str]) -> Any:
    found = product(
        [1, 0, 1][: len(ready) + 1] if len(ready) > 1 else [1],
        of_any_length={
            "highVoltageReady_": ragged(ready, "u1"),
            "highVoltageValid_": ragged(valid, "u1"),
        },
    )
    return columns_of({_DCS: found}, columns)


@given(_bits, _bits, _bits, _bits)
def test_partitions_are_on_off_or_not_valid_in_their_order(
    ready: list[int], valid: list[int], later: list[int], later_valid: list[int]
) -> None:
    columns = _dcs([ready, later], [valid, later_valid], [*_STATES, "dcs_partitions.state"])
    first, none, last = columns["dcs"]
    assert none == columns["dcs_partitions"][1] == []
    for found, bits, good in ((first, ready, valid), (last, later, later_valid)):
        expected = [bit if there else -1 for bit, there in zip(bits, good, strict=True)]
        assert list(found[0].values()) == expected
    states = [found["state"] for found in columns["dcs_partitions"][0]]
    assert states == [bit if there else 2 for bit, there in zip(ready, valid, strict=True)]


def test_a_record_of_old_has_fewer_bits_and_none_that_says_not_valid() -> None:
    columns = _dcs([[1] * 25], [[]], [*_STATES, "dcs_partitions.partition"])
    assert list(columns["dcs"][0][0].values()) == [1] * 25 + [0, 0]
    assert [found["partition"] for found in columns["dcs_partitions"][0]] == list(range(27))


def test_bits_beyond_the_known_partitions_are_left_out() -> None:
    columns = _dcs([[1] * 40], [[1] * 40], _STATES)
    assert list(columns["dcs"][0][0].values()) == [1] * 27


def test_the_field_follows_the_current() -> None:
    found = product([1], {"magnetCurrent_": np.array([18163.994], np.float32)})
    ((record,),) = columns_of({_DCS: found}, ["dcs.magnet_field", "dcs.magnet_current"])["dcs"]
    assert record["magnet_field"] == pytest.approx(3.8103, abs=1e-4)


def test_times_are_nanoseconds_of_seconds_and_microseconds() -> None:
    found = product(
        [1],
        {
            "timestamp_.timeHigh_": np.array([4_000_000_000], np.uint32),
            "timestamp_.timeLow_": np.array([999_999], np.uint32),
        },
    )
    assert columns_of({_DCS: found}, ["dcs.time"])["dcs"] == [[{"time": 4_000_000_000_999_999_000}]]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=4))
def test_pots_are_pairs_of_bits_of_their_word(words: list[int]) -> None:
    found = product([1] * len(words) + [0], {"status_": np.array(words, np.uint64)})
    pots = columns_of({_CTPPS: found}, ["ctpps_pots.pot", "ctpps_pots.status"])["ctpps_pots"]
    for objects, word in zip(pots, words, strict=False):
        assert [pot["pot"] for pot in objects] == list(range(len(POTS)))
        assert [pot["status"] for pot in objects] == [word >> 2 * p & 3 for p in range(len(POTS))]
    assert pots[-1] == []
