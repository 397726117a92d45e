"""When the histograms of an LS came."""

from services.gateway.lumisection_times import LumisectionTimes

SECOND = 1_000_000_000


def test_the_first_set_begins_an_ls_and_the_newest_tells_its_delay() -> None:
    times = LumisectionTimes()
    times.take(3, 10 * SECOND, 9 * SECOND)
    times.take(3, 12 * SECOND, 10 * SECOND)
    assert times.began(3) == 10 * SECOND
    assert times.delay(3) == 2.0


def test_a_set_that_does_not_tell_what_it_heard_has_no_delay() -> None:
    times = LumisectionTimes()
    times.take(1, 5 * SECOND, 0)
    assert times.began(1) == 5 * SECOND
    assert times.delay(1) is None
    assert times.began(2) is None


def test_a_long_run_keeps_the_newest_lss() -> None:
    times = LumisectionTimes()
    for lumisection in range(1, 20_011):
        times.take(lumisection, lumisection, 1)
    assert times.began(10) is None
    assert times.delay(10) is None
    assert times.began(11) == 11
