"""Schedules are a function of their seed, and together meet everything."""

from tests.crash.schedule import (
    Cut,
    Freeze,
    FullDisk,
    Join,
    Kill,
    Leave,
    Lose,
    random_schedule,
)


def test_a_seed_names_a_schedule() -> None:
    assert random_schedule(17) == random_schedule(17)
    assert str(random_schedule(17)) != str(random_schedule(18))


def test_the_seeds_of_make_test_meet_everything() -> None:
    """Every kind of harm to every service, time-outs, live sources, one partition and many."""
    schedules = [random_schedule(seed) for seed in range(1, 28)]
    actions = [step.what for one in schedules for step in one.steps]
    assert {type(action) for action in actions} == {Kill, Freeze, Join, Leave, FullDisk}
    services = {"producer first", "producer other", "recorder", "comparator", "gateway", "filler 0"}
    for kind in (Kill, Freeze):
        assert services <= {one.service for one in actions if isinstance(one, kind)}
    assert {one.signal for one in actions if isinstance(one, Kill)} == {"KILL", "TERM"}
    assert {one.timed for one in schedules} == {True, False}
    assert {one.sources[1].rereadable for one in schedules} == {True, False}
    assert {one.partitions for one in schedules} == {1, 2, 3, 4}
    assert {one.fillers for one in schedules} == {1, 2, 3}
    assert {one.echo > 0 for one in schedules} == {True, False}


def test_a_broker_is_harmed_only_if_it_may_be() -> None:
    schedule = random_schedule(3, brokers=3, cuts=True)
    assert any(isinstance(step.what, Lose) for step in schedule.steps)
    assert any(isinstance(step.what, Cut) for step in schedule.steps)
    alone = random_schedule(3)
    assert not any(isinstance(step.what, Lose | Cut) for step in alone.steps)
