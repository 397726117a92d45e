"""An archive is read with nothing of ours: pyarrow, pandas, NumPy, and what its README says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from dqmstream.errors import NotStoredError, StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.store.archive import archive
from dqmstream.store.pruning import Pruner
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.testing import closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(14)


@pytest.fixture
def recorded(writer: StoreWriter, layout: Layout, url: str) -> str:
    """Run 1 of 9 LSs, compacted in part, with conditions, reports and something late; run 2."""
    report = QualityReport(path="p", qtname="q", algorithm="a", outcome=Outcome.BAD, message="no")
    for n in range(1, 10):
        piece = closed_set(random_contents(layout, RNG), run=1, lumisection=n)
        reports = QualityReports(
            set="set",
            run=1,
            lumisection=n,
            workspace="every",
            scope="run",
            complete=True,
            versions=(1,),
            reports=(report, report),
        )
        conditions = Conditions(run=1, lumisection=n, luminosity=1.5 * n, dcs={"ecal": n > 3})
        writer.write([piece, reports, conditions], {})
        if n == 6:
            writer.compact()
    late = closed_set(random_contents(layout, RNG), run=1, lumisection=4, segment=1)
    writer.write([late, closed_set(random_contents(layout, RNG), run=2, lumisection=1)], {})
    return url


def read(folder: Path, name: str, **columns: Any) -> pd.DataFrame:
    """Rows of a file in which columns have these values."""
    filters = [(column, "==", value) for column, value in columns.items()]
    return pq.read_table(folder / f"{name}.parquet", filters=filters or None).to_pandas()


def example(folder: Path) -> str:
    """The Python in the README."""
    text = (folder / "README.md").read_text("utf-8")
    return text.split("```python\n")[1].split("```")[0]


def test_contents_of_every_element_in_every_lumisection_are_there(
    recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    archived = archive(recorded, 1, folder)
    assert archived.rows["contents"] == 9 * 9 + 9
    assert archived.bytes == sum(file.stat().st_size for file in folder.iterdir())
    monkeypatch.chdir(folder)
    with Store(recorded) as store:
        for place in store.layout("set", 1, "every"):
            path = place.element.path
            trend = store.element_trend("set", 1, "every", path)
            rows = read(folder, "contents", path=path, late=False)
            assert rows["lumisection"].tolist() == list(range(1, 10))
            assert rows["invalid"].dropna().to_dict() == {
                n - 1: reason for n, reason in trend.invalid.items()
            }
            values = rows["text"].where(rows["text"].notna(), rows["number"]).dropna().to_dict()
            assert values == {n - 1: one.value for n, one in trend.scalars.items()}
            if not place.planes:
                assert rows["cells"].isna().all()
                continue
            names: dict[str, Any] = {"path": path}
            exec(example(folder), names)  # noqa: S102 it is ours
            assert np.array_equal(names["cells"], trend.cells)
            shape = (9, place.planes, *place.extents)
            assert np.array_equal(names["planes"], trend.cells[:, :-2].reshape(shape))
            assert len(names["axes"]) == len(place.extents)


def test_sums_of_weights_and_values_come_out_in_their_units(recorded: str, tmp_path: Path) -> None:
    archive(recorded, 1, tmp_path / "archive")
    elements = read(tmp_path / "archive", "elements").set_index("path")
    with Store(recorded) as store:
        for place in store.layout("set", 1, "every"):
            one = elements.loc[place.element.path]
            assert (one.planes, one.bits, one.square_bits) == (
                place.planes,
                place.bits,
                place.square_bits,
            )
            assert one.kind == type(place.element).__name__
            assert json.loads(one.declaration)["path"] == place.element.path


def test_what_came_late_is_there_apart(recorded: str, tmp_path: Path) -> None:
    archive(recorded, 1, tmp_path / "archive")
    late = read(tmp_path / "archive", "contents", path="two/counts", late=True)
    assert late["lumisection"].isna().all()
    with Store(recorded) as store:
        cells = store.late("set", 1, "every").contents.cells
        place = store.layout("set", 1, "every")["two/counts"]
    assert np.array_equal(late["cells"][0], cells[place.offset : place.offset + place.size])


def test_accounts_conditions_reports_and_the_run_are_there(recorded: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    archive(recorded, 1, folder)
    lumisections = read(folder, "lumisections")
    assert lumisections["lumisection"].tolist() == list(range(1, 10))
    assert lumisections["seen"].tolist() == [10] * 9
    assert lumisections["late_seen"].tolist() == [0, 0, 0, 10, 0, 0, 0, 0, 0]
    assert json.loads(lumisections["account"][0])["sources"] == ["detector"]
    published = pd.Timestamp(1_700_000_000_000_000_001, tz="UTC")
    assert lumisections["published"][0] == published
    conditions = read(folder, "conditions")
    assert conditions["luminosity"].tolist() == [1.5 * n for n in range(1, 10)]
    assert [json.loads(dcs) for dcs in conditions["dcs"][2:4]] == [{"ecal": False}, {"ecal": True}]
    reports = read(folder, "reports", lumisection=3)
    assert reports["outcome"].tolist() == ["BAD", "BAD"]
    assert json.loads(reports["report"][0])["message"] == "no"
    assert json.loads((folder / "run.json").read_text())["last_lumisection"] == 9


def test_every_column_of_every_file_is_explained(recorded: str, tmp_path: Path) -> None:
    archive(recorded, 1, tmp_path / "archive")
    said = (tmp_path / "archive" / "README.md").read_text("utf-8")
    for file in (tmp_path / "archive").glob("*.parquet"):
        assert f"`{file.name}`" in said
    for column in pq.read_schema(tmp_path / "archive" / "contents.parquet").names:
        assert f"`{column}`" in said


def test_a_summed_run_is_archived_as_its_sum(recorded: str, tmp_path: Path) -> None:
    pruner = Pruner(recorded)
    pruner.prune(Retention(lumisections=Keep(runs=1)), 1_800_000_000_000_000_000)
    pruner.close()
    archive(recorded, 1, tmp_path / "archive")
    rows = read(tmp_path / "archive", "contents", path="one/counts", late=False)
    assert rows["lumisection"].isna().tolist() == [True]
    with Store(recorded) as store:
        contents = store.contents("set", 1, "every").contents
        place = store.layout("set", 1, "every")["one/counts"]
    assert np.array_equal(
        rows["cells"][0], contents.cells[place.offset : place.offset + place.size]
    )


def test_what_cannot_be_archived_is_refused(recorded: str, tmp_path: Path) -> None:
    with pytest.raises(NotStoredError, match="nothing is stored of run 77"):
        archive(recorded, 77, tmp_path / "absent")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(StoreError, match="has something in it"):
        archive(recorded, 1, tmp_path / "full")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"archive .*file.*exists"):
        archive(recorded, 1, tmp_path / "file")
