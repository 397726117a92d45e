"""Runs of files, and the workspaces that fit them."""

from pathlib import Path

import pytest

from dqmstream.booking import Workspace, histogram, regular, scalar
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.messages.booking import Booking
from dqmstream.sources.cms.writer import new_init, write_streamer_file
from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource
from dqmstream.workspaces.fitting import columns_of, fitting, needed_columns
from playback.recordings import record
from services.conditions import with_conditions
from services.input_files import FileOptions, runs_of_files
from tests.event_files import EVENTS, chunks_of, write_events
from tests.recorded import CONDITIONS, SmallRun

AXIS = regular(10, 0, 1, label="x")


def booking(name: str, *fills: str) -> Booking:
    elements = [histogram(f"{name}/{n}", AXIS, fill=fill) for n, fill in enumerate(fills)]
    return Workspace(name, "A test.", [*elements, scalar(f"{name}/events", "1", combine="sum")])


def write_streamer(folder: Path) -> None:
    """A streamer file of an LS without events."""
    init = new_init(("HLT_Physics_v7",), output_module="hltOutputTest", payload=b"a job header")
    write_streamer_file(folder / "run500001_ls0001_streamDQM_a.dat", init, [])


def test_runs_of_tables_come_in_rising_order_with_their_columns(tmp_path: Path) -> None:
    write_events(tmp_path / "a.csv", {"run": [8, 7], "ls": [1, 1], "x": [1, 2]})
    runs = runs_of_files([tmp_path], FileOptions())
    assert [[one.run for one in of_run] for of_run in runs.sources] == [[7], [8]]
    assert runs.columns == {"run", "ls", "x"}
    narrow = runs.reading({"x"}).sources[0][0]
    assert len(chunks_of(narrow)[1][0].body) < len(chunks_of(runs.sources[0][0])[1][0].body)


def test_all_files_can_be_played_as_one_run(tmp_path: Path) -> None:
    path = write_events(tmp_path / "a.csv", {"run": [8, 7], "ls": [1, 9], "x": [1, 2]})
    runs = runs_of_files([path], FileOptions(as_run=99, loop_for=5))
    ((source,),) = runs.sources
    assert (source.run, source.marks) == (99, ("re-timed",))
    assert [one.lumisection for one in source.lumisections(0)] == [1, 2, 3, 4, 5]


def test_lumisections_that_fillers_would_refuse_are_refused_with_the_way_out(
    tmp_path: Path,
) -> None:
    path = write_events(tmp_path / "a.csv", {"run": [1, 1], "ls": [149, 35_000]})
    with pytest.raises(SourceError, match="LSs 1 to 2, by --as-run") as caught:
        runs_of_files([path], FileOptions())
    assert caught.value.reason == "lumisections_far_apart"
    ((source,),) = runs_of_files([path], FileOptions(as_run=1)).sources
    assert len(list(source.lumisections(0))) == 2


def test_another_length_needs_another_run_number(tmp_path: Path) -> None:
    path = write_events(tmp_path / "a.csv", {"run": [1], "ls": [1]})
    with pytest.raises(ConfigurationError, match="number it by --as-run"):
        runs_of_files([path], FileOptions(loop_for=5))


def test_a_recording_has_the_columns_of_its_chunks(tmp_path: Path) -> None:
    config = SyntheticConfig(run=3, lumisections=1, rate=20, subsystems=("pixel",))
    source = SyntheticSource(SyntheticDetector(config))
    folder = record([source], tmp_path / "recording").folder
    runs = runs_of_files([folder], FileOptions(run=5, lumisections=3))
    ((played,),) = runs.sources
    assert (played.run, len(list(played.lumisections(0)))) == (5, 3)
    assert runs.columns == columns_of(source)


def test_what_is_no_event_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        runs_of_files([tmp_path / "nix.root"], FileOptions())
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(SourceError, match="no streamer file"):
        runs_of_files([tmp_path / "notes.txt"], FileOptions())


@pytest.mark.parametrize("inside", ["", "run500001"])
def test_streamer_files_beside_a_table_are_played_too(tmp_path: Path, inside: str) -> None:
    write_events(tmp_path / "a.csv", {"run": [8], "ls": [1]})
    (tmp_path / inside).mkdir(exist_ok=True)
    write_streamer(tmp_path / inside)
    runs = runs_of_files([tmp_path], FileOptions())
    names = {source.name for of_run in runs.sources for source in of_run}
    assert names == {"table-csv", "cms-streamDQM"}


def test_what_is_no_event_file_beside_others_is_skipped_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = tmp_path / "tables", tmp_path / "streamer"
    for folder in folders:
        folder.mkdir()
    write_events(folders[0] / "a.csv", {"run": [8], "ls": [1]})
    (folders[0] / "left_over.dat").write_bytes(b"half")
    write_streamer(folders[1])
    (folders[1] / "notes.csv").write_text("who,what\nme,nothing\n")
    for folder, name, said in zip(
        folders, ("table-csv", "cms-streamDQM"), ("left_over.dat", "notes.csv"), strict=True
    ):
        ((source,),) = runs_of_files([folder], FileOptions()).sources
        assert source.name == name
        assert said in capsys.readouterr().err


def test_streamer_files_take_no_expression() -> None:
    with pytest.raises(ConfigurationError, match="paths and prescale"):
        FileOptions(select="x > 1").of_streamer_files()


# -------------------------------------------------------------------- fitting


def test_a_workspace_fits_if_half_of_its_elements_can_be_filled() -> None:
    good = booking("good", "x", "y")
    bookings = [good, booking("bad", "x", "z", "w"), booking("none", "Muon.pt")]
    assert fitting(bookings, {"x"}) == (good,)
    assert len(fitting(bookings, {"x", "w", "Muon.pt"})) == 3


def test_every_column_of_an_element_is_needed() -> None:
    one = booking("one", "x + y")
    with pytest.raises(ConfigurationError, match="of 1 none can fill half of its elements from x"):
        fitting([one], {"x"})


def test_where_nothing_fits_bookings_of_ones_own_do() -> None:
    assert fitting([booking("one", "x")], {"y"}, beside=[booking("own", "y")]) == ()


def test_columns_that_the_log_or_conditions_bring_are_not_asked_of_the_source() -> None:
    one = booking("one", "log_time - x", "ls_pileup", "count(Muon)")
    assert needed_columns([one]) == {"x", "Muon"}
    assert fitting([one], {"x", "Muon"}) == (one,)


def test_columns_of_a_table_are_named_as_bookings_do(tmp_path: Path) -> None:
    path = write_events(tmp_path / "a.root", EVENTS)
    assert runs_of_files([path], FileOptions()).columns == {
        *("run", "luminosityBlock", "event", "MET_pt", "HLT_Mu", "HLT_Jet", "nMuon"),
        *("Muon", "Muon.pt", "Muon.charge"),
    }


def test_a_recording_is_played_under_its_own_numbers_with_what_is_known_of_its_lumisections(
    tmp_path: Path,
) -> None:
    """Under others, what is known of an LS would be told of another: nothing is told then."""
    folder = record([SmallRun(), SmallRun(8)], tmp_path / "a", conditions=CONDITIONS).folder
    runs = runs_of_files([folder], FileOptions())
    assert [[one.run for one in of_run] for of_run in runs.sources] == [[7], [8]]
    assert (runs.conditions, runs.seconds) == (CONDITIONS, 20.0)
    with pytest.raises(ConfigurationError, match="conditions of its own"):
        with_conditions(runs, ConditionsTable(CONDITIONS))
    other = runs_of_files([folder], FileOptions(run=90))
    assert [[one.run for one in of_run] for of_run in other.sources] == [[90]]
    assert other.conditions == ()
