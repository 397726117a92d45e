"""What is asked for, as the gateway takes it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dqmstream.client import asks

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [
        NOON,
        NOON.astimezone(timezone(timedelta(hours=2))),
        # Without a zone Python means the local time of the machine.
        NOON.astimezone().replace(tzinfo=None),
    ],
)
def test_a_time_is_asked_for_in_utc(time: datetime) -> None:
    assert asks.contents(["a/b"], as_of=time).query["as_of"] == "2026-11-22T12:00:00+00:00"


def test_what_is_not_said_is_not_asked() -> None:
    assert asks.contents(["a/b"], lumisections=(2, 5), rebin=[2, 3]).query == {
        "path": ["a/b"],
        "lumisections": "2-5",
        "rebin": "2,3",
    }


def test_a_trend_over_runs_is_asked_for_in_pages_until_it_has_all() -> None:
    trend = asks.RunsTrend(path="a/b", limit=250, since=NOON, lumisections=(1, 10))
    assert trend.first().path == "/api/v1/runs/current/trend/runs"
    assert trend.first().query == {
        "path": "a/b",
        "quantity": "mean",
        "limit": 200,
        "since": 1_795_348_800 * 10**9,
        "lumisections": "1-10",
    }
    further = trend.further({"points": [{}] * 200, "after": 17})
    assert further is not None
    assert (further.query["limit"], further.query["after"]) == (50, 17)
    assert trend.further({"points": [{}] * 250, "after": 9}) is None
    assert trend.further({"points": [], "after": None}) is None
