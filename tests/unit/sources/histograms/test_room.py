"""Memory: what would not fit is refused with a sentence, before or while it is unpacked."""

import gzip
import json
import zipfile
from pathlib import Path

import boost_histogram as bh
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from dqmstream.errors import SourceError
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.reading import open_files
from dqmstream.sources.histograms.room import Room
from services.importing.collecting import collect

RUN = Description(run=7)
BINS = 20_000
LUMISECTIONS = 5
ALL_BYTES = 8 * BINS * LUMISECTIONS


def _rows() -> list[dict[str, object]]:
    """Numbers that pack to nothing."""
    row = {"run": 7, "hname": "h", "xbins": BINS, "xmin": 0.0, "xmax": 1.0, "histo": [0.0] * BINS}
    return [row | {"lumi": number} for number in range(1, LUMISECTIONS + 1)]


def _csv(path: Path) -> None:
    names = ["run", "lumi", "hname", "histo", "xbins", "xmin", "xmax"]
    lines = [",".join(names)]
    lines += [",".join(f'"{row[name]}"' for name in names) for row in _rows()]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))


def _json(path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps(_rows()).encode()))


def _parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(_rows()), path)


def _npz(path: Path) -> None:
    np.savez_compressed(path, h=np.zeros((LUMISECTIONS, BINS)))


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("h", data=np.zeros((LUMISECTIONS, BINS)), compression="gzip")


def _root(path: Path) -> None:
    empty = bh.Histogram(bh.axis.Regular(BINS, 0, 1))
    with uproot.recreate(path) as file:
        for number in range(1, LUMISECTIONS + 1):
            file[f"run7_ls{number}_h"] = empty


WRITERS = {
    "t.csv.gz": _csv,
    "t.json.gz": _json,
    "t.parquet": _parquet,
    "t.npz": _npz,
    "t.hdf5": _hdf5,
    "t.root": _root,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_small_file_that_unpacks_to_much_is_refused_by_every_reader(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    assert path.stat().st_size < ALL_BYTES / 4, "it is packed"
    (file,) = open_files([path], RUN)
    assert len(list(file.histograms())) == LUMISECTIONS
    with pytest.raises(SourceError, match=f"{name}.*{ALL_BYTES // 2}") as refused:
        list(file.histograms(Room(ALL_BYTES // 2)))
    assert refused.value.reason == "file_too_large"


def test_an_array_that_claims_more_than_any_machine_has_is_refused_unread(tmp_path: Path) -> None:
    """Chunks that nobody wrote: a few hundred bytes say that they are 8 TB."""
    path = tmp_path / "claims.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("h", (1 << 20, 1000, 1000), np.float64, chunks=(1, 1000, 1000))
    assert path.stat().st_size < 10_000
    with pytest.raises(SourceError, match=r"8388608000000 bytes unpacked.*import fewer") as refused:
        collect([path], RUN, workspace="w", writer="test")
    assert refused.value.reason == "file_too_large"


def test_an_array_that_is_shorter_than_it_says_is_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "lies.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1000), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("h.npy", b"\x93NUMPY\x01\x00v\x00" + header)
    (file,) = open_files([path], RUN)
    with pytest.raises(SourceError, match=r"lies\.npz as npz") as refused:
        list(file.histograms())
    assert refused.value.reason == "file_unreadable"


def test_an_endless_line_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "line.csv.gz"
    path.write_bytes(gzip.compress(b"run,lumi," * 1_000_000))
    (file,) = open_files([path], RUN)
    with pytest.raises(SourceError, match="a line of more than 1000 characters"):
        list(file.histograms(Room(1000)))


def test_the_files_of_an_import_share_the_room(tmp_path: Path) -> None:
    """All of them are kept until they are fitted together."""
    for name in ("one.npz", "two.npz"):
        _npz(tmp_path / name)
    one, two = open_files([tmp_path / "one.npz", tmp_path / "two.npz"], RUN)
    room = Room(ALL_BYTES * 3 // 2)
    assert len(list(one.histograms(room))) == LUMISECTIONS
    with pytest.raises(SourceError, match=r"two\.npz.* after \d+ of what came before"):
        list(two.histograms(room))
