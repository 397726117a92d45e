"""Finding files: by lumisection and stream, each once, nothing lost silently."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.listing import list_streamer_files
from dqmstream.sources.cms.messages import EventMessage
from dqmstream.sources.cms.pair import ended_run, parse_name

Write = Callable[..., Path]
MakeEvent = Callable[..., EventMessage]


@pytest.mark.parametrize(
    ("name", "run", "lumisection", "stream"),
    [
        ("run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat", 346373, 27, None),
        ("run000001_ls12345_streamDQM.jsn", 1, 12345, "streamDQM"),
    ],
)
def test_names_of_the_daq_are_understood(
    name: str, run: int, lumisection: int, stream: str | None
) -> None:
    """With and without a last part."""
    parsed = parse_name(name)
    assert parsed is not None
    assert parsed.lumisection == LumisectionId(run, lumisection)
    assert parsed.stream == (stream or "streamDQMOnlineBeamspot")


@pytest.mark.parametrize(
    "name",
    [
        "a.dat",
        "run1_ls1_streamDQM.pb",
        "run1_ls1_EoLS.jsn",
        "run1_ls1_stream_.dat",
        "run_ls_streamA.dat",
    ],
)
def test_other_names_are_not_guessed_at(name: str) -> None:
    """They have no parts."""
    assert parse_name(name) is None


def test_the_end_of_a_run_is_a_name() -> None:
    """Its content is ignored: writers leave it empty."""
    assert ended_run("run392642_ls0000_EoR.jsn") == 392642
    assert ended_run("run392642_ls0001_EoR.jsn") is None


def test_a_folder_is_listed_in_the_order_of_data_taking(
    tmp_path: Path, write: Write, make_event: MakeEvent
) -> None:
    """Names order by number, streams apart, several files of one lumisection together."""
    events = [make_event(1)]
    for name in (
        "run398000_ls0012_streamB_pid1",
        "run398000_ls0012_streamA_pid2",
        "run398000_ls0012_streamA_pid1",
    ):
        write(events, name)
    (tmp_path / "run398000_ls0000_EoR.jsn").touch()
    listing = list_streamer_files([tmp_path])
    assert [(g.stream, [p.name[-8:-4] for p in g.paths]) for g in listing.groups] == [
        ("streamA", ["pid1", "pid2"]),
        ("streamB", ["pid1"]),
    ]
    assert listing.ended_runs == {398000}
    assert listing.skipped == ()


def test_run_folders_inside_are_searched(
    tmp_path: Path, write: Write, make_event: MakeEvent
) -> None:
    """As the DAQ lays them out."""
    path = write([make_event(1)])
    run = tmp_path / "run398000"
    run.mkdir()
    for part in (path, path.with_suffix(".dat")):
        part.rename(run / part.name)
    (group,) = list_streamer_files([tmp_path]).groups
    assert group.paths == (run / path.name,)


def test_a_file_named_twice_is_read_once(
    tmp_path: Path, write: Write, make_event: MakeEvent
) -> None:
    """By its folder, its `.jsn` and itself."""
    path = write([make_event(1)])
    listing = list_streamer_files([path.with_suffix(".dat"), path, tmp_path])
    assert [group.paths for group in listing.groups] == [(path.with_suffix(".dat"),)]
    assert listing.skipped == ()


def test_a_data_file_without_jsn_is_read_only_when_asked_for(
    tmp_path: Path, write: Write, make_event: MakeEvent
) -> None:
    """In a folder it may be half written, and is skipped by name."""
    path = write([make_event(1)])
    path.unlink()
    dat = path.with_suffix(".dat")
    listing = list_streamer_files([tmp_path])
    assert listing.groups == ()
    assert [(file.path, file.reason) for file in listing.skipped] == [(dat, "jsn_missing")]
    listing = list_streamer_files([tmp_path, dat])
    assert [group.paths for group in listing.groups] == [(dat,)]
    assert listing.skipped == ()


def test_renamed_files_are_grouped_by_content_or_name(write: Write, make_event: MakeEvent) -> None:
    """Whichever is asked for."""
    path = write([make_event(1)], "run500015_ls0003_streamTest_pid1")
    (by_content,) = list_streamer_files([path]).groups
    (by_name,) = list_streamer_files([path], lumisection_from="name").groups
    assert by_content.lumisection == LumisectionId(398000, 12)
    assert by_name.lumisection == LumisectionId(500015, 3)


def test_a_file_of_unusual_name_is_placed_by_its_events(
    write: Write, make_event: MakeEvent
) -> None:
    """And has no stream."""
    (group,) = list_streamer_files([write([make_event(1)], "my-events")]).groups
    assert (group.lumisection, group.stream) == (LumisectionId(398000, 12), "")


def test_a_broken_file_is_listed_where_its_name_says(
    tmp_path: Path, write: Write, make_event: MakeEvent
) -> None:
    """Its reader reports it under its lumisection; a nameless one is skipped with the reason."""
    named = write([make_event(1)])
    nameless = write([make_event(1)], "my-events")
    for path in (named, nameless):
        path.with_suffix(".dat").unlink()
    listing = list_streamer_files([tmp_path])
    assert [group.paths for group in listing.groups] == [(named,)]
    assert [(file.path, file.reason) for file in listing.skipped] == [(nameless, "file_missing")]


def test_a_nameless_file_without_events_is_skipped(write: Write) -> None:
    """Nothing says where it belongs."""
    listing = list_streamer_files([write([], "my-events")])
    assert [file.reason for file in listing.skipped] == ["lumisection_unknown"]
