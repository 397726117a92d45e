"""Layout files of the CMS DQM GUI: what is mapped, what is not and why, and how it is laid out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.layouts.check import checked, written
from dqmstream.layouts.cms_elements import counterpart, rules
from dqmstream.layouts.cms_text import plain_text
from dqmstream.layouts.importing import ImportedLayouts, import_layouts
from dqmstream.layouts.layout import Cell, Draw, Reference
from dqmstream.workspaces.registry import load_workspaces


def taken(document: Any, known: Mapping[str, str] | None = None, **more: Any) -> ImportedLayouts:
    return import_layouts(json.dumps(document), "shift.json", known=known or {}, **more)


def plot(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, **more}


def only(found: ImportedLayouts) -> Cell:
    ((cell,),) = [tab.cells for tab in found.layouts[0].tabs]
    return cell


ELEMENTS = {one.path for booking in load_workspaces() for one in booking.elements}
PATTERNS = [rule.pattern for rule in rules() if rule.ours]


@given(st.sampled_from(PATTERNS).flatmap(lambda one: st.from_regex(one, fullmatch=True)))
def test_every_counterpart_is_an_element_of_a_shipped_workspace(cms: str) -> None:
    cells = counterpart(cms).cells
    assert cells
    assert ELEMENTS.issuperset(path for cell in cells for path in cell)


def test_every_rule_that_says_what_is_not_there_says_why() -> None:
    assert all(rule.why or rule.ours for rule in rules())
    assert len({rule.pattern.pattern for rule in rules()}) == len(rules())


@pytest.mark.parametrize(
    ("cms", "ours"),
    [
        ("BeamPixel/muX vs lumi", [("BeamSpot/PerLS/x",)]),
        (
            "Pixel/Clusters/OffTrack/position_siPixelClusters_mz_Disk_2",
            [("Pixel/DiskMinus2/position",)],
        ),
        (
            "SiStrip/MechanicalView/TEC/side_2/wheel_9/TkHMap_NumberOfOnTrackCluster_TECP_W9",
            [("SiStrip/TEC/Plus9/occupancy",)],
        ),
        (
            "Pixel/Barrel/ALLMODS_chargeCOMB_Barrel",
            [tuple(f"Pixel/Layer{number}/charge" for number in range(1, 5))],
        ),
        (
            "Tracking/TrackParameters/GeneralProperties/GoodTracks/GoodTrackPt_ImpactPoint_GenTk",
            [("Tracking/Parameters/pt",)],
        ),
    ],
)
def test_plots_of_the_same_quantity_are_counterparts(cms: str, ours: list[Any]) -> None:
    assert list(counterpart(cms).cells) == ours


@pytest.mark.parametrize(
    ("cms", "why"),
    [
        ("Pixel/Barrel/SUMDIG_adc_Barrel", "digis are not in the events"),
        ("L1T/L1TGCT/CenJetsOccEta", "jets are booked all together"),
        ("L1T/L1TGCT/TauJetsEtEtaPhi", "without weights"),
        ("HLT/FourVector/PathsSummary/HLT_Cosmics_Pass_Any", "by primary dataset"),
        ("Hcal/whatever", "no shipped workspace shows this"),
        ("L1T/L1TGT/algo_bits/more", "this board"),
    ],
)
def test_what_is_only_similar_is_not_taken_for_the_same(cms: str, why: str) -> None:
    assert not counterpart(cms).cells
    assert why in counterpart(cms).why


def test_a_plot_without_a_counterpart_keeps_its_path_and_is_named() -> None:
    found = taken({"00 Shift/Hcal/01 - Energy": [[plot("/Hcal//energy/")]]})
    assert only(found).paths == ("Hcal/energy",)
    assert (found.mapped, len(found.unmapped)) == (0, 1)
    (lost,) = found.unmapped
    assert (lost.where, lost.path) == ("00 Shift/Hcal/01 - Energy, row 1, plot 1", "Hcal/energy")
    assert lost.reason == "no shipped workspace shows this"


def test_what_is_booked_here_under_the_same_path_is_the_same() -> None:
    known = {"Hcal/energy": "hcal", "L1T/L1TGT/algo_bits": "gt"}
    found = taken({"A/p": [[plot("Hcal/energy"), plot("L1T/L1TGT/algo_bits")]]}, known)
    (layout,) = found.layouts
    assert [cell.paths[0] for cell in layout.tabs[0].cells] == list(known)
    assert (found.mapped, found.unmapped, layout.workspaces) == (2, (), ("gt", "hcal"))


def test_what_is_mapped_to_workspaces_that_are_not_booked_here_is_noted() -> None:
    pages = {"A/p": [[plot("L1T/L1TGCT/EtHad"), plot("L1T/L1TGCT/EtTotal")]]}
    found = taken(pages, {"L1T/Sums/HTT": "l1t"})
    assert found.mapped == 2
    assert found.notes == ("1 of 2 mapped plots are of workspaces not booked here",)


def test_a_folder_of_pages_with_one_plot_each_is_one_tab_with_their_names_as_titles() -> None:
    found = taken(
        {
            "00 Shift/Pixel/02 - Error_types": [[plot("b")]],
            "00 Shift/Pixel/01 - # of errors (all)": [[plot("a", description="Look!")]],
        }
    )
    (layout,) = found.layouts
    assert (layout.name, layout.title) == ("Shift/Pixel", "Pixel")
    (tab,) = layout.tabs
    assert [(cell.title, cell.paths) for cell in tab.cells] == [
        ("# of errors (all)", ("a",)),
        ("Error types", ("b",)),
    ]
    assert tab.cells[0].description == "Look!"


def test_pages_of_several_plots_are_tabs_whose_rows_fill_their_width() -> None:
    rows = [[plot("a"), plot("b")], [plot("c"), plot("d"), plot("e")], [plot("f")]]
    found = taken({"X/Layouts/1 - one": rows, "X/Layouts/2 - two": [[plot("g")]]})
    (layout,) = found.layouts
    first, second = layout.tabs
    assert (first.name, first.columns, second.name) == ("1 - one", 6, "2 - two")
    assert [cell.span for cell in first.cells] == [3, 3, 2, 2, 2, 6]
    five = [[plot(str(number)) for number in range(5)], [plot("x"), plot("y"), plot("z")]]
    (tab,) = taken({"X/p": five}).layouts[0].tabs
    assert (tab.columns, [cell.span for cell in tab.cells]) == (5, [1, 1, 1, 1, 1, 2, 2, 1])


def test_layouts_are_named_after_folders_without_the_numbers_that_order_them() -> None:
    folders = [
        "L1T/Layouts/10 GCT Expert/01 Central Jets",
        "A/1 - x",
        "A/2 - x",
        "Ecal µ/(all)",
        "a/b/c/d/e",
        "9",
    ]
    pages = {f"{folder}/p": [[plot("x")]] for folder in folders} | {"page": [[plot("x")]]}
    names = {layout.name for layout in taken(pages).layouts}
    assert names == {
        "L1T/GCT Expert/Central Jets",
        "A/1 - x",
        "A/2 - x",
        "Ecal _/_all_",
        "a/b/c/d e",
        "9",
        "shift",
    }
    two = {"A/p": [[plot("x")]], "B/C/p": [[plot("x")]]}
    assert [layout.name for layout in taken(two, name="Old").layouts] == ["Old/A", "Old/B/C"]


@pytest.mark.parametrize(
    ("options", "draw", "reference"),
    [
        ({}, Draw(), Reference()),
        ({"withref": "yes"}, Draw(), Reference()),
        ({"withref": "no"}, Draw(), Reference(choice="none")),
        ({"drawopts": "COLZ", "stats": "no"}, Draw(style="COLZ", stats=False), Reference()),
        (
            {"xtype": "lin", "ytype": "log", "ymin": "0.5", "ymax": 10},
            Draw(log_x=False, log_y=True, y_range=(0.5, 10.0)),
            Reference(),
        ),
        (
            {"x": {"type": "log", "min": 1, "max": 2}, "norm": "False"},
            Draw(log_x=True, x_range=(1.0, 2.0), normalise="none"),
            Reference(),
        ),
    ],
)
def test_draw_options_are_ours(options: dict[str, Any], draw: Draw, reference: Reference) -> None:
    found = taken({"A/p": [[plot("x", draw=options)]]})
    assert (only(found).draw, only(found).reference, found.notes) == (draw, reference, ())


def test_draw_options_that_are_none_of_ours_are_noted_and_left_out() -> None:
    options = {"ztype": "sqrt", "xmin": 5, "xmax": 1, "colour": "red"}
    found = taken({"A/p": [[plot("x", draw=options, width=3)]]})
    assert only(found).draw == Draw()
    assert found.notes == (
        "xmin 5 and xmax 1 are no range: left out",
        "ztype 'sqrt' is neither lin nor log: left out",
        "draw option 'colour' is unknown: left out",
        "'width' of a plot is unknown: left out",
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("none", ""),
        (
            'Rate (Hz).\n  More <a href="https://a.ch/b?c=1&amp;d">here</a>.',
            "Rate (Hz). More here (https://a.ch/b?c=1&d).",
        ),
        ("Fraction - <a href=https://a.ch/X>DQM</a> ", "Fraction - DQM (https://a.ch/X)"),
        ("<a href=https://a.ch>https://a.ch</a>", "https://a.ch"),
        ("<a href=https://a.ch><b>un</b>closed", "unclosed (https://a.ch)"),
        ("one<br>two<script>alert(1)</script><p>3 &lt; 4", "one\ntwo\n3 < 4"),
        ("#eta < 3 & p_{T}", "#eta < 3 & p_{T}"),
    ],
)
def test_descriptions_become_plain_text_with_the_addresses_of_links(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_overlays_are_drawn_over_the_plot() -> None:
    found = taken({"A/p": [[plot("L1T/L1TGCT/EtHad", overlays=["L1T/L1TGCT/EtTotal", "x/y"])]]})
    assert only(found).paths == ("L1T/Sums/HTT", "L1T/Sums/ETT", "x/y")
    assert (found.mapped, len(found.notes)) == (1, 1)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "expected a layout, an object with `layouts`"),
        ({}, "expected a layout"),
        ({"A/p": 3}, "page 'A/p': expected a list of rows, got a number"),
        ({"A/p": [3]}, "A/p, row 1: expected a list of plots, got a number"),
        ({"A/p": [[{}]]}, "A/p, row 1, plot 1: expected an object with a path, got an object"),
        ({"A/p": [[plot("x", draw=[1])]]}, "draw: expected an object, got a list"),
        ({"A/p": [[plot("x", overlays="y")]]}, "overlays: expected a list of paths"),
        ({"layouts": [{"name": "a"}]}, "layout 1: Object missing required field `tabs`"),
        ({"tabs": [], "name": "a"}, "0 tabs"),
    ],
)
def test_what_is_no_such_file_is_one_clear_error(document: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^shift.json: .*{says}"):
        taken(document)


def test_rows_that_are_names_and_paths_that_are_none_are_reported_and_left_out() -> None:
    found = taken({"A/%sX": ["gtfe_bx"], "B/p": [[plot("../x"), "y"], []]})
    assert [(one.path, one.reason.split(":")[0]) for one in found.unmapped] == [
        ("gtfe_bx", "a name where a row of plots was expected"),
        ("../x", "path '../x' is not a folder/name of printable characters without dots"),
        ("y", "no shipped workspace shows this"),
    ]
    assert [layout.name for layout in found.layouts] == ["B"]


def test_layouts_of_our_own_come_back_as_they_were_exported() -> None:
    found = taken({"A/p": [[plot("L1T/L1TGCT/EtHad", draw={"withref": "no"})]]})
    document = {"layouts": [msgspec.to_builtins(one) for one in found.layouts]}
    again = taken(document, {"L1T/Sums/HTT": "l1t"})
    assert (again.layouts, again.mapped, again.unmapped) == (found.layouts, 1, ())
    one = document["layouts"][0]
    assert taken(one).layouts == taken({"layout": one, "version": 3}).layouts == found.layouts
    assert taken(one).unmapped[0].reason == "is not booked here"
    assert taken(one, name="B/c").layouts[0].name == "B/c"
    with pytest.raises(ConfigurationError, match="more than one layout is named 'A'"):
        taken({"layouts": [one, one]})
    with pytest.raises(ConfigurationError, match="is not one of up to 4 parts"):
        taken(one, name="B/")


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.text("Ab 0-/%µ#_\n", max_size=12),
        st.lists(
            st.lists(
                st.builds(
                    plot,
                    st.sampled_from(["a", "DT/02-Segments/segmentSummary", "/", "x" * 300, "b/c"]),
                    description=st.text("<a href=>x&#", max_size=12),
                ),
                max_size=14,
            ),
            max_size=3,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_pages_all_plots_are_counted_once_and_layouts_can_be_shown(
    document: dict[str, Any],
) -> None:
    found = taken({f"{name}/": rows for name, rows in document.items()})
    plots = sum(len(row) for rows in document.values() for row in rows)
    assert found.mapped + len(found.unmapped) == plots
    assert len({layout.name for layout in found.layouts}) == len(found.layouts)
    for layout in found.layouts:
        checked(layout)
        assert taken(json.loads(written(layout))).layouts == (layout,)


FILES = {
    # file: layouts, plots that are mapped, plots that are not
    "beammonitor_overview_layouts.json": (1, 11, 0),
    "dt-layouts.json": (1, 1, 9),
    "l1t-layouts.json": (15, 10, 115),
    "pixel-layouts.json": (1, 12, 18),
    "shift_hlt_layout.json": (2, 0, 11),
    "shift_l1t_layout.json": (2, 2, 13),
    "shift_pixel_layout.json": (1, 8, 9),
    "shift_sistrip_layout.json": (1, 16, 19),
    "sistrip-layouts.json": (1, 50, 149),
}


@pytest.mark.realdata
def test_all_real_layout_files_are_read_with_so_many_plots_mapped(real_data: Path) -> None:
    folder = real_data / "qtests-layouts"
    found = {}
    for file in sorted(folder.glob("*layout*.json")):
        text = file.read_text(encoding="utf-8")
        one = import_layouts(text, file.name, known={})
        found[file.name] = (len(one.layouts), one.mapped, len(one.unmapped))
        assert not one.notes, file.name
        rows = [row for page in json.loads(text).values() for row in page]
        assert one.mapped + len(one.unmapped) == sum(
            1 if isinstance(row, str) else len(row) for row in rows
        )
        lost = {each.path for each in one.unmapped}
        for layout in one.layouts:
            checked(layout)
            for tab in layout.tabs:
                for cell in tab.cells:
                    assert ELEMENTS.issuperset(cell.paths) or lost.issuperset(cell.paths)
                    assert "<a" not in cell.description
    assert found == FILES
