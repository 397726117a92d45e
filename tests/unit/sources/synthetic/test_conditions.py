"""Conditions of a synthetic run are those its events were drawn with."""

import numpy as np
import pytest

from dqmstream.errors import SourceError
from dqmstream.sources.synthetic import (
    Fill,
    SyntheticConfig,
    SyntheticDetector,
    synthetic_conditions,
)

CONFIG = SyntheticConfig(
    run=3,
    lumisections=900,
    chunk_events=2000,
    subsystems=("pixel", "hlt", "bril"),
    fill=Fill(number=9000, prescales=((800, 5),)),
)


@pytest.mark.parametrize("lumisection", [1, 400, 900])
def test_pileup_and_prescales_of_the_events_are_those_of_the_conditions(lumisection: int) -> None:
    found = synthetic_conditions(CONFIG, lumisection)
    batch = SyntheticDetector(CONFIG).chunk(lumisection, 0).batch
    assert np.mean(batch.column("pileup").to_numpy()) == pytest.approx(found.pileup, rel=0.01)
    assert set(batch.column("prescale_index").to_pylist()) == {found.prescale_index}


def test_luminosity_is_delivered_for_the_length_of_the_lumisection() -> None:
    found = synthetic_conditions(CONFIG, 1)
    assert found.luminosity == pytest.approx(2.24e34, rel=0.01)
    assert found.delivered == pytest.approx(0.522, rel=0.01)
    assert found.recorded == found.delivered


def test_beams_are_stable_and_what_reads_out_has_its_voltages_on() -> None:
    found = synthetic_conditions(CONFIG, 5)
    assert (found.run, found.lumisection, found.fill) == (3, 5, 9000)
    assert (found.beam_mode, found.beams_stable) == ("STABLE BEAMS", True)
    assert found.dcs == {"bpix": True, "fpix": True}


@pytest.mark.parametrize("lumisection", [0, 901])
def test_an_ls_that_the_run_has_not_has_no_conditions(lumisection: int) -> None:
    with pytest.raises(SourceError, match="the run has lumisections 1 to 900"):
        synthetic_conditions(CONFIG, lumisection)
