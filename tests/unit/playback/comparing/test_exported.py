"""What `dqmstream export` wrote as Parquet, compared with a stored run and with another export."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dqmstream.booking import Workspace, category, histogram, integer, profile, regular, scalar
from dqmstream.errors import SourceError
from dqmstream.export.about import About, Exported
from dqmstream.export.columns import parquet_file
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.store.testing import closed_set
from dqmstream.store.writer import StoreWriter
from dqmstream.testing import fill
from playback.comparing.archive import made_result
from playback.comparing.difference import Difference, compare
from playback.comparing.policy import Policy
from playback.comparing.release import Made, parse_release

WORKSPACE = Workspace(
    "every",
    "",
    [
        histogram("E/counts", regular(10, 0, 1, label="x", unit="cm"), fill="x"),
        histogram("E/codes", category([3, 5], label="code"), fill="n"),
        histogram("E/map", regular(4, 0, 1), integer(0, 3), fill=("x", "n")),
        histogram("E/weighted", regular(5, 0, 1), fill="x", weight="w", weight_range=(-2, 2)),
        profile("E/profile", regular(5, 0, 1), fill="x", value="y", value_range=(-1000, 1000)),
        profile("E/fine", regular(300, 0, 1), fill="x", value="w", value_range=(-2, 2)),
        scalar("E/number", "n", combine="sum"),
        scalar("E/last", "w", combine="last"),
    ],
)
LAYOUT = Layout(WORKSPACE)


def _contents() -> dict[int, Contents]:
    rng = np.random.default_rng(4)
    found = {}
    for number in (1, 2, 3):
        batch = pa.RecordBatch.from_pydict(
            {
                "x": rng.uniform(-0.1, 1.1, 500),
                "y": rng.normal(1e-2, 1e-3, 500),
                "n": rng.integers(0, 6, 500),
                "w": np.where(rng.random(500) < 0.01, np.nan, rng.normal(0, 0.7, 500)),
            }
        )
        found[number] = next(iter(fill(WORKSPACE, batch).values())).contents
    return found


@pytest.fixture(scope="module")
def contents() -> dict[int, Contents]:
    return _contents()


@pytest.fixture(scope="module")
def stored(contents: dict[int, Contents], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    writer = StoreWriter(f"sqlite:///{folder / 'store.sqlite'}", log="log")
    try:
        pieces = [closed_set(one, run=7, lumisection=n) for n, one in contents.items()]
        writer.write([WORKSPACE, *pieces], {})
    finally:
        writer.close()
    return folder


def _export(
    file: Path, contents: dict[int, Contents], *, late: bool = False, kinds: str = ""
) -> Path:
    about = About(
        run=7,
        window="run",
        lumisections=tuple(contents),
        closed=True,
        complete=True,
        whole=True,
        late=(2,) if late else None,
    )
    summed = Contents.total(LAYOUT, list(contents.values()))
    file.write_bytes(
        parquet_file(
            [
                Exported(place=place, contents=summed, about=about)
                for place in LAYOUT
                if not kinds or place.element.__struct_config__.tag in kinds
            ]
        )
    )
    return file


def _found(first: str, second: str, folder: Path) -> Difference:
    sides = [parse_release(one) for one in (first, second)]
    made: list[Made] = [one for one in sides if isinstance(one, Made)]
    results = [made_result(one, folder / str(n)) for n, one in enumerate(made)]
    return compare(results[0], results[1], Policy())


def _told(found: Difference) -> list[tuple[str, str]]:
    return [(one.kind.value, one.subject) for one in found.findings]


def test_an_export_of_a_run_does_not_differ_from_the_stored_run(
    contents: dict[int, Contents], stored: Path, tmp_path: Path
) -> None:
    export = _export(tmp_path / "run.parquet", contents)
    for turn, (first, second) in enumerate(
        [
            (f"run:7@{stored}", f"parquet:{export}"),
            (f"parquet:{export}", f"run:7@{stored}"),
            (f"parquet:{export}", f"parquet:{export}"),
        ]
    ):
        found = _found(first, second, tmp_path / str(turn))
        assert found.findings == ()
        assert found.compared.contents == len(LAYOUT.elements)
        assert any("an export of LS 1-3, summed" in one for one in found.notes)


def test_exports_of_parts_of_the_elements_are_compared_together(
    contents: dict[int, Contents], stored: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    _export(folder / "a.parquet", contents, kinds="histogram, scalar")
    _export(folder / "b.parquet", contents, kinds="profile")
    found = _found(f"run:7@{stored}", f"parquet:{folder}", tmp_path / "all")
    assert found.findings == ()
    assert found.compared.contents == len(LAYOUT.elements)
    (folder / "b.parquet").unlink()
    found = _found(f"run:7@{stored}", f"parquet:{folder}", tmp_path / "some")
    assert set(_told(found)) == {("removed", "E/profile"), ("removed", "E/fine")}
    _export(folder / "c.parquet", contents)
    with pytest.raises(SourceError, match="6 elements more than once, every: E/codes among them"):
        _found(f"run:7@{stored}", f"parquet:{folder}", tmp_path / "twice")


def test_an_export_of_a_few_lumisections_is_compared_with_these(
    contents: dict[int, Contents], stored: Path, tmp_path: Path
) -> None:
    few = {number: contents[number] for number in (2, 3)}
    export = _export(tmp_path / "few.parquet", few, late=True)
    found = _found(f"run:7@{stored}", f"parquet:{export}", tmp_path / "few")
    assert found.findings == ()
    assert any("late for LS 2 are in it" in one for one in found.notes)
    more = _export(tmp_path / "more.parquet", contents | {9: contents[1]})
    assert ("missing", "production") in _told(
        _found(f"run:7@{stored}", f"parquet:{more}", tmp_path / "more")
    )
    assert ("missing", "candidate") in _told(
        _found(f"parquet:{more}", f"parquet:{export}", tmp_path / "both")
    )


@pytest.mark.parametrize(
    ("path", "cell"),
    [
        *[("E/counts", 3), ("E/counts", -2), ("E/codes", 2), ("E/weighted", 2)],
        *[("E/weighted", 7 + 2), ("E/weighted", 14 + 2), ("E/profile", 7 + 2), ("E/profile", -1)],
    ],
)
def test_another_number_in_any_plane_is_found(
    contents: dict[int, Contents], stored: Path, tmp_path: Path, path: str, cell: int
) -> None:
    """Entries, NaN and out of range exactly, sums to what fixed point has rounded."""
    other = dict(contents) | {2: contents[2].copy()}
    place = LAYOUT[path]
    cells = other[2].cells[place.offset : place.offset + place.size]
    cells[cell] += 1 + abs(cells[cell]) // 500 * (place.planes == 3 and cell > 6)
    export = _export(tmp_path / "other.parquet", other)
    found = _found(f"run:7@{stored}", f"parquet:{export}", tmp_path)
    assert _told(found) == [("contents", path)]


def test_an_export_that_cannot_be_compared_is_said_to_be_so(tmp_path: Path) -> None:
    series = tmp_path / "series.parquet"
    table = pa.table({"lumisection": [1]}).replace_schema_metadata({"dqmstream": "{}"})
    pq.write_table(table, series)
    with pytest.raises(SourceError, match=r"one element LS by LS, .*leave --each out"):
        _found(f"parquet:{series}", f"parquet:{series}", tmp_path)
