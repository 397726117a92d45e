"""Files of conditions: what each form says, in which units, and what cannot be used."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from dqmstream.conditions.files import read_conditions
from dqmstream.conditions.oms import conditions_of
from dqmstream.errors import DqmError, SourceError
from dqmstream.messages.operations import Conditions

ROW = {
    "run_number": 381208,
    "lumisection_number": 7,
    "fill_number": 9673,
    "pileup": 60.5,
    "delivered_lumi_per_lumisection": 0.466,
    "recorded_lumi_per_lumisection": 0.45,
    "prescale_index": 2,
    "prescale_name": "2p0E34",
    "beams_stable": True,
    "physics_flag": True,
    "cms_active": True,
    "bpix_ready": True,
    "fpix_ready": False,
}
BRILCALC = """#Data tag : 19v3 , Norm tag: None
#run:fill,ls,time,hltpath,delivered(/fb),recorded(/fb),avgpu,source
306929:6404,2:2,11/21/17 17:37:11,HLT_A,0.000003729,0.000003615,53.0,HFET
306929:6404,3:0,11/21/17 17:37:35,HLT_A,0.000002915,0.000002874,41.4,HFET
306929:6404,4:4,11/21/17 17:37:35,HLT_A,nan,0.000002874,41.4,HFET
306929:6404,5:5,11/21/17
#Summary:
"""


def write(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def columns(*rows: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def only(path: Path) -> Conditions:
    (row,) = read_conditions([path])
    return row


def test_columns_of_oms_come_out_in_stated_units(tmp_path: Path) -> None:
    row = only(write(tmp_path / "a.json", columns(ROW)))
    assert row == Conditions(
        run=381208,
        lumisection=7,
        fill=9673,
        beam_mode="STABLE BEAMS",
        luminosity=pytest.approx(0.466e36 / (2**18 / 11245.5)),
        pileup=60.5,
        prescale_index=2,
        prescale_name="2p0E34",
        delivered=0.466,
        recorded=0.45,
        beams_stable=True,
        physics=True,
        dcs={"bpix": True, "fpix": False},
    )


def test_all_forms_of_the_same_rows_say_the_same(tmp_path: Path) -> None:
    rows = [ROW, ROW | {"lumisection_number": 8, "pileup": None}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    zipped = gzip.compress(json.dumps(columns(*rows)).encode())
    paths = [
        write(tmp_path / "a.json", rows),
        write(tmp_path / "b.json", columns(*rows)),
        tmp_path / "c.parquet",
        write(tmp_path / "d.json.gz", zipped),
    ]
    first, *others = ([*read_conditions([path])] for path in paths)
    assert [row.pileup for row in first] == [60.5, None]
    assert all(other == first for other in others)


def test_what_is_missing_stays_missing(tmp_path: Path) -> None:
    row = {"run_number": 1, "lumisection_number": 1, "prescale_index": -1, "fill_number": 0}
    nothing = ROW.keys() - row.keys()
    path = write(tmp_path / "a.json", [row | dict.fromkeys(nothing)])
    assert only(path) == Conditions(run=1, lumisection=1)
    assert only(write(path, [row | {"pileup": 0}])).pileup == 0.0, "0 is what was said"


def test_an_ls_has_what_the_sums_over_the_fill_rise_by_until_the_next(tmp_path: Path) -> None:
    """The sums stand at the start of the LS; after a hole, a fall or at the end nobody knows."""
    sums = {1: (9.0, 6.0), 2: (9.2, 6.1), 4: (9.6, 6.4), 5: (0.1, 0.1)}
    rows = [
        {"run_number": 1, "lumisection_number": n, "delivered_lumi": d, "recorded_lumi": r}
        | {"init_lumi": 0.9, "end_lumi": 0.7, "beam1_stable": True, "beam2_stable": n > 1}
        for n, (d, r) in sums.items()
    ]
    table = read_conditions([write(tmp_path / "a.json", rows)]).of_run(1)
    assert table[1].delivered == pytest.approx(0.2)
    assert table[1].recorded == pytest.approx(0.1)
    assert [table[n].delivered for n in (2, 4, 5)] == [None, None, None]
    assert table[1].luminosity == pytest.approx(0.8e34)
    assert [row.beams_stable for row in table.values()] == [False, True, True, True]


def test_the_energy_is_that_of_the_lumisection_or_else_of_its_run_or_fill(tmp_path: Path) -> None:
    """In GeV of a beam; 0 is none."""
    energies = {1: 450.0, 2: 0, 3: None}
    rows = [
        {"run_number": 7, "lumisection_number": n, "fill_number": 9, "energy": energy}
        for n, energy in energies.items()
    ]
    lumisections = write(tmp_path / "ls.json", rows)
    runs = write(tmp_path / "runs.json", [{"run_number": 7, "energy": 6499}])
    fills = write(
        tmp_path / "fills.json",
        [
            {"fill_number": 9, "energy": 6499.56},
            {"fill_number": 10, "energy": 0.0},
            {"fill_number": None, "energy": 1.0},
            {"fill_number": 11, "energy": -1},
        ],
    )
    known = {
        names: [row.energy for row in read_conditions([lumisections, *more])]
        for names, more in {"": [], "runs": [runs], "fills": [fills], "both": [fills, runs]}.items()
    }
    assert known == {
        "": [450, None, None],
        "runs": [450, 6499, 6499],
        "fills": [450, 6499.56, 6499.56],
        "both": [450, 6499, 6499],
    }
    assert read_conditions([lumisections, fills]).rejected == {"no_fill": 1, "bad_value": 1}


@pytest.mark.parametrize(
    ("unit", "energy", "expected"),
    [("GeV", "6800", 6800.0), ("TeV", "6.8", 6800.0), ("GeV", "0", None)],
)
def test_brilcalc_says_the_energy_beside_the_status(
    tmp_path: Path, unit: str, energy: str, expected: float | None
) -> None:
    table = f"""#Data tag : 24v1 , Norm tag: None
#run:fill,ls,time,beamstatus,E({unit}),delivered(/ub),recorded(/ub),avgpu,source
381143:9666,4:4,05/24/24 11:04:03,STABLE BEAMS,{energy},466000.0,450000.0,60.5,HFET
381143:9666,5:5,05/24/24 11:04:26,STABLE BEAMS,-1,466000.0,450000.0,60.5,HFET
"""
    found = read_conditions([write(tmp_path / "a.csv", table.encode())])
    (row,) = found
    assert (row.energy, row.beam_mode) == (expected, "STABLE BEAMS")
    assert row.delivered == pytest.approx(0.466)
    assert found.rejected == {"bad_value": 1}


def test_records_without_numbers_are_the_lumisections_in_order(tmp_path: Path) -> None:
    rows = [{"run_number": 5, "bpix_ready": False}, {"run_number": 5, "bpix_ready": True}]
    table = read_conditions([write(tmp_path / "a.json", rows)]).of_run(5)
    assert {n: row.dcs for n, row in table.items()} == {1: {"bpix": False}, 2: {"bpix": True}}


def test_records_without_numbers_are_counted_by_run(tmp_path: Path) -> None:
    """Also those that cannot be used: the ones after them keep their LSs."""
    rows = [
        {"run_number": run, "bpix_ready": flag}
        for run, flag in ((5, True), (6, 7), (5, False), (6, True), (5, True))
    ]
    table = read_conditions([write(tmp_path / "a.json", rows)])
    assert [(row.run, row.lumisection) for row in table] == [(5, 1), (5, 2), (5, 3), (6, 2)]
    assert table.rejected == {"bad_value": 1}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_record_without_a_number_beside_others_that_have_one_is_of_no_lumisection(
    tmp_path: Path, place: int
) -> None:
    rows: list[dict[str, Any]] = [ROW | {"lumisection_number": number} for number in (3, 4, 5)]
    del rows[place]["lumisection_number"]
    table = read_conditions([write(tmp_path / "a.json", rows)])
    assert table.rejected == {"no_lumisection": 1}
    expected = [number for number in (3, 4, 5) if number != place + 3]
    assert [row.lumisection for row in table] == expected


@pytest.mark.parametrize("digits", [400, 4000])
@pytest.mark.parametrize("name", ["run_number", "lumisection_number", "pileup", "bpix_ready"])
def test_a_number_of_hundreds_of_digits_costs_no_other_row(
    tmp_path: Path, name: str, digits: int
) -> None:
    rows = [ROW | {name: 10**digits}, ROW | {"lumisection_number": 8}]
    table = read_conditions([write(tmp_path / "a.json", rows)])
    assert table.rejected == {"bad_value": 1}
    assert [row.lumisection for row in table] == [8]


@pytest.mark.parametrize(
    "bad",
    [
        "1:2,1:100000000000000000000000,3",
        "99999999999999999999999999999:2,1:1,3",
        "1:99999999999999999999999999999,1:1,3",
        "1:2,1:1," + "9" * 200_000,
        "1:2,1:1," + "9" * 5_000_000,
        "1:2,1:1,3\0,4",
    ],
    ids=["ls", "run", "fill", "long", "longer", "cells"],
)
def test_a_row_of_brilcalc_that_cannot_be_costs_no_other(tmp_path: Path, bad: str) -> None:
    text = f"#run:fill,ls,avgpu\n{bad}\n1:2,4:4,5\n"
    table = read_conditions([write(tmp_path / "a.csv", text.encode())])
    assert [(row.run, row.lumisection, row.pileup) for row in table] == [(1, 4, 5.0)]
    assert table.rejected == {"bad_value": 1}


def test_tables_of_runs_give_fill_and_run_type_where_they_are_not_known(tmp_path: Path) -> None:
    known = ROW | {"lumisection_number": 8, "fill_number": 9674}
    lumisections = write(tmp_path / "a.json", [ROW | {"fill_number": None}, known])
    runs = [{"run_number": 381208, "fill_number": 9673, "l1_hlt_mode": "collisions2024"}]
    table = read_conditions([write(tmp_path / "b.json", runs), lumisections])
    assert [(row.fill, row.run_type) for row in table] == [
        (9673, "collisions2024"),
        (9674, "collisions2024"),
    ]
    assert not table.contradictions, "a run may go on into the next fill"


def test_tables_of_brilcalc_are_converted_and_unusable_rows_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BRILCALC.encode())
    table = read_conditions([path])
    assert table.rejected == {"no_lumisection": 1, "bad_value": 2}
    (row,) = table
    assert (row.run, row.lumisection, row.fill, row.pileup) == (306929, 2, 6404, 53.0)
    assert row.delivered == pytest.approx(3.729e-3)
    assert row.luminosity == pytest.approx(3.729e-3 * 1e36 / (2**18 / 11245.5))
    picobarns = write(path, BRILCALC.replace("(/fb)", "(/pb)").encode())
    assert only(picobarns).delivered == pytest.approx(3.729e-6)


def test_of_files_that_differ_the_first_is_believed_and_the_field_counted(tmp_path: Path) -> None:
    first = write(tmp_path / "a.json", [ROW | {"pileup": None}])
    other = ROW | {"pileup": 7.0, "fill_number": 1, "fpix_ready": True, "tob_ready": True}
    table = read_conditions([first, write(tmp_path / "b.json", [other])])
    assert table.contradictions == {"fill": 1, "dcs.fpix": 1}
    (row,) = table
    assert (row.fill, row.pileup) == (9673, 7.0)
    assert row.dcs == {"bpix": True, "fpix": False, "tob": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run_number", "381208"),
        ("run_number", 0),
        ("run_number", True),
        ("lumisection_number", 1.5),
        ("lumisection_number", 1 << 30),
        ("pileup", "much"),
        ("bpix_ready", 1),
        ("prescale_name", 7),
        ("fill_number", 1 << 60),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_and_the_next_one_works(
    tmp_path: Path, name: str, value: Any
) -> None:
    rows = [ROW | {name: value}, ROW | {"lumisection_number": 8}]
    table = read_conditions([write(tmp_path / "a.json", rows)])
    assert table.rejected == {"bad_value": 1}
    assert [row.lumisection for row in table] == [8]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "unknown_format"),
        (b"\x00\x01", "unknown_format"),
        (b"{", "broken"),
        (b'{"run_number": [1, 2], "pileup": [1]}', "broken"),
        (b'{"run_number": 5}', "broken"),
        (b"[1, 2]", "unknown_format"),
        (b'[{"event": 1}]', "unknown_format"),
        (b"PAR1 and no more", "broken"),
        (b"\x1f\x8bno gzip", "broken"),
        (gzip.compress(b"{}", mtime=0)[:-4], "broken"),
        (b"# a comment\n1,2\n", "unknown_format"),
        (b"#run:fill,ls,delivered(hz/ub)\n", "unknown_unit"),
        (b"#run:fill,delivered(/fb)\n1:2,3\n", "unknown_format"),
        (b"[" * 200_000, "broken"),
        (b"#run:fill\xff", "broken"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(SourceError, match=r"a\.file") as caught:
        read_conditions([write(tmp_path / "a.file", content)])
    assert caught.value.reason == reason


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"file_missing: .*nowhere\.json"):
        read_conditions([tmp_path / "nowhere.json"])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.sampled_from([*ROW, "init_lumi", "end_lumi"]), anything)))
def test_whatever_is_in_records_comes_out_right_or_as_a_reason(rows: list[dict[str, Any]]) -> None:
    found = list(conditions_of(rows))
    assert len(found) == len(rows)
    assert all(isinstance(one, Conditions | DqmError) for one in found)


@pytest.mark.realdata
def test_the_lumisections_of_2024_are_all_read(real_data: Path) -> None:
    eras = [real_data / f"oms-lumisections/omsdata_Run2024{era}-v1.json.gz" for era in "BEI"]
    table = read_conditions(eras)
    assert (len(table), len(table.runs), len(table.of_run(381208))) == (77863, 429, 2391)
    assert not table.rejected
    assert not table.contradictions
    rows = list(table)
    assert sum(row.prescale_index is None for row in rows) == 8641
    # Most fills had 2340 colliding bunches: pile-up and luminosity fit together at 80 mb.
    full = [row for row in rows if (row.delivered or 0) > 0.4]
    expected = [row.pileup * 2340 * 11245.5 / 80e-27 for row in full]
    agree = [abs(row.luminosity / one - 1) < 0.01 for row, one in zip(full, expected, strict=True)]
    assert sum(agree) > 0.85 * len(full) > 10_000


@pytest.mark.realdata
def test_the_lumisections_of_2018_are_all_read_with_the_fills_of_their_runs(
    real_data: Path,
) -> None:
    folder = real_data / "oms-lumisections"
    names = ("ls_df_2018.parquet", "run_df_2018.parquet", "omsrundata_2018.parquet")
    table = read_conditions([folder / name for name in names])
    assert (len(table), len(table.runs)) == (100_000, 779)
    assert (table.runs[0], table.runs[-1]) == (314206, 316082)
    assert not table.rejected
    row = table.of_run(315322)[51]
    assert (row.fill, row.run_type) == (6617, "collisions2018")
    assert row.luminosity == pytest.approx(7.95e33, rel=1e-3)
    assert row.delivered == pytest.approx(0.1853, rel=1e-3)
    assert row.delivered == pytest.approx(row.luminosity * (2**18 / 11245.5) / 1e36, rel=1e-3)


@pytest.mark.realdata
def test_the_run_registry_and_brilcalc_give_their_figures(real_data: Path) -> None:
    registry = read_conditions([real_data / "certification/rr_lumisections_run328645.json.gz"])
    assert (len(registry), registry.runs) == (94, (328645,))
    last = registry.of_run(328645)[94]
    assert (last.luminosity, last.pileup, last.physics) == (None, None, False)
    assert (last.dcs["bpix"], last.dcs["tob"], "rp_time" in last.dcs) == (False, True, False)
    low = read_conditions([real_data / "trends/brilcalc_byls_2017H_lowPU.csv.gz"])
    assert (len(low), len(low.runs), len({row.fill for row in low})) == (12001, 23, 6)
    # The file's own sums: 0.207166047 and 0.199706278 /fb.
    assert sum(row.delivered or 0 for row in low) == pytest.approx(207.166, abs=1e-3)
    assert sum(row.recorded or 0 for row in low) == pytest.approx(199.706, abs=1e-3)
