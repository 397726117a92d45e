"""Recordings: what was recorded comes out again, and what was changed is found and named."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError, SourceError
from playback.recordings import Problem, Recording, RecordingWriter, record
from playback.recordings.manifest import decode_manifest, encode_manifest
from tests.event_files import chunks_of
from tests.recorded import CONDITIONS, SmallRun, digest_of

GOLDEN = Path(__file__).parents[2] / "resources" / "recordings"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that nothing is wrong with."""
    folder = tmp_path_factory.mktemp("sound") / "recording"
    record([SmallRun(), SmallRun(8)], folder, made="then", conditions=CONDITIONS)
    return folder


def test_the_same_chunks_times_and_notes_come_out(sound: Path) -> None:
    recording = Recording(sound)
    for source, (played,) in zip((SmallRun(), SmallRun(8)), recording.runs, strict=True):
        assert chunks_of(played) == chunks_of(source)
        assert (played.run, played.name, played.incarnation) == (source.run, "small", "as-it-is")
        assert (played.marks, played.labels) == (source.marks, source.labels)
        notes = [dict(one.notes()) for one in played.lumisections(0)]
        assert notes == [{}, {}, {"no_file": 1}, {}, {}]
        assert {one.seconds for one in played.lumisections(0)} == {20.0}
        assert played.columns == {"event"}
    assert recording.conditions() == CONDITIONS
    assert list(recording.problems()) == []


def test_reading_goes_on_after_any_lumisection(sound: Path) -> None:
    ((played,), _) = Recording(sound).runs
    whole = chunks_of(played)
    for after in range(7):
        rest = {one.lumisection: list(one.chunks()) for one in played.lumisections(after)}
        assert rest == {number: whole[number] for number in range(after + 1, 6)}


def test_a_recording_of_a_recording_is_the_same_files(sound: Path, tmp_path: Path) -> None:
    again = record(Recording(sound).sources, tmp_path / "again", made="then", conditions=CONDITIONS)
    assert digest_of(again.folder) == digest_of(sound)


def test_the_contents_do_not_depend_on_when_it_was_made(sound: Path, tmp_path: Path) -> None:
    later = record([SmallRun(), SmallRun(8)], tmp_path / "later", made="later")
    assert later.contents == Recording(sound).contents
    part = record([SmallRun()], tmp_path / "part", lumisections=(2, 4))
    assert part.contents != later.contents
    assert [one.lumisection for one in part.sources[0].entry.lumisections] == [2, 3, 4]


def test_a_live_source_is_not_recorded_as_one_that_can_be_read_again(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none that is live"):
        record([SmallRun(live_as="x")], tmp_path / "a")
    assert not (tmp_path / "a").exists()


@settings(max_examples=60)
@given(st.data())
def test_a_changed_byte_is_found_and_its_file_named(
    sound: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("changed") / "recording"
    shutil.copytree(sound, folder)
    file = data.draw(st.sampled_from(sorted(digest_of(sound))))
    raw = bytearray((folder / file).read_bytes())
    where = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[where] ^= data.draw(st.integers(1, 255))
    else:
        del raw[where:]
    (folder / file).write_bytes(raw)
    try:
        problems = list(Recording(folder).problems())
    except SourceError as error:
        problems = [Problem("manifest.json", "", str(error))]
    assert problems
    assert {problem.file for problem in problems} == {file}
    assert problems[0].what
    if file.endswith(".arrows"):
        run, lumisection = int(file[3:9]), int(file[-13:-7])
        assert problems[0].where == f"run {run} LS {lumisection} of small"
        assert "expected" in problems[0].what


def test_what_is_missing_or_does_not_belong_there_is_named(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    shutil.copytree(sound, folder)
    (folder / "run000007/small/000002.arrows").unlink()
    (folder / "conditions.jsonl").unlink()
    (folder / "notes.txt").write_text("hello")
    problems = {problem.file: str(problem) for problem in Recording(folder).problems()}
    assert sorted(problems) == ["conditions.jsonl", "notes.txt", "run000007/small/000002.arrows"]
    assert "LS 2 of small: No such file" in problems["run000007/small/000002.arrows"]
    assert "not in the manifest" in problems["notes.txt"]
    with pytest.raises(SourceError, match="LS 2"):
        Recording(folder).verify()


def test_reading_refuses_bytes_that_have_changed(sound: Path, tmp_path: Path) -> None:
    """Who plays a recording need not have verified it first."""
    folder = tmp_path / "recording"
    shutil.copytree(sound, folder)
    path = folder / "run000007/small/000001.arrows"
    raw = bytearray(path.read_bytes())
    raw[-20] ^= 1
    path.write_bytes(raw)
    ((played,), _) = Recording(folder).runs
    with pytest.raises(SourceError, match=r"run 7 of small LS 1: .*chunk 1 at byte .*CRC-32"):
        chunks_of(played)


@pytest.mark.parametrize("file", ["/etc/passwd", "../other", "a/../../b"])
def test_a_manifest_that_names_files_elsewhere_is_refused(sound: Path, file: str) -> None:
    manifest = Recording(sound).manifest
    (run, *others) = manifest.runs
    (source,) = run.sources
    first = msgspec.structs.replace(source.lumisections[0], file=file)
    source = msgspec.structs.replace(source, lumisections=(first,))
    runs = (msgspec.structs.replace(run, sources=(source,)), *others)
    with pytest.raises(SourceError, match="expected one inside the recording"):
        decode_manifest(encode_manifest(msgspec.structs.replace(manifest, runs=runs)), "here")


@pytest.mark.parametrize("file", ["/etc/passwd", "../other", "a/../../b"])
def test_a_manifest_of_the_first_schema_may_not_name_files_elsewhere_either(file: str) -> None:
    lumisection = {"file": file, "checksum": "", "seconds": 1.0, "chunks": []}
    raw = msgspec.json.encode({"schema": 1, "lumisections": [lumisection]})
    with pytest.raises(SourceError, match="expected one inside the recording"):
        decode_manifest(raw, "here")


@given(st.binary(max_size=200) | st.builds(lambda n: b'{"schema":%d}' % n, st.integers(-1, 9)))
def test_what_is_no_manifest_is_refused_with_its_place(raw: bytes) -> None:
    with pytest.raises(SourceError, match="here"):
        decode_manifest(raw, "here")


def test_a_recording_of_a_later_schema_is_refused(sound: Path, tmp_path: Path) -> None:
    raw = (sound / "manifest.json").read_bytes().replace(b'{"schema":2', b'{"schema":3')
    (tmp_path / "manifest.json").write_bytes(raw)
    with pytest.raises(SourceError, match="schema 3, this release reads 1 to 2"):
        Recording(tmp_path)


def test_a_recording_that_was_cut_short_is_gone_on_with(tmp_path: Path) -> None:
    """What an earlier life has on the disk is not recorded anew, and ends up in the same folder."""
    whole = record([SmallRun()], tmp_path / "whole", made="then")
    folder = tmp_path / "cut"

    def stop(_: object, entry: object) -> None:
        if getattr(entry, "lumisection", 0) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record([SmallRun()], folder, made="then", told=stop)
    with pytest.raises(SourceError, match="cut short"):
        Recording(folder)
    before = (folder / "run000007/small/000001.arrows").stat().st_ino
    with (folder / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"type":"RecordedLine","run":7,"sour')
    record([SmallRun()], folder, made="later")
    assert digest_of(folder) == digest_of(whole.folder)
    assert (folder / "run000007/small/000001.arrows").stat().st_ino == before


def test_another_request_does_not_go_on_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    with (
        RecordingWriter(folder, request="one", origin=("tape 3",)),
        pytest.raises(ConfigurationError, match="another process is recording"),
    ):
        RecordingWriter(folder, request="one")
    with pytest.raises(ConfigurationError, match=r"another recording that was not ended.*tape 3"):
        RecordingWriter(folder, request="two")


def test_a_folder_with_something_else_is_left_alone(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds a recording already"):
        record([SmallRun()], sound)
    (tmp_path / "thesis.tex").write_text("42")
    with pytest.raises(ConfigurationError, match="not empty"):
        record([SmallRun()], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_source_with_any_name_stays_inside_the_folder(tmp_path: Path) -> None:
    names = ["../../up", "a/b", "a_b", "", ".", "ü" * 300]
    recording = record([SmallRun(name=name) for name in names], tmp_path / "recording")
    assert {source.name for source in recording.sources} == set(names)
    assert list(recording.problems()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["recording"]


@pytest.mark.parametrize("what", ["source", "log"])
def test_killed_at_any_moment_the_same_folder_comes_of_it(what: str, tmp_path: Path) -> None:
    """Each step of recording is the last of a process once; another one goes on from there."""
    command = [sys.executable, "-m", "tests.killed_recording", what, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True)
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["moments"] > 25


@pytest.mark.parametrize(
    ("name", "events", "contents"),
    [
        ("v1", [3, 3, 3], "67c677fb2ed3f9e874f9f03de60c1a01"),
        ("v2", [2, 3, 3, 1, 2, 2, 3, 1], "63c3991099d57d619eef78dfd21f44c5"),
    ],
)
def test_recordings_of_all_schemas_stay_readable(
    name: str, events: list[int], contents: str
) -> None:
    """These folders were written by the release that brought their schema; they never change."""
    recording = Recording(GOLDEN / name)
    assert list(recording.problems()) == []
    assert recording.contents == contents
    (played, *_) = recording.sources
    found = [chunk for one in chunks_of(played).values() for chunk in one]
    assert [chunk.selected for chunk in found] == events
