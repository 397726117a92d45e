"""Quiet hours follow the wall clock of a place, over midnight and changes of clocks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.notifications.quiet_hours import QuietHours


def at(text: str) -> int:
    """Nanoseconds since 1970 of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


NIGHT = QuietHours(start="22:00", until="07:00", zone="Europe/Zurich")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-15T20:59", None),  # 21:59 there
        ("2026-01-15T21:00", "2026-01-16T06:00"),
        ("2026-01-16T03:00", "2026-01-16T06:00"),
        ("2026-01-16T05:59", "2026-01-16T06:00"),
        ("2026-01-16T06:00", None),
        ("2026-07-15T20:00", "2026-07-16T05:00"),  # summer time
        ("2026-03-28T23:00", "2026-03-29T05:00"),  # the night that is an hour shorter
        ("2026-10-25T02:30", "2026-10-25T06:00"),  # and the one that is longer
    ],
)
def test_a_night_ends_in_the_morning_of_the_place(now: str, end: str | None) -> None:
    assert NIGHT.end(at(now)) == (None if end is None else at(end))


def test_what_clocks_skip_does_not_end_it() -> None:
    """From 02:00 to 03:00 there would be noise, and in one night of the year that hour is not."""
    long = QuietHours(start="03:00", until="02:00", zone="Europe/Zurich")
    assert long.end(at("2026-03-27T12:00")) == at("2026-03-28T01:00")
    assert long.end(at("2026-03-28T01:00")) is None
    assert long.end(at("2026-03-28T12:00")) == at("2026-03-30T00:00")


def test_days_are_those_on_which_it_begins() -> None:
    friday = QuietHours(start="22:00", until="07:00", days=("fri",))
    assert friday.end(at("2026-01-16T23:00")) == at("2026-01-17T07:00")  # Friday night
    assert friday.end(at("2026-01-17T06:00")) == at("2026-01-17T07:00")  # on Saturday morning
    assert friday.end(at("2026-01-17T23:00")) is None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"start": "24:00", "until": "07:00"}, "no time of day"),
        ({"start": "7:00", "until": "08:00"}, "no time of day"),
        ({"start": "07:00", "until": "07:00"}, "never, or always"),
        ({"start": "07:00", "until": "08:00", "zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"start": "07:00", "until": "08:00", "zone": "../../etc/passwd"}, "time zones"),
        ({"start": "07:00", "until": "08:00", "days": ()}, "days is empty"),
    ],
)
def test_what_is_no_time_is_refused(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        QuietHours(**fields)  # type: ignore[arg-type]


times = st.times().map(lambda t: f"{t:%H:%M}")


@given(
    times,
    times,
    st.sampled_from(["UTC", "Europe/Zurich", "Asia/Kolkata", "America/New_York"]),
    st.integers(at("2026-01-01T00:00"), at("2027-01-01T00:00")),
)
def test_after_its_end_it_is_quiet_no_more(start: str, until: str, zone: str, now: int) -> None:
    if start == until:
        return
    quiet = QuietHours(start=start, until=until, zone=zone)
    end = quiet.end(now)
    if end is not None:
        # Of two that a change of clocks makes one, the second is as long as a day can be.
        assert now < end <= now + (26 + 24) * 3600 * 10**9
        assert quiet.end(end) is None
