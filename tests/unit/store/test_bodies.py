"""Messages kept whole come back, or are refused as broken."""

import numpy as np
import pytest

from dqmstream.errors import StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.store.bodies import pack, unpack
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents


def test_a_message_comes_back_whole() -> None:
    row = pack(EVERY_KIND)
    assert unpack(Booking, row["schema"], row["body"]) == EVERY_KIND


def test_a_histogram_set_comes_back_whole() -> None:
    contents = random_contents(Layout(EVERY_KIND), np.random.default_rng(0))
    piece = closed_set(contents, run=1, lumisection=2)
    row = pack(piece)
    assert unpack(HistogramSet, row["schema"], row["body"]) == piece


def test_a_broken_body_is_an_error_of_the_store() -> None:
    row = pack(EVERY_KIND)
    with pytest.raises(StoreError, match="cannot be unpacked"):
        unpack(Booking, 1, row["body"][:-3])


def test_a_body_of_another_type_is_an_error_of_the_store() -> None:
    with pytest.raises(StoreError, match="stored Conditions cannot be read"):
        unpack(Conditions, 1, pack(EVERY_KIND)["body"])


def test_a_schema_of_a_later_release_is_an_error_of_the_store() -> None:
    with pytest.raises(StoreError, match="schema version 99"):
        unpack(Booking, 99, pack(EVERY_KIND)["body"])
