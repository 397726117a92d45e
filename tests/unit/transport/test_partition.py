"""A partition on disk against a model, and what it does with damage and full disks."""

import os
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import LogError, OffsetExpiredError
from dqmstream.transport.frame import encode
from dqmstream.transport.partition import DiskPartition
from dqmstream.transport.record import Outgoing, Record
from dqmstream.transport.segment import INDEX_BYTES

WHERE = ("dqm.table", 2)
SEGMENT = 600
ALL = 10**9


def opened(folder, segment_bytes=SEGMENT):
    return DiskPartition(folder, *WHERE, segment_bytes=segment_bytes)


def outgoing(key, value):
    return Outgoing(topic=WHERE[0], partition=WHERE[1], key=key, value=value)


def read_all(partition, offset=None, max_records=500, max_bytes=ALL):
    offset, records = partition.start if offset is None else offset, []
    while offset < partition.end:
        found, offset = partition.read(offset, max_records, max_bytes)
        assert len(found) <= max_records
        assert len(found) <= 1 or sum(record.size() for record in found) <= max_bytes
        records += found
    assert offset == partition.end
    return records


def files(folder):
    return sorted(folder.glob("*.log"))


# Against a model

KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
VALUES = st.none() | st.binary(max_size=8) | st.integers(100, 900).map(lambda n: b"x" * n)
APPENDS = st.tuples(st.just("append"), st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=12))
STEPS = st.one_of(
    APPENDS,
    APPENDS,
    APPENDS,
    st.tuples(st.just("wait"), st.integers(1, 3)),
    st.tuples(st.just("compact"), st.integers(0, 5)),
    st.tuples(st.just("expire"), st.integers(0, 5)),
    st.tuples(st.just("shrink"), st.integers(0, 3000)),
    st.tuples(st.just("reopen"), st.floats(0, 1)),
    st.tuples(
        st.just("read"), st.tuples(st.floats(0, 1), st.integers(1, 20), st.integers(1, 2000))
    ),
)


class Model:
    """What a partition should hold, as a list; time is a number of the test's own.

    As in life it is later than any age: a file without records counts as of 0, older than all.
    """

    def __init__(self, folder):
        self.folder = folder
        self.partition = opened(folder)
        self.records = []
        self.end = 0
        self.now = 100

    def append(self, messages):
        found = self.partition.append([outgoing(*message) for message in messages], self.now)
        for key, value in messages:
            self.records.append(Record(*WHERE, self.end, self.now, key, value))
            self.end += 1
        assert found == self.records[-len(messages) :]

    def wait(self, time):
        self.now += time

    def compact(self, age):
        self.partition.roll()
        self.partition.compact(self.now - age)
        newest = {record.key: record.offset for record in self.records}
        self.records = [
            record
            for record in self.records
            if newest[record.key] == record.offset
            and (record.value is not None or record.timestamp >= self.now - age)
        ]

    def expire(self, age):
        self.partition.roll()
        self.partition.expire(self.now - age, None)
        young = [record for record in self.records if record.timestamp >= self.now - age]
        self._lost_in_front(young)
        if not young:
            assert self.partition.start == self.end
        elif self.partition.start < young[0].offset:
            oldest = self.partition.read(self.partition.start, 500, ALL).records
            assert young[0] in oldest

    def shrink(self, size):
        before = self.partition.size
        self.partition.expire(None, size)
        self._lost_in_front([])
        kept = sum(path.stat().st_size for path in files(self.folder))
        assert kept == self.partition.size
        oldest = files(self.folder)[0].stat().st_size
        assert kept - oldest < size or len(files(self.folder)) == 1
        assert kept >= min(size, before)

    def _lost_in_front(self, at_least):
        """Whole files went: what remains begins at the new start."""
        self.records = [r for r in self.records if r.offset >= self.partition.start]
        assert set(at_least) <= set(self.records)

    def reopen(self, part):
        """As after a crash in the middle of writing one more record."""
        self.partition.close()
        torn = b"".join(encode(Record(*WHERE, self.end, self.now, b"torn", b"torn" * 20)))
        torn = torn[: int(part * (len(torn) - 1))]
        with files(self.folder)[-1].open("ab") as file:
            file.write(torn)
        self.partition = opened(self.folder)
        cut = self.partition.torn.bytes_cut if self.partition.torn else 0
        assert cut == len(torn)

    def read(self, request):
        part, max_records, max_bytes = request
        start = self.partition.start
        offset = start + round(part * (self.end - start))
        expected = [record for record in self.records if record.offset >= offset]
        assert read_all(self.partition, offset, max_records, max_bytes) == expected


@given(st.lists(STEPS, min_size=10, max_size=30), st.sampled_from([1, 200, INDEX_BYTES]))
def test_a_partition_is_what_the_model_says_after_any_history(steps, index_bytes):
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch("dqmstream.transport.segment.INDEX_BYTES", index_bytes),
    ):
        model = Model(Path(name))
        for step, argument in steps:
            getattr(model, step)(argument)
            assert model.partition.end == model.end
        assert read_all(model.partition) == model.records
        model.reopen(0)
        assert read_all(model.partition) == model.records
        model.partition.close()


# Damage


def test_a_file_cut_anywhere_gives_the_records_that_are_whole(tmp_path):
    partition = opened(tmp_path / "log", segment_bytes=10_000)
    records = partition.append([outgoing(b"k%d" % n, b"v" * n) for n in range(12)], 1)
    partition.close()
    (path,) = files(tmp_path / "log")
    content = path.read_bytes()
    ends = [0]
    for record in records:
        ends.append(ends[-1] + sum(map(len, encode(record))))
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        again = opened(tmp_path / "log", segment_bytes=10_000)
        whole = sum(end <= size for end in ends[1:])
        assert read_all(again) == records[:whole]
        if size in ends:
            assert again.torn is None
        else:
            assert again.torn.bytes_cut == size - ends[whole]
            assert (again.torn.position, again.torn.following) == (ends[whole], whole)
            assert again.torn.path == str(path)
        (more,) = again.append([outgoing(b"more", b"more")], 1)
        assert more.offset == whole
        again.close()


def test_zeros_at_the_end_are_cut_off(tmp_path):
    """A loss of power may leave a file longer than what was written to it."""
    partition = opened(tmp_path)
    records = partition.append([outgoing(b"k", b"v")] * 3, 1)
    partition.close()
    with files(tmp_path)[0].open("ab") as file:
        file.write(bytes(5000))
    again = opened(tmp_path)
    assert again.torn.bytes_cut == 5000
    assert read_all(again) == records
    again.close()


def damage(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("byte", [0, 5, 9, 13, 30, 36, 39, 41])
def test_damage_before_intact_records_of_the_newest_file_stops_the_start(tmp_path, byte):
    partition = opened(tmp_path)
    partition.append([outgoing(b"k", b"v" * 20)] * 4, 1)
    partition.close()
    (path,) = files(tmp_path)
    length = path.stat().st_size // 4
    damage(path, length + byte)
    size = path.stat().st_size
    with pytest.raises(LogError, match=rf"{path} is damaged: .* at byte {length}$"):
        opened(tmp_path)
    assert path.stat().st_size == size


@pytest.mark.parametrize("byte", [0, 9, 13, 41])
def test_damage_in_a_closed_file_is_an_error_when_it_is_read(tmp_path, byte):
    partition = opened(tmp_path)
    for _ in range(10):
        partition.append([outgoing(b"k", b"v" * 100)] * 2, 1)
    partition.close()
    first, second, *_ = files(tmp_path)
    frame = first.stat().st_size // (int(second.stem) - int(first.stem))
    damage(first, 2 * frame + byte)
    again = opened(tmp_path)
    with pytest.raises(LogError, match=rf"{first} is damaged: .* at byte {2 * frame}$"):
        again.read(0, 500, ALL)
    with pytest.raises(LogError, match=rf"{first} is damaged: .* at byte {2 * frame}$"):
        again.compact(0)
    assert again.read(int(second.stem), 1, ALL).records[0].offset == int(second.stem)
    again.close()


def test_a_closed_file_that_lost_its_end_is_noticed(tmp_path):
    partition = opened(tmp_path)
    for _ in range(10):
        partition.append([outgoing(b"k", b"v" * 100)] * 2, 1)
    partition.close()
    first, second, *_ = files(tmp_path)
    frame = first.stat().st_size // (int(second.stem) - int(first.stem))
    os.truncate(first, 2 * frame)
    again = opened(tmp_path)
    with pytest.raises(LogError, match=f"{first} is damaged: ends at offset 2, the next"):
        again.read(0, 500, ALL)
    again.close()


def test_a_foreign_file_is_refused_by_name(tmp_path):
    (tmp_path / "notes.log").touch()
    with pytest.raises(LogError, match=r"notes\.log is not a segment"):
        opened(tmp_path)


# Compaction


def compacted(folder):
    """A partition of many small files, compacted; returns what it held in files before."""
    partition = opened(folder)
    for turn in range(40):
        partition.append([outgoing(b"k%d" % (turn % 7), b"%d" % turn * 40)], turn)
    partition.append([outgoing(b"k%d" % n, None) for n in range(3)], 50)
    partition.roll()
    before = {path.name: path.read_bytes() for path in files(folder)}
    partition.compact(100)
    return partition, before


@given(st.data())
@settings(max_examples=40)
def test_files_that_a_crash_left_behind_after_compaction_do_not_come_back(data):
    with tempfile.TemporaryDirectory() as name:
        partition, before = compacted(Path(name))
        expected, after = read_all(partition), files(Path(name))
        partition.close()
        for left in data.draw(st.sets(st.sampled_from(sorted(before)))):
            (Path(name) / left).write_bytes(before[left])
        (Path(name) / "00000000000000000000-00000000000000000099.tmp").write_bytes(b"unfinished")
        again = opened(Path(name))
        assert read_all(again) == expected
        assert {record.key for record in expected} == {b"k3", b"k4", b"k5", b"k6"}
        assert sorted(Path(name).iterdir()) == after
        again.close()


@pytest.mark.parametrize("index_bytes", [1, 300, INDEX_BYTES])
def test_a_read_that_begins_in_a_gap_finds_the_next_record(tmp_path, index_bytes):
    with mock.patch("dqmstream.transport.segment.INDEX_BYTES", index_bytes):
        partition = opened(tmp_path, segment_bytes=5000)
        for number in range(150):
            key = b"%d" % number if number % 7 == 0 else b"often"
            partition.append([outgoing(key, b"v" * (number % 50))], 1)
        partition.roll()
        partition.compact(0)
        kept = read_all(partition)
        assert [record.offset for record in kept] == [*range(0, 148, 7), 149]
        for offset in range(150):
            expected = [record for record in kept if record.offset >= offset]
            for max_records, max_bytes in [(1, ALL), (5, ALL), (500, 1), (500, 300)]:
                assert read_all(partition, offset, max_records, max_bytes) == expected
        partition.close()


def test_compaction_merges_small_files_and_leaves_what_is_compact_alone(tmp_path):
    partition, before = compacted(tmp_path)
    after = files(tmp_path)
    assert len(after) < len(before) / 4
    times = [path.stat().st_mtime_ns for path in after]
    partition.compact(100)
    assert [path.stat().st_mtime_ns for path in files(tmp_path)] == times
    partition.close()


def test_a_file_that_is_compacted_again_is_read_at_each_moment(tmp_path):
    """Its name stays, its records move: neither is taken for the other, however slow the disk."""
    sync, moments = os.fsync, []

    def read_meanwhile(fd):
        sync(fd)
        found = read_all(partition, max_records=3, max_bytes=300)
        moments.append([record for record in found if record.value is not None])

    with mock.patch("dqmstream.transport.segment.INDEX_BYTES", 200):
        partition = opened(tmp_path, segment_bytes=100_000)
        partition.append([outgoing(b"gone%d" % n, None) for n in range(7)], 100)
        partition.append([outgoing(b"k%d" % (n % 30), b"%d" % n * 20) for n in range(60)], 100)
        partition.roll()
        partition.compact(0)
        before = read_all(partition)
        with mock.patch("os.fsync", read_meanwhile):
            partition.compact(200)
        assert len(files(tmp_path)) == 2
        assert read_all(partition) == before[7:]
    assert len(moments) > 1
    assert all(found == before[7:] for found in moments)
    partition.close()


def test_reading_goes_on_while_files_are_compacted_and_expire(tmp_path):
    """A reader gets each key's newest value, whatever is removed around it."""
    partition = opened(tmp_path)
    newest, done, seen = {}, threading.Event(), []

    def read():
        while not done.is_set():
            offset = partition.start
            while offset < partition.end:
                records, offset = partition.read(offset, 7, 1000)
                seen.extend(records)

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        try:
            for turn in range(300):
                key = b"k%d" % (turn % 5)
                (newest[key],) = partition.append([outgoing(key, b"%d" % turn * 20)], turn)
                if turn % 10 == 0:
                    partition.roll()
                    partition.compact(0)
        finally:
            done.set()
        reading.result()
    assert {record.key: record for record in read_all(partition)} == newest
    assert all(record.value == b"%d" % record.offset * 20 for record in seen)
    partition.close()


# Full disks


def test_a_full_disk_is_an_error_and_the_log_stays_consistent(tmp_path, file_size_limited):
    partition = opened(tmp_path, segment_bytes=ALL)
    kept = partition.append([outgoing(b"k", b"v" * 3000)] * 3, 1)
    with file_size_limited(10_000):
        for _ in range(3):
            with pytest.raises(LogError, match=rf"{files(tmp_path)[0]} cannot be written: "):
                partition.append([outgoing(b"lost", b"v" * 3000)] * 3, 1)
        assert read_all(partition) == kept
    kept += partition.append([outgoing(b"k", b"more")], 2)
    assert [record.offset for record in kept] == [0, 1, 2, 3]
    assert read_all(partition) == kept
    partition.close()
    again = opened(tmp_path)
    assert again.torn is None
    assert read_all(again) == kept
    again.close()


def test_a_full_disk_while_compacting_loses_nothing(tmp_path, file_size_limited):
    partition = opened(tmp_path / "log", segment_bytes=4000)
    for turn in range(40):
        partition.append([outgoing(b"k%d" % (turn % 30), b"v" * 500)], 1)
    partition.roll()
    before = read_all(partition)
    with file_size_limited(2000), pytest.raises(LogError, match="cannot be compacted"):
        partition.compact(0)
    assert read_all(partition) == before
    assert not list((tmp_path / "log").glob("*.tmp"))
    partition.compact(0)
    assert len(read_all(partition)) == 30
    partition.close()


def test_large_batches_are_split_into_files(tmp_path):
    partition = opened(tmp_path)
    records = partition.append([outgoing(b"k", b"v" * 250)] * 3000, 1)
    assert read_all(partition) == records
    assert all(path.stat().st_size < 2 * SEGMENT for path in files(tmp_path))
    partition.close()


def test_reading_below_the_start_says_where_it_is(tmp_path):
    partition = opened(tmp_path)
    for turn in range(20):
        partition.append([outgoing(b"k", b"v" * 200)], turn)
    partition.expire(15, None)
    assert 0 < partition.start <= 15
    with pytest.raises(OffsetExpiredError) as expired:
        partition.read(partition.start - 1, 1, ALL)
    assert (expired.value.topic, expired.value.partition) == WHERE
    assert expired.value.start == partition.start
    partition.close()


def test_a_copy_of_the_folder_is_the_same_partition(tmp_path):
    """Backups are plain copies."""
    partition, _ = compacted(tmp_path / "log")
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    copy = opened(tmp_path / "copy")
    assert read_all(copy) == read_all(partition)
    partition.close()
    copy.close()
