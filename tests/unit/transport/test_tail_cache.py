"""The cache of the newest records: bounded, and never wrong about what it holds."""

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.transport.record import Record
from dqmstream.transport.tail_cache import TailCache

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "skip", "forget"]),
        st.integers(0, 2),
        st.lists(st.integers(0, 900), min_size=1, max_size=4),
    ),
    max_size=40,
)


def record(partition, offset, size):
    return Record("t", partition, offset, 0, None, b"x" * size)


@given(STEPS, st.integers(0, 8000), st.integers(1, 10), st.integers(1, 3000))
def test_it_holds_a_run_of_the_newest_records_within_its_limit(
    steps, limit, max_records, max_bytes
):
    cache, kept = TailCache(limit), {0: [], 1: [], 2: []}
    ends = [0, 0, 0]
    for step, partition, sizes in steps:
        if step == "skip":
            ends[partition] += 1
        elif step == "forget":
            cache.forget(("t", partition))
            assert cache.read(("t", partition), ends[partition] - 1, 1, 1) is None
        else:
            added = [record(partition, ends[partition] + n, s) for n, s in enumerate(sizes)]
            cache.add(added)
            kept[partition] += added
            ends[partition] += len(added)
        assert cache.size <= limit
        for number, records in kept.items():
            for offset in range(ends[number] + 1):
                found = cache.read(("t", number), offset, max_records, max_bytes)
                if found is None:
                    continue
                expected = [r for r in records if r.offset >= offset]
                assert found.records == expected[: len(found.records)]
                offsets = [r.offset for r in found.records]
                assert offsets == list(range(offset, offset + len(offsets)))
                assert found.following == found.records[-1].offset + 1
                assert 1 <= len(found.records) <= max_records
                if len(found.records) > 1:
                    assert sum(r.size() for r in found.records) <= max_bytes


def test_what_fits_is_found():
    cache = TailCache(10_000)
    records = [record(0, offset, 100) for offset in range(5, 15)]
    cache.add(records)
    assert cache.read(("t", 0), 5, 100, 10_000).records == records
    assert cache.read(("t", 0), 14, 100, 10_000).records == records[-1:]
    assert cache.read(("t", 0), 15, 100, 10_000) is None
    assert cache.read(("t", 0), 4, 100, 10_000) is None
    assert cache.read(("t", 1), 5, 100, 10_000) is None


def test_the_oldest_records_of_all_partitions_go_first():
    cache = TailCache(3 * (256 + 100))
    for offset in range(2):
        for partition in range(2):
            cache.add([record(partition, offset, 100)])
    assert cache.read(("t", 0), 0, 10, 1000) is None
    assert cache.read(("t", 1), 0, 10, 1000).following == 2
