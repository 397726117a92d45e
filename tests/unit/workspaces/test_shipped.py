"""What is declared in the workspaces that come with dqmstream."""

import tomllib
from importlib.metadata import EntryPoint
from operator import attrgetter
from pathlib import Path

import pytest

from dqmstream.booking import required_columns
from dqmstream.messages.booking import Booking, Histogram, Profile, Scalar, Text
from dqmstream.sources.cms.columns import header_schema
from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector
from dqmstream.workspaces import GROUP, load_workspaces
from tests.read_out import READ_OUT

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
POINTS = [EntryPoint(name, value, GROUP) for name, value in PROJECT["entry-points"][GROUP].items()]
SHIPPED = load_workspaces(found=POINTS)
NAMES = [booking.workspace for booking in SHIPPED]
OF_FILES = {
    "bril_lumi",
    "bril_lumi_pixel",
    "bril_lumi_plt",
    "dimuon",
    "nano_electron",
    "nano_jet",
    "nano_met",
    "nano_muon",
    "nano_vertex",
}
"""For event files, whose columns are what somebody wrote: see test_event_files."""
OF_CONTENTS = {
    "beam_spot",
    "ctpps_status",
    "dcs_luminosity",
    "event_info",
    "fed",
    "scouting",
    "scouting_egamma",
    "scouting_jet",
    "scouting_muon",
    "stream_conditions",
    "tracking",
    "vertex",
}
"""For the contents of CMS events: see test_contents."""
MADE_HERE = [booking for booking in SHIPPED if booking.workspace not in OF_FILES | OF_CONTENTS]


def columns_of(schema: object) -> set[str]:
    """Names of all columns and members of an Arrow schema."""
    names = set()
    for field in schema:  # type: ignore[attr-defined]
        names.add(field.name)
        if hasattr(field.type, "value_type"):
            names.update(f"{field.name}.{member.name}" for member in field.type.value_type)
    return names


def test_every_workspace_of_the_folder_is_announced() -> None:
    folder = ROOT / "dqmstream" / "workspaces"
    modules = {
        path.stem for path in folder.glob("*.py") if "workspace = Workspace(" in path.read_text()
    }
    assert set(NAMES) == modules == {*READ_OUT, "dqm_stream", *OF_FILES, *OF_CONTENTS}


@pytest.mark.parametrize("booking", SHIPPED, ids=NAMES)
def test_a_workspace_is_small_enough_to_look_at(booking: Booking) -> None:
    least = 10 if booking.analysis else 15
    assert least <= len(booking.elements) <= 61
    assert booking.description


@pytest.mark.parametrize("booking", SHIPPED, ids=NAMES)
def test_the_shifter_is_told_what_is_good_and_what_to_do(booking: Booking) -> None:
    for element in booking.elements:
        assert element.title, element.path
        assert len(element.description) > 15, element.path
        if not isinstance(element, Scalar):
            told = "call" in element.description or "tell the shift leader" in element.description
            assert told, element.path


@pytest.mark.parametrize("booking", SHIPPED, ids=NAMES)
def test_every_axis_says_what_it_shows(booking: Booking) -> None:
    for element in booking.elements:
        if isinstance(element, Histogram | Profile):
            assert all(axis.label for axis in element.axes), element.path


def test_no_path_is_in_two_workspaces() -> None:
    paths = [element.path for booking in SHIPPED for element in booking.elements]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("booking", MADE_HERE, ids=attrgetter("workspace"))
def test_a_workspace_reads_only_columns_its_source_has(booking: Booking) -> None:
    if booking.workspace == "dqm_stream":
        schema = header_schema(["HLT_ZeroBias_v6"])
    else:
        config = SyntheticConfig(run=1, subsystems=READ_OUT[booking.workspace])
        schema = SyntheticDetector(config).columns
    # The time of the log's record comes with every chunk, whatever its source.
    assert required_columns(booking) <= columns_of(schema) | {"log_time"}
    assert not any(isinstance(element, Text) for element in booking.elements)
