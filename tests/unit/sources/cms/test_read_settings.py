"""What is asked of a reader: columns of headers and of products, and FEDs that should be there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.columns import COLUMNS, column_names
from dqmstream.sources.cms.product_columns import known_columns
from dqmstream.sources.cms.settings import ReadSettings, fed_ids


def test_products_are_made_only_when_they_are_named() -> None:
    """Nobody pays for what nobody reads."""
    assert ReadSettings().product_columns == ()
    assert ReadSettings(columns=("event", "time")).product_columns == ()
    asked = ReadSettings(columns=("tracks.pt", "fed", "time"))
    assert (asked.made_columns, asked.product_columns) == (("event", "time"), ("fed", "tracks.pt"))


def test_products_are_expanded_though_nothing_is_verified() -> None:
    """They are in the payloads."""
    assert ReadSettings(columns=("tracks.pt",), verify_payload=False).expand_payload
    assert not ReadSettings(columns=("event",), verify_payload=False).expand_payload


@given(st.sets(st.sampled_from(sorted(column_names() | known_columns()))))
def test_reading_asks_for_the_named_columns_and_the_event(columns: set[str]) -> None:
    """A member of a header's collection stands for the collection; products go by members."""
    read = ReadSettings().reading(columns)
    own = {name.partition(".")[0] for name in columns} & set(COLUMNS)
    assert set(read.made_columns) == own | {"event"}
    assert set(read.product_columns) == {
        name for name in columns if name.partition(".")[0] not in COLUMNS
    }


@pytest.mark.parametrize("column", ["x", "tracks.colour", "scouting_rho.value", "hlt.path", ""])
def test_a_column_that_no_product_gives_stops_the_start(column: str) -> None:
    """Before a file is opened, by name."""
    with pytest.raises(ConfigurationError, match="no product that gives them"):
        ReadSettings(columns=("event", column))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", ()),
        ("1404", (1404,)),
        ("1404, 600-603,601", (600, 601, 602, 603, 1404)),
        ("0,4096", (0, 4096)),
    ],
)
def test_feds_are_written_as_numbers_and_ranges(text: str, ids: tuple[int, ...]) -> None:
    """Rising, each once."""
    assert fed_ids(text) == ids
    assert ReadSettings(feds=ids).feds == ids


@pytest.mark.parametrize("text", ["4097", "7-5", "-1", "1404-", "a", "1 2", "１", "600-99999"])
def test_feds_that_cannot_be_stop_the_start(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ConfigurationError, match="as 1404,600-731"):
        fed_ids(text)


@pytest.mark.parametrize("feds", [(2, 1), (1, 1), (-1,), (4097,)])
def test_feds_of_a_program_are_checked_too(feds: tuple[int, ...]) -> None:
    """They are part of the incarnation, so there is one way to write them."""
    with pytest.raises(ConfigurationError, match="FEDs"):
        ReadSettings(feds=feds)
