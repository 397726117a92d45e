"""The benchmark of recordings counts only what came back right."""

from pathlib import Path

from playback.bench.recordings import bench_recordings


def test_recordings_and_plain_files_give_the_same_events_and_replays_have_a_pace(
    tmp_path: Path,
) -> None:
    rows = {row.name: row for row in bench_recordings(tmp_path, lumisections=3, quick=True)}
    for name in ("recording: ratio", "recording: ratio on the disk", "reading: ratio"):
        assert rows[name].value > 0
    paces = [row for name, row in rows.items() if "off its pace" in name]
    assert [row.goal for row in paces] == [1.0, 1.0]
