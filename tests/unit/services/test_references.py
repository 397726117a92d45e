"""The catalogue as comparators follow it: on the log in memory and in a folder, damage included."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from dqmstream.clock import SystemClock
from dqmstream.histograms.layout import Layout
from dqmstream.messages.references import Reference
from dqmstream.messages.topics import REFERENCES
from dqmstream.quality.inputs import ChosenBand, ChosenReference, NoReference
from dqmstream.references.banding import band_of
from dqmstream.references.contents import Packed, ReferenceData, pack
from dqmstream.references.making import Decision, decided
from dqmstream.store.testing import EVERY_KIND, random_contents
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.memory import MemoryLog
from services.comparator.known_references import KnownReferences
from services.references.held import HeldContents
from services.references.known import KnownCatalogue
from services.references.publishing import contents_records, decision_records
from tests.filled import make_topics
from tests.unit.references.made import DAY, reference, wanted

LAYOUT = Layout(EVERY_KIND)
PATH = "one/counts"
RETIRED = Decision(status="retired", who="ann", why="menu", when=200 * DAY)


@pytest.fixture(params=["memory", "folder"])
async def log(request: Any, tmp_path: Path) -> AsyncIterator[Log]:
    if request.param == "memory":
        made: Log = MemoryLog(SystemClock())
        await make_topics(made, 1)
        yield made
        return
    settings = EmbeddedSettings(fsync=False)
    async with EmbeddedLog.open(tmp_path, clock=SystemClock(), settings=settings) as opened:
        await make_topics(opened, 1)
        yield opened


def version(seed: int, part: int = 200, **fields: Any) -> tuple[Reference, Packed, ReferenceData]:
    """A version of workspace `pixel` with random contents, in several parts."""
    rng = np.random.default_rng(seed)
    contents = random_contents(LAYOUT, rng, entries=50)
    contents.invalid.clear()
    bands = {}
    if fields.get("kind") == "band":
        place = LAYOUT[PATH]
        cells = np.stack([contents.cells[place.offset : place.offset + place.size]] * 3)
        bands[PATH] = band_of(place, cells, "entries")
    data = ReferenceData(contents=contents, bands=bands)
    packed = pack(data, part)
    fields = {"digest": packed.digest, "parts": len(packed.messages), "size": packed.size} | fields
    return reference(**fields), packed, data


async def publish(log: Log, made: Reference, packed: Packed) -> None:
    await log.send(contents_records(packed.messages))
    await log.send(decision_records(made, "make"))


async def test_what_was_there_and_what_comes_is_compared_with(log):
    first, packed, data = version(1)
    assert len(packed.messages) > 2
    await publish(log, first, packed)
    async with KnownReferences(log).reading() as known:
        (chosen,) = known(wanted(PATH))
        assert isinstance(chosen, ChosenReference)
        assert (chosen.version, chosen.name) == (first.id, "golden #1")
        assert chosen.contents.equals(data.contents)
        assert chosen.element.element.path == PATH
        second, packed, data = version(2, number=2)
        await publish(log, second, packed)
        assert await known.news()
        (chosen,) = known(wanted(PATH))
        assert chosen.version == second.id
        assert chosen.contents.equals(data.contents)
        assert not await known.news()


async def test_a_decision_takes_effect_and_contents_that_were_let_go_come_back(log):
    first, packed, data = version(1)
    second, more, _ = version(2, number=2)
    await publish(log, first, packed)
    await publish(log, second, more)
    async with KnownReferences(log).reading() as known:
        after = decided(second, RETIRED)
        await log.send(decision_records(after, "retire"))
        await known.news()
        (chosen,) = known(wanted(PATH))
        assert chosen.version == first.id
        assert chosen.contents.equals(data.contents), "read from the log again"
        await log.send(decision_records(decided(first, RETIRED), "retire"))
        await known.news()
        none = known(wanted(PATH))
        assert none == NoReference(f"no reference for {PATH}: there is none in the catalogue")


async def test_a_band_is_given_with_its_unit_and_none_is_made_up(log):
    band, packed, data = version(3, kind="band", per="entries")
    await publish(log, band, packed)
    async with KnownReferences(log).reading() as known:
        chosen = known(wanted(PATH, kind="band"))
        assert isinstance(chosen, ChosenBand)
        assert (chosen.version, chosen.per, chosen.members) == (band.id, "entries", 3)
        np.testing.assert_array_equal(chosen.centre, data.bands[PATH].centre)
        none = known(wanted("two/counts", kind="band"))
        assert isinstance(none, NoReference)
        assert "has no band of it" in none.why
        none = known(wanted("no/such", kind="band"))
        assert isinstance(none, NoReference)
        assert "does not have this element" in none.why


async def test_a_version_whose_contents_are_not_whole_is_passed_over_and_told(log):
    first, packed, _ = version(1, rank=1)
    await publish(log, first, packed)
    torn, parts, _ = version(2, name="torn", rank=0)
    await log.send(contents_records(parts.messages[:-1]))
    await log.send(decision_records(torn, "make"))
    async with KnownReferences(log).reading() as known:
        (chosen,) = known(wanted(PATH))
        assert chosen.version == first.id
        none = known(wanted(PATH, name="torn"))
        assert isinstance(none, NoReference)
        assert "torn #1 has contents that are not in the log whole" in none.why
        await log.send(contents_records(parts.messages[-1:]))
        await known.news()
        (chosen,) = known(wanted(PATH))
        assert chosen.version == torn.id


async def test_damaged_records_harm_nobody(log):
    first, packed, data = version(1)
    forged = msgspec.structs.replace(first, name="forged")
    bent = [msgspec.structs.replace(one, body=one.body[::-1]) for one in packed.messages]
    other = msgspec.structs.replace(bent[0], digest="f" * 32, parts=1)
    await log.send(decision_records(forged, "make"))
    await log.send(contents_records([other]))
    broken, _, _ = version(4, name="broken", rank=-5, digest="f" * 32, parts=1)
    await log.send(decision_records(broken, "make"))
    junk = Outgoing(topic=REFERENCES, partition=0, key=b"x", value=b"junk", headers=())
    await log.send([junk, Outgoing(topic=REFERENCES, partition=0, key=b"y", value=None)])
    await publish(log, first, packed)
    async with KnownReferences(log).reading() as known:
        (chosen,) = known(wanted(PATH))
        assert chosen.version == first.id
        assert chosen.contents.equals(data.contents)


async def test_memory_is_bounded_and_what_does_not_stand_is_not_held(log):
    held = HeldContents("test", unpacked=1)
    known = KnownCatalogue(log, "test", held)
    versions = []
    for number in range(1, 5):
        made, packed, data = version(number, number=number)
        await publish(log, made, packed)
        versions.append((made, data))
    async with known.reading():
        assert [held.whole(made.digest) for made, _ in versions] == [False, False, False, True]
        for made, data in versions:
            assert (await known.fetched(made)).contents.equals(data.contents)


async def test_what_is_remembered_of_a_choice_is_what_would_be_chosen_anew(log):
    """Other LSs, conditions, moments and kinds of one element, asked in any order and again."""
    expiring, packed, _ = version(1, name="short", rank=0, expires=150 * DAY)
    await publish(log, expiring, packed)
    lasting, packed, _ = version(2, name="long", rank=1)
    await publish(log, lasting, packed)
    asked = [
        wanted(path, **more)
        for path in (PATH, "two/counts", "no/such")
        for more in (
            {},
            {"lumisection": 8},
            {"moment": 151 * DAY},
            {"conditions": None},
            {"name": "long"},
            {"most": 2},
            {"kind": "band"},
        )
    ]
    async with KnownReferences(log).reading() as known:
        for one in (*asked, *reversed(asked), *asked):
            async with KnownReferences(log).reading() as anew:
                assert told(known(one)) == told(anew(one)), one
    assert told(known(wanted(PATH))) == [expiring.id]
    assert told(known(wanted(PATH, moment=151 * DAY))) == [lasting.id]
    assert told(known(wanted(PATH, most=2))) == [expiring.id, lasting.id]


def told(chosen: Any) -> Any:
    """What was chosen, or why nothing was."""
    if isinstance(chosen, tuple):
        return [one.version for one in chosen]
    return chosen.why if isinstance(chosen, NoReference) else chosen.version
