"""A small made stream that most tests of streamer files read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.states import FAIL, PASS
from dqmstream.sources.cms.writer import new_event, new_init, write_streamer_file
from tests.send_events import encode_send_event

PLACE = LumisectionId(398000, 12)
BEGIN = 1_700_000_000_000_000_000
"""Time of event 0 [ns since 1970]."""
PATHS = ("HLT_ZeroBias_v6", "HLT_Physics_v7", "HLT_Mu20_v1", "HLT_Mu24_v2", "AlCa_Pi0_v1")


@pytest.fixture
def lumisection() -> LumisectionId:
    """Run and lumisection of the made events."""
    return PLACE


@pytest.fixture
def init() -> InitMessage:
    """INIT of a menu of five paths."""
    return new_init(PATHS, output_module="hltOutputTest", payload=b"a job header")


@pytest.fixture
def auxiliary() -> Callable[[int], EventAuxiliary]:
    """The auxiliary of the event of a number: 1 ms and 11 orbits after the one before."""

    def made(number: int) -> EventAuxiliary:
        return EventAuxiliary(
            run=PLACE.run,
            lumisection=PLACE.lumisection,
            event=number,
            time=BEGIN + number * 1_000_000,
            bunch_crossing=number * 7 % 3564,
            orbit=((PLACE.lumisection - 1) << 18) + 11 * number,
            fill=10671,
        )

    return made


@pytest.fixture
def make_event(
    init: InitMessage, auxiliary: Callable[[int], EventAuxiliary]
) -> Callable[..., EventMessage]:
    """Makes an event that passed the paths of the given numbers and failed the others."""

    def make(number: int, passed: Sequence[int] = (), *, host: str = "fu-1") -> EventMessage:
        states = [PASS if path in passed else FAIL for path in range(len(PATHS))]
        raw = encode_send_event(auxiliary(number), b"products %d" % number)
        return new_event(init, PLACE, number, states, raw, host=host)

    return make


@pytest.fixture
def write(tmp_path: Path, init: InitMessage) -> Callable[..., Path]:
    """Writes events to a file pair and returns the path of the `.jsn`."""

    def written(
        events: Sequence[EventMessage], name: str = "run398000_ls0012_streamTest_pid1"
    ) -> Path:
        pair = write_streamer_file(tmp_path / f"{name}.dat", init, events)
        assert pair.jsn_path is not None
        return pair.jsn_path

    return written


@pytest.fixture
def hostile() -> Path:
    """Folder of the hostile streamer files."""
    return Path(__file__).parents[3] / "resources" / "hostile" / "streamer"
