"""Rates and budgets: never more than what is allowed, and nothing is held for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.clock import SettableClock
from services.gateway.limits import ByteBudget, FullError, Rates, client_key


@given(
    per_second=st.floats(0.1, 100),
    burst=st.floats(1, 50),
    pauses=st.lists(st.floats(0, 3), max_size=100),
)
def test_no_client_gets_more_than_the_burst_and_the_rate(
    per_second: float, burst: float, pauses: list[float]
) -> None:
    clock = SettableClock()
    rates = Rates(per_second, burst, 10, clock)
    admitted = 0
    for pause in pauses:
        clock.advance(pause)
        admitted += rates.wait("somebody") == 0
        assert admitted <= burst + per_second * clock.monotonic() + 1e-6


@given(per_second=st.floats(0.1, 100), requests=st.integers(1, 60))
def test_a_client_that_waits_as_it_is_told_gets_in(per_second: float, requests: int) -> None:
    clock = SettableClock()
    rates = Rates(per_second, 5, 10, clock)
    for _ in range(requests):
        wait = rates.wait("somebody")
        if wait:
            clock.advance(wait * (1 + 1e-9) + 1e-9)
            assert rates.wait("somebody") == 0


def test_clients_do_not_share_a_rate_and_the_table_is_bounded() -> None:
    rates = Rates(1, 1, 3, SettableClock())
    for number in range(100):
        assert rates.wait(f"address {number}") == 0
    assert len(rates) == 3
    assert rates.wait("address 99") == 1.0


def test_no_rate_is_no_limit() -> None:
    rates = Rates(0, 1, 3, SettableClock())
    assert [rates.wait("a") for _ in range(100)] == [0.0] * 100
    assert len(rates) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("a socket", "a socket", True),
    ],
)
def test_addresses_of_one_network_of_ipv6_are_one_client(one: str, other: str, same: bool) -> None:
    assert (client_key(one) == client_key(other)) is same


def test_a_budget_bounds_all_and_each_and_is_given_back() -> None:
    budget = ByteBudget(100, 60)
    with budget.reserve("a") as first, budget.reserve("b") as second:
        first.grow(60)
        with pytest.raises(FullError, match="60 bytes of 'a'"):
            first.grow(61)
        second.grow(40)
        first.grow(10)
        with pytest.raises(FullError, match="100 bytes of all"):
            second.grow(41)
        assert budget.bytes == 100
    assert budget.bytes == 0
    with budget.reserve("a") as again:
        again.grow(60)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=30))
def test_what_is_held_is_what_was_reserved(asked: list[tuple[str, int]]) -> None:
    budget = ByteBudget(200, 90)

    def hold(rest: list[tuple[str, int]], held: int) -> None:
        if not rest:
            return
        owner, size = rest[0]
        with budget.reserve(owner) as reservation:
            try:
                reservation.grow(size)
            except FullError:
                assert reservation.bytes == 0
            assert budget.bytes == held + reservation.bytes <= 200
            hold(rest[1:], budget.bytes)

    hold(asked, 0)
    assert budget.bytes == 0
