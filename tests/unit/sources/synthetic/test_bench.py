"""The bench event has the size and shape that its name says."""

from collections import Counter

import pyarrow as pa
import pytest

from dqmstream.booking import required_columns
from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Histogram
from dqmstream.sources.synthetic.bench import (
    COLLECTIONS,
    Variant,
    bench_batch,
    bench_booking,
    bench_columns,
)


def width(kind: pa.DataType) -> int:
    """Bytes of one value, or of all members of one object."""
    if pa.types.is_struct(kind):
        return sum(width(kind.field(i).type) for i in range(kind.num_fields))
    return kind.bit_width // 8


@pytest.mark.parametrize(("variant", "size"), [("500B", 500), ("2kB", 2000)])
def test_an_event_has_thirty_objects_and_as_many_bytes_as_its_name_says(
    variant: Variant, size: int
) -> None:
    batch = bench_batch(seed=1, number=0, events=100, variant=variant)
    batch.validate(full=True)
    assert batch.schema.equals(bench_columns(variant))
    total = 0
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in COLLECTIONS:
            assert set(column.value_lengths().to_pylist()) == {6}
            total += 6 * width(column.type.value_type)
        else:
            total += width(column.type)
    assert total == size
    assert batch.nbytes == 100 * (size + 20)


def test_the_same_chunk_has_the_same_bits_and_each_chunk_others() -> None:
    one = bench_batch(seed=1, number=3, events=10)
    assert one.equals(bench_batch(seed=1, number=3, events=10))
    assert not one.equals(bench_batch(seed=2, number=3, events=10))
    assert one.column("event").to_pylist() == list(range(31, 41))
    assert bench_batch(seed=1, number=4, events=10).column("event")[0].as_py() == 41


def test_the_booking_has_three_hundred_elements_of_the_stated_mixture() -> None:
    elements = bench_booking().elements
    kinds: Counter[str] = Counter()
    for element in elements:
        if isinstance(element, Histogram):
            kinds[f"{len(element.axes)}D"] += 1
            kinds[f"{len(element.axes)}D selected"] += bool(element.select)
        else:
            kinds[type(element).__name__] += 1
    assert len(elements) == 300
    assert kinds == {
        "1D": 205,
        "1D selected": 50,
        "2D": 50,
        "2D selected": 20,
        "Profile": 40,
        "Scalar": 5,
    }


def test_both_variants_have_the_columns_the_booking_reads() -> None:
    wanted = required_columns(bench_booking())
    for variant in ("500B", "2kB"):
        schema = bench_columns(variant)
        members = {
            f"{name}.{field.name}"
            for name in COLLECTIONS
            for field in schema.field(name).type.value_type
        }
        assert wanted <= members | set(schema.names)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'1MB': expected one of 500B, 2kB"):
        bench_columns("1MB")  # type: ignore[arg-type]
