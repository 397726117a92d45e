"""Hostile files: each is reported as expected, and the next good file reads fully."""

import runpy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.listing import list_streamer_files
from dqmstream.sources.cms.report import FLAWS, REFUSALS, FileReport

FOLDER = Path(__file__).parents[3] / "resources" / "hostile" / "streamer"
NAMES = sorted(path.stem for path in FOLDER.glob("*.expected"))
PRODUCTS = {"branches_unknown", "broken_payload", "unknown_class"}
"""Reasons that only a setting brings up, that asks for products. Tested apart."""
ELSEWHERE = {"file_unreadable", "init_paths", "selection_unmatched"} | PRODUCTS
"""Reasons that no small file can give: the operating system, a limit, a setting. Tested apart."""


def read(folder: Path, name: str) -> FileReport:
    """Report of one case, read through whichever of its files is there."""
    path = folder / f"{name}.jsn"
    file = StreamerFile(path if path.exists() else path.with_suffix(".dat"))
    for batch in file.batches():
        batch.validate(full=True)
    return file.report


def facts(report: FileReport) -> dict[str, int]:
    """What a report says, in the words of the `.expected` files."""
    counts = {
        "selected": report.selected,
        "unreadable": report.unreadable_bytes,
        "missing": report.missing_events,
        "metadata": report.metadata_messages,
        **{f"refused {reason}": count for reason, count in report.refused.items()},
        **{f"flaw {reason}": count for reason, count in report.flaws.items()},
    }
    return {name: count for name, count in counts.items() if count}


def expected(name: str) -> dict[str, int]:
    """What the `.expected` file of a case says."""
    lines = (FOLDER / f"{name}.expected").read_text().splitlines()
    counts = {fact: int(count) for fact, _, count in (line.rpartition(" ") for line in lines)}
    return {fact: count for fact, count in counts.items() if count}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_reported_and_the_next_one_reads(name: str) -> None:
    """All counts are as expected, exactly; every finding says where; good data still come out."""
    report = read(FOLDER, name)
    assert facts(report) == expected(name), report.sentences()
    assert report.complete
    assert report.events == (
        report.selected + report.unselected + report.prescaled + report.refused_events
    )
    assert len(report.findings) == sum(report.refused.values()) + sum(report.flaws.values())
    assert facts(read(FOLDER, "good")) == {"selected": 3}


def test_every_reason_has_a_hostile_file() -> None:
    """A refusal that nothing ever gives would be a claim without proof."""
    given_reasons = {fact.split()[1] for name in NAMES for fact in expected(name) if " " in fact}
    assert given_reasons | ELSEWHERE == set(REFUSALS) | set(FLAWS)
    assert given_reasons.isdisjoint(ELSEWHERE)


def test_the_corpus_is_what_its_script_makes(tmp_path: Path) -> None:
    """If this fails: `python tests/resources/hostile/make_streamer.py` and look at the change."""
    script = runpy.run_path(str(FOLDER.parent / "make_streamer.py"))
    script["write"](tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert sorted(made) == sorted(kept)
    assert made == kept
    assert max(map(len, kept.values())) < 4000


def test_a_folder_of_hostile_files_is_listed() -> None:
    """What says where it belongs is grouped, the rest is skipped by name; nothing is lost."""
    listing = list_streamer_files([FOLDER])
    listed = {path.stem for group in listing.groups for path in group.paths}
    skipped = {file.path.stem for file in listing.skipped}
    assert {"good", "payload_flipped"} <= listed
    assert {"web_page", "jsn_is_text", "dat_missing"} <= skipped
    assert listed | skipped == set(NAMES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_any_damage_is_counted_and_nothing_raises(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    """Random bytes anywhere and a random end: the account still adds up."""
    content = bytearray((FOLDER / "good.dat").read_bytes())
    for offset, byte in changes:
        content[offset % len(content)] = byte
    del content[max(1, len(content) - cut) if cut < 400 else len(content) :]
    dat = tmp_path / "damaged.dat"
    dat.write_bytes(content)
    (tmp_path / "damaged.jsn").write_bytes(
        (FOLDER / "good.jsn").read_bytes().replace(b"good", b"damaged")
    )
    report = read(tmp_path, "damaged")
    assert report.complete
    assert report.size == len(content)
    assert 0 <= report.unreadable_bytes <= report.size
    assert report.events == report.selected + report.refused_events
    # Of the INIT, this form of .jsn covers nothing, and its own checksum only the payload.
    first_event = int.from_bytes((FOLDER / "good.dat").read_bytes()[1:5], "little")
    if content[first_event:] != (FOLDER / "good.dat").read_bytes()[first_event:]:
        assert report.selected < 3 or report.flaws or report.refused
