"""Conditions of many LSs together: merged, chosen, made into columns, published."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.conditions.columns import BEAM_MODES, column_values, dcs_columns
from dqmstream.conditions.publish import publish_conditions
from dqmstream.conditions.synthetic import synthetic_conditions
from dqmstream.conditions.table import ConditionsTable, joined
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS
from dqmstream.messages.wire import CODEC
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import TopicSpec
from dqmstream.transport.memory import MemoryLog

rows = st.builds(
    Conditions,
    run=st.integers(1, 2),
    lumisection=st.integers(1, 3),
    pileup=st.none() | st.just(1.0),
    fill=st.none() | st.just(7),
    dcs=st.dictionaries(st.sampled_from(["a", "b"]), st.just(True)),
)


@given(st.lists(rows))
def test_files_that_do_not_differ_may_come_in_any_order(found: list[Conditions]) -> None:
    forth, back = ConditionsTable(found), ConditionsTable(reversed(found))
    assert list(forth) == list(back)
    assert not forth.contradictions
    assert all(forth.fingerprint(run) == back.fingerprint(run) for run in forth.runs)


def test_0_and_false_are_known() -> None:
    row, differing = joined(
        Conditions(run=1, lumisection=1, pileup=0.0, physics=False),
        Conditions(run=1, lumisection=1, pileup=3.0, physics=True),
    )
    assert (row.pileup, row.physics) == (0.0, False)
    assert differing == ("pileup", "physics")


def test_a_range_of_runs_is_chosen() -> None:
    table = ConditionsTable(Conditions(run=run, lumisection=1) for run in (5, 7, 9))
    assert table.within(6, 9).runs == (7, 9)
    assert len(table.within(1, 4)) == 0


def test_columns_are_the_same_whatever_is_known() -> None:
    known = Conditions(
        run=1,
        lumisection=1,
        beam_mode="STABLE BEAMS",
        pileup=40.0,
        dcs={"b-pix": True, "tob": False},
    )
    dcs = dcs_columns([known])
    assert dcs == {"ls_dcs_b_pix": "b-pix", "ls_dcs_tob": "tob"}
    values, nothing = column_values(known, dcs), column_values(None, dcs)
    assert list(values) == list(nothing)
    assert list(map(type, values.values())) == list(map(type, nothing.values()))
    assert (values["ls_pileup"], values["ls_beam_mode"]) == (40.0, BEAM_MODES["STABLE BEAMS"])
    assert (values["ls_dcs_b_pix"], values["ls_dcs_tob"]) == (True, False)
    assert math.isnan(values["ls_luminosity"])
    assert math.isnan(nothing["ls_pileup"])
    assert nothing["ls_beam_mode"] == 0
    assert not any(nothing[name] for name in dcs)


def test_a_synthetic_run_has_the_conditions_of_its_fill() -> None:
    config = SyntheticConfig(run=3, lumisections=4, subsystems=("pixel",))
    table = synthetic_conditions(config)
    assert list(table.of_run(3)) == [1, 2, 3, 4]
    row = table.of_run(3)[1]
    assert row.pileup == pytest.approx(60.0)
    assert row.luminosity == pytest.approx(60 * 2652 * 11245.5 / 80e-27)
    assert row.delivered == pytest.approx(row.luminosity * config.lumisection_seconds / 1e36)
    assert row.dcs == {"bpix": True, "fpix": True}


async def _log() -> MemoryLog:
    log = MemoryLog(SettableClock())
    await log.ensure_topics([TopicSpec(name=CONDITIONS, partitions=1)])
    return log


async def _published(log: MemoryLog) -> list[object]:
    return [CODEC.decode(one.headers, one.value) async for one in read_to_end(log, CONDITIONS)]


async def test_all_are_published_in_order_and_counted() -> None:
    log, table = await _log(), [Conditions(run=1, lumisection=n) for n in range(1, 1202)]
    progress = await publish_conditions(log, table, clock=SettableClock())
    assert await _published(log) == table
    assert (progress.published, progress.run, progress.lumisection) == (1201, 1, 1201)


async def test_at_a_speed_each_comes_when_its_lumisection_ends() -> None:
    """Holes take their time too; another run begins when the one before is over."""
    log, clock = await _log(), SystemClock()
    table = [Conditions(run=1, lumisection=n) for n in (1, 2, 4)] + [
        Conditions(run=2, lumisection=9)
    ]
    began = clock.monotonic()
    await publish_conditions(log, table, clock=clock, speed=100.0, seconds=2.0)
    assert clock.monotonic() - began >= 5 * 2.0 / 100.0
    assert await _published(log) == table
