"""Hostile bodies: refused by name before anything is filled, and the next good one fills."""

import random
import resource
import runpy
from pathlib import Path

import pytest

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar, text
from dqmstream.booking.columns import decode_batch
from dqmstream.errors import MessageError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller

FOLDER = Path(__file__).parents[2] / "resources" / "hostile" / "arrow"
NAMES = sorted(path.stem for path in FOLDER.glob("*.expected"))
REASONS = {
    *("bad_arrow", "bad_columns", "bad_type", "batch_count"),
    *("compressed", "event_count", "nulls", "too_large"),
}
_LAYOUT = Layout(
    Workspace(
        "Hostile",
        "",
        [
            histogram("n", regular(5, 0, 5), fill="n"),
            histogram("pt", regular(5, 0, 5), fill="muon.pt", select="good"),
            histogram("q", integer(-2, 3), fill="muon.q", weight="n", weight_range=(0, 9)),
            profile("x", integer(0, 3), fill="count(muon)", value="x", value_range=(0, 9)),
            scalar("most", "max(muon.pt)", combine="max"),
            text("word", "word"),
        ],
    )
)


def _verdict(body: bytes, selected: int) -> str:
    """What becomes of a body: it is filled, or refused with a reason."""
    try:
        columns = decode_batch(body, selected=selected)
    except MessageError as refusal:
        return f"refused {refusal.reason}"
    WorkspaceFiller(_LAYOUT).fill(Contents.empty(_LAYOUT), columns, source="s", number=0)
    return "good"


def _expected(folder: Path, name: str) -> tuple[int, str]:
    selected, verdict = (folder / f"{name}.expected").read_text().splitlines()
    return int(selected.removeprefix("selected ")), verdict


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_body_is_refused_by_name_and_the_next_one_fills(name: str) -> None:
    selected, verdict = _expected(FOLDER, name)
    assert _verdict((FOLDER / f"{name}.bin").read_bytes(), selected) == verdict
    assert _verdict((FOLDER / "good.bin").read_bytes(), 3) == "good"


def test_every_reason_has_a_hostile_body() -> None:
    verdicts = {_expected(FOLDER, name)[1] for name in NAMES}
    assert verdicts == {"good", *(f"refused {reason}" for reason in REASONS)}


def test_the_script_still_makes_bodies_that_are_refused_alike(tmp_path: Path) -> None:
    """Their bytes may differ between releases of Arrow, their verdicts may not."""
    runpy.run_path(str(FOLDER.parent / "make_arrow.py"))["write"](tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in FOLDER.iterdir()
    )
    for name in NAMES:
        assert _expected(tmp_path, name) == _expected(FOLDER, name)
        selected, verdict = _expected(tmp_path, name)
        assert _verdict((tmp_path / f"{name}.bin").read_bytes(), selected) == verdict, name


def _damaged(rng: random.Random, bodies: list[bytes]) -> bytes:
    """A body with some bits, words or lengths changed, pieces cut out or put in."""
    body = bytearray(rng.choice(bodies))
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(5):
            case 0 if at < len(body):
                body[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(body):
                body[at] = rng.choice((0, 1, 127, 128, 255))
            case 2:
                word = rng.choice((b"\xff\xff\xff\x7f", b"\xff" * 4, bytes(4), rng.randbytes(4)))
                body[at // 4 * 4 : at // 4 * 4 + 4] = word
            case 3:
                del body[at : at + rng.randrange(40)]
            case _:
                body[at:at] = rng.randbytes(rng.randrange(16))
    return bytes(body)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_never_crashes_nor_asks_for_memory(seed: int) -> None:
    """Thousands of damaged bodies: each is refused for a known reason, or harmless and filled."""
    good = (FOLDER / "good.bin").read_bytes()
    bodies = [good, *((FOLDER / f"{name}.bin").read_bytes() for name in NAMES)] + [good] * 20
    rng = random.Random(seed)
    _verdict(good, 3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdicts = {_verdict(_damaged(rng, bodies), 3) for _ in range(2000)}
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert verdicts <= {"good", *(f"refused {reason}" for reason in REASONS)}
    assert {"good", "refused bad_arrow", "refused bad_type"} <= verdicts
    assert after - before < 200_000
