"""Which reference is chosen: by rank, validity and age, whatever order versions come in."""

import random
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import MessageError
from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import Reference, RunWindow, Validity
from dqmstream.quality.inputs import Wanted
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.identity import next_version, same_but_for_number
from dqmstream.references.making import Decision, decided
from tests.unit.references.made import DAY, reference, wanted

WORDS = ("pp*", "cosmics*", "hi_run")
VALID = st.builds(
    Validity,
    run_types=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
    beam_modes=st.sampled_from([(), ("STABLE BEAMS",), ("FLAT TOP",)]),
    prescales=st.sampled_from([(), ("2p0E34",), ("1p0*",)]),
    energies=st.sampled_from([(), (6799.0,), (450.0, 6800.0), (450.0,)]),
    first_run=st.sampled_from([None, 1, 400_001, 400_002]),
    last_run=st.sampled_from([None, 400_000, 400_001, 500_000]),
)
WINDOWS = st.sampled_from(
    [
        (),
        (RunWindow(run=399_000, set="s", lumisections=((1, 100),)),),
        (RunWindow(run=400_001, set="s", lumisections=((1, 5),)),),
        (RunWindow(run=400_001, set="s", lumisections=((6, 9),)),),
    ]
)


@st.composite
def references(draw: st.DrawFn, workspaces: tuple[str, ...] = ("pixel", "muon")) -> Reference:
    made = reference(
        draw(st.sampled_from(["golden", "old", "cosmics"])),
        draw(st.integers(1, 4)),
        workspace=draw(st.sampled_from(workspaces)),
        kind=draw(st.sampled_from(["run", "lumisections", "band", "file"])),
        paths=draw(st.sampled_from([("**",), ("pixel/charge",), ("muon/*", "pixel/size")])),
        rank=draw(st.integers(-1, 2)),
        valid=draw(VALID),
        windows=draw(WINDOWS),
        expires=draw(st.sampled_from([None, 99 * DAY, 101 * DAY])),
        made=draw(st.integers(1, 5)) * DAY,
    )
    for when in draw(st.lists(st.integers(1, 9), max_size=2)):
        status = draw(st.sampled_from(["accepted", "retired", "proposed"]))
        made = msgspec.structs.replace(made, status=status, changed=made.changed + when)
    return made


WANTED = st.builds(
    wanted,
    path=st.sampled_from(["pixel/charge", "pixel/size", "pixel/other"]),
    kind=st.sampled_from(["histogram", "band"]),
    name=st.sampled_from(["", "golden", "none such"]),
    most=st.integers(1, 3),
    conditions=st.sampled_from(
        [
            None,
            Conditions(run=400_001, lumisection=7),
            wanted().conditions,
            Conditions(run=400_001, lumisection=7, run_type="cosmics_run", beam_mode="FLAT TOP"),
        ]
    ),
)


@given(many=st.lists(references(), max_size=12), asked=WANTED, seed=st.integers())
def test_the_order_in_which_versions_come_does_not_matter(many, asked, seed):
    shuffled = [*many, *many]
    random.Random(seed).shuffle(shuffled)
    one, other = Catalogue(many), Catalogue(shuffled)
    assert one.versions == other.versions
    assert one.choose(asked) == other.choose(asked)


@given(
    many=st.lists(references(("pixel",)), max_size=8),
    more=references(("muon",)),
    asked=WANTED,
)
def test_a_reference_of_another_workspace_changes_nothing(many, more, asked):
    assert Catalogue(many).choose(asked) == Catalogue([*many, more]).choose(asked)


@given(many=st.lists(references(("pixel",)), max_size=8), asked=WANTED, data=st.data())
def test_taking_away_one_that_was_not_chosen_changes_no_choice(many, asked, data):
    """But a version that another of its name stands before; and what the reason tells."""
    catalogue = Catalogue(many)
    choice = catalogue.choose(asked)
    others = [one for one in catalogue.versions if one not in choice.references]
    if not others:
        return
    gone = data.draw(st.sampled_from(others))
    if catalogue.stands(gone) and len(catalogue.history(gone.name, gone.workspace)) > 1:
        return  # the one before it stands then
    left = Catalogue(one for one in catalogue.versions if one != gone)
    assert left.choose(asked).references == choice.references


@given(many=st.lists(references(("pixel",)), max_size=10), asked=WANTED)
def test_what_is_chosen_may_be_and_what_is_not_is_told(many, asked):
    """Never one that expired, was retired, or holds what is judged; every one before it told."""
    catalogue = Catalogue(many)
    choice = catalogue.choose(asked)
    assert len(choice.references) <= asked.most
    for one in choice.references:
        assert one.status == "accepted"
        assert one.workspace == asked.workspace
        assert one.expires is None or one.expires > asked.moment
        assert one.kind == "band" or asked.kind == "histogram"
        assert not any(
            window.run == asked.run
            and (
                one.kind == "run"
                or any(a <= asked.lumisection <= b for a, b in window.lumisections)
            )
            for window in one.windows
        )
        newer = [
            other
            for other in catalogue.history(one.name, one.workspace)
            if other.status == "accepted" and other.number > one.number
        ]
        assert not newer, "a later version of the name stands"
    if not choice.references:
        assert choice.why_none
        if not asked.name:
            kinds = [
                one
                for one in catalogue.chain("pixel")
                if (one.kind == "band") == (asked.kind == "band")
            ]
            assert len(choice.tried) == len(kinds)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"expires": 99 * DAY}, "expired on 1970-04-10"),
        ({"status": "retired"}, ""),
        ({"valid": Validity(run_types=("cosmics*",))}, "run type cosmics*, which is 'pp_run'"),
        ({"valid": Validity(beam_modes=("RAMP", "FLAT TOP"))}, "beam mode RAMP or FLAT TOP"),
        ({"valid": Validity(prescales=("1p*",))}, "prescale column 1p*, which is '2p0E34'"),
        ({"valid": Validity(first_run=400_002)}, "is good from run 400002 on"),
        ({"valid": Validity(last_run=400_000)}, "was good up to run 400000"),
        ({"paths": ("pixel/size",)}, "is of other elements"),
        (
            {"kind": "run", "windows": (RunWindow(run=400_001, set="s", lumisections=((1, 2),)),)},
            "is made of this very run",
        ),
        (
            {"windows": (RunWindow(run=400_001, set="s", lumisections=((6, 8),)),)},
            "is made of this very LS",
        ),
    ],
)
def test_why_a_reference_was_passed_over_is_told_and_the_next_is_taken(fields, why):
    first, second = reference("first", 3, rank=0, **fields), reference("second", rank=1)
    alone, both = Catalogue([first]).choose(wanted()), Catalogue([first, second]).choose(wanted())
    assert alone.references == ()
    assert why in alone.why_none
    assert both.references == (second,)


def test_what_is_not_known_of_an_lumisection_is_not_what_a_reference_asks_for():
    strict = reference(valid=Validity(run_types=("pp*",)))
    why = Catalogue([strict]).choose(wanted(conditions=None)).why_none
    assert why == "golden #1 is good for run type pp*, which is not known"


def test_a_later_version_takes_the_place_and_gives_it_back_when_it_is_retired():
    first = reference(number=1)
    second = next_version(reference(reason="certified anew"), [first])
    catalogue = Catalogue([second, first])
    assert second.number == 2
    assert catalogue.choose(wanted()).references == (second,)
    catalogue.take(decided(second, Decision(status="retired", who="a", why="bad", when=1)))
    assert catalogue.choose(wanted()).references == (first,)
    again = decided(catalogue[second.id], Decision(status="accepted", who="a", why="no", when=2))
    catalogue.take(again)
    catalogue.take(second)  # the record before, read again
    assert catalogue.choose(wanted()).references == (again,)


def test_a_version_that_comes_while_another_thread_makes_a_chain_is_in_the_next_one():
    first, second = reference("golden", 1), reference("golden", 2)

    class Interrupted(Catalogue):
        @property
        def versions(self) -> tuple[Reference, ...]:
            found = super().versions
            self.take(second)  # as the event loop does between two steps of the other thread
            return found

    catalogue = Interrupted([first])
    assert catalogue.chain("pixel") == (first,)
    assert catalogue.chain("pixel") == (second,)


def test_at_one_rank_the_newest_is_first_and_several_come_in_the_order_of_the_chain():
    one, two, three = (
        reference(name, made=day * DAY) for name, day in [("a", 1), ("b", 3), ("c", 2)]
    )
    catalogue = Catalogue([one, two, three])
    assert catalogue.choose(wanted(most=2)).references == (two, three)
    assert catalogue.choose(wanted(most=5)).references == (two, three, one)


def test_a_band_is_used_as_a_histogram_only_where_it_is_asked_for_by_name():
    band, plain = reference("band", kind="band", rank=-1), reference("plain")
    catalogue = Catalogue([band, plain])
    assert catalogue.choose(wanted()).references == (plain,)
    assert catalogue.choose(wanted(name="band")).references == (band,)
    assert catalogue.choose(wanted(kind="band")).references == (band,)
    assert "is no band" in catalogue.choose(wanted(kind="band", name="plain")).why_none


@pytest.mark.parametrize(
    "field", ["name", "workspace", "number", "paths", "digest", "expires", "valid"]
)
def test_a_version_that_was_changed_is_refused(field):
    changed: dict[str, Any] = {
        "name": "other", "workspace": "muon", "number": 2, "paths": ("a",), "digest": "1" * 32,
        "expires": 5, "valid": Validity(first_run=1),
    }  # fmt: skip
    forged = msgspec.structs.replace(reference(), **{field: changed[field]})
    with pytest.raises(MessageError, match="expected"):
        Catalogue([forged])


def test_the_same_made_again_is_known_by_all_but_its_number():
    one = reference()
    assert same_but_for_number(one, next_version(one, [one]))
    assert not same_but_for_number(one, reference(reason="another"))


# ---------------------------------------------------------------------- energy


def at_energy(energy: float | None) -> Conditions:
    return msgspec.structs.replace(wanted().conditions, energy=energy)


@pytest.mark.parametrize(
    ("energy", "name"),
    [
        (450.0, "injection"),
        (6800.0, "physics"),
        (6745.0, "physics"),
        (6500.0, "any"),
        (None, "any"),
    ],
)
def test_the_energy_of_the_beams_chooses_and_is_the_same_within_a_percent(energy, name):
    catalogue = Catalogue(
        [
            reference("injection", valid=Validity(energies=(450.0,))),
            reference("physics", valid=Validity(energies=(3500.0, 6799.0))),
            reference("any"),
        ]
    )
    choice = catalogue.choose(wanted(conditions=at_energy(energy)))
    assert [one.name for one in choice.references] == [name]


def test_a_version_that_asks_for_no_energy_has_the_id_that_it_had_before_energies():
    """Made by the release before: everything that stands in catalogues is known by its id."""
    assert reference().id == "4682a345da3225c0"
    valid = Validity(
        run_types=("pp*",),
        beam_modes=("STABLE BEAMS",),
        prescales=("2p0E34",),
        first_run=5,
        last_run=7,
    )
    assert reference(valid=valid).id == "8bc08b1b351f5d02"
    energetic = msgspec.structs.replace(valid, energies=(450.0,))
    assert reference(valid=energetic).id != reference(valid=valid).id


# ------------------------------------------------------------------ which is first


def is_good(one: Reference, asked: Wanted) -> bool:
    """Said anew, for an LS of run 400001 that all is known of."""
    known, valid = asked.conditions, one.valid

    def fits(patterns: tuple[str, ...], value: str) -> bool:
        return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)

    expired = one.expires is not None and one.expires <= asked.moment
    of_itself = any(
        window.run == asked.run
        and (
            one.kind == "run"
            or any(asked.lumisection in range(a, b + 1) for a, b in window.lumisections)
        )
        for window in one.windows
    )
    runs = range(valid.first_run or 0, (valid.last_run or 10**9) + 1)
    return (
        not expired
        and not of_itself
        and asked.run in runs
        and fits(valid.run_types, known.run_type)
        and fits(valid.beam_modes, known.beam_mode)
        and fits(valid.prescales, known.prescale_name)
        and (not valid.energies or any(abs(known.energy - e) <= 68 for e in valid.energies))
        and ("**" in one.paths or asked.path in one.paths)
    )


def criteria(one: Reference) -> int:
    valid = one.valid
    said = [valid.run_types, valid.beam_modes, valid.prescales, valid.energies]
    said.append(valid.first_run or valid.last_run)
    return sum(bool(each) for each in said) + ("**" not in one.paths)


@given(
    many=st.lists(references(), max_size=14),
    path=st.sampled_from(["pixel/charge", "pixel/size", "pixel/other"]),
    moment=st.sampled_from([98, 99, 100, 101, 102]).map(lambda day: day * DAY),
    seed=st.integers(),
)
def test_of_one_rank_the_good_one_that_asks_for_most_is_chosen_and_of_equals_the_newest(
    many, path, moment, seed
):
    """As a simple search over all versions says, at any moment of asking."""
    # Of one id what was decided last counts; of a name the greatest number that is accepted.
    held = {one.id: one for one in sorted(many, key=lambda one: (one.changed, one.status))}
    standing: dict[str, Reference] = {}
    for one in sorted(held.values(), key=lambda one: (one.number, one.id)):
        if (one.workspace, one.status) == ("pixel", "accepted"):
            standing[one.name] = one
    asked = wanted(path=path, moment=moment)
    good = [one for one in standing.values() if one.kind != "band" and is_good(one, asked)]
    random.Random(seed).shuffle(many)
    found = Catalogue(many).choose(asked).references
    assert bool(found) == bool(good)
    if good:
        best = min(good, key=lambda one: (one.rank, -criteria(one), -one.made, one.name))
        assert found == (best,)


def test_a_reference_for_the_conditions_is_before_a_newer_one_for_all():
    special = reference("special", valid=Validity(run_types=("pp*",), energies=(6800.0,)))
    general = reference("general", 2)
    element = reference("element", paths=("pixel/charge",))
    catalogue = Catalogue([general, element, special])
    assert catalogue.chain("pixel") == (special, element, general)
    ranked = reference("general", 3, rank=-1)
    catalogue.take(ranked)
    assert catalogue.chain("pixel") == (ranked, special, element), "a rank outweighs it"


@given(expires=st.integers(1, 2**62), by=st.sampled_from([-1, 0, 1]))
def test_a_reference_expires_at_its_moment_to_the_nanosecond(expires, by):
    catalogue = Catalogue([reference(expires=expires), reference("older", made=0)])
    (found,) = catalogue.choose(wanted(moment=expires + by)).references
    assert found.name == ("golden" if by < 0 else "older")
