"""Tests that require something of an LS: judged early or late, the last reports are the same."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.published import Published

LAYOUT = Layout(
    Booking(
        workspace="w",
        elements=(Histogram(path="me", axes=(Integer(lower=0, upper=4, label="b"),), fill=("x",)),),
    )
)
TESTS = read_tests(
    """
[[quality_test]]
name = "always"
algorithm = "DeadChannel"
path = "me"
scope = "both"

[[quality_test]]
name = "in collisions"
algorithm = "DeadChannel"
path = "me"
require = "pileup > 5 and dcs.bpix"
""",
    "tests.toml",
)
COMPILED = compile_tests(TESTS, [LAYOUT]).workspaces


def piece(lumisection: int, through: int) -> HistogramSet:
    """A closed set of one partition; a newer one has more in it."""
    contents = Contents.empty(LAYOUT)
    contents.cells[1:5] = 500 + through
    return HistogramSet(
        set="s",
        run=1,
        lumisection=lumisection,
        segment=0,
        workspace="w",
        partition=0,
        partitions=1,
        booking=LAYOUT.hash,
        through=through,
        epoch=0,
        closed=True,
        whole=True,
        writer="filler",
        account=Account(),
        cells=contents.encode(),
    )


def conditions(lumisection: int, pileup: float | None, bpix: bool = True) -> Conditions:
    return Conditions(run=1, lumisection=lumisection, pileup=pileup, dcs={"bpix": bpix})


class World:
    """A comparator as its service drives it: sets, conditions, deaths; and what it published."""

    def __init__(self, *, held_bytes: int = 1 << 20) -> None:
        self.settings = ComparisonSettings(held_bytes=held_bytes)
        self.sets: list[HistogramSet] = []
        self.known: dict[tuple[int, int], Conditions] = {}
        self.published: list[QualityReports] = []
        self.comparison = self.fresh(Published())

    def fresh(self, published: Published) -> Comparison:
        return Comparison(
            COMPILED.get,
            self.settings,
            published=published,
            conditions=lambda run, lumisection: self.known.get((run, lumisection)),
        )

    def take(self, message: HistogramSet | Conditions) -> None:
        if isinstance(message, HistogramSet):
            self.published += self.comparison.apply(message, len(self.sets))
            self.sets.append(message)
        else:
            place = message.run, message.lumisection
            self.known[place] = message
            self.published += self.comparison.renew([place])

    def die_and_come_back(self, losing: int = 0) -> None:
        """Another life reads all sets again, knows all conditions, and what was published.

        The last `losing` messages had not been sent when it died.
        """
        del self.published[len(self.published) - losing :]
        published = Published(self.published)
        self.comparison = self.fresh(published)
        for offset, one in enumerate(self.sets):
            self.published += self.comparison.apply(one, offset)
        published.forget()
        self.published += self.comparison.renew()

    @property
    def last(self) -> dict[tuple[str, int], QualityReports]:
        """The newest reports by scope and LS, as readers keep them."""
        return {
            (one.scope, one.lumisection): msgspec.structs.replace(one, made=0)
            for one in self.published
        }

    def outcome(self, lumisection: int) -> tuple[Outcome, str]:
        reports = self.last["lumisection", lumisection].reports
        gated = next(one for one in reports if one.qtname == "in collisions")
        return gated.outcome, gated.message


def test_an_ls_without_conditions_is_not_run_and_judged_once_they_come() -> None:
    world = World()
    world.take(piece(1, 10))
    assert world.outcome(1) == (
        Outcome.NOT_RUN,
        "not judged: conditions unknown: requires pileup > 5 and dcs.bpix, "
        "knows dcs.bpix=? pileup=?",
    )
    world.take(conditions(1, 43.1))
    assert world.outcome(1)[0] is Outcome.GOOD
    assert world.last["lumisection", 1].conditions == "dcs.bpix=true pileup=43.1"
    assert world.last["run", 1].conditions == "", "a run has no conditions of one LS"


def test_other_conditions_than_required_disable_the_test_and_say_why() -> None:
    world = World()
    world.take(conditions(1, 2.5))
    world.take(piece(1, 10))
    assert world.outcome(1) == (
        Outcome.DISABLED,
        "not judged: requires pileup > 5 and dcs.bpix, the LS has dcs.bpix=true pileup=2.5",
    )


def test_conditions_that_change_nothing_asked_for_lead_to_no_new_reports() -> None:
    world = World()
    world.take(piece(1, 10))
    world.take(conditions(1, 43.1))
    before = len(world.published)
    world.take(msgspec.structs.replace(conditions(1, 43.1), recorded=0.3))
    world.take(conditions(2, 43.1))
    assert len(world.published) == before


def test_conditions_for_contents_no_longer_held_are_counted() -> None:
    world = World(held_bytes=0)
    world.take(piece(1, 10))
    world.take(conditions(1, 43.1))
    assert world.outcome(1)[0] is Outcome.NOT_RUN
    assert world.comparison.ignored == {"late_conditions": 1}


def test_a_restart_between_two_judgements_makes_up_for_the_second() -> None:
    world = World()
    world.take(piece(1, 10))
    world.take(piece(1, 20))
    world.take(conditions(1, 43.1))
    world.die_and_come_back(losing=1)
    assert world.last["lumisection", 1].versions == (20,)
    assert world.outcome(1)[0] is Outcome.GOOD


SETS = [piece(1, 10), piece(2, 12), piece(1, 20), piece(3, 22)]
TOLD = [
    conditions(1, None),
    conditions(2, 3.0),
    conditions(1, 43.1),
    conditions(3, 50.0, bpix=False),
    conditions(2, 44.0),
]


@given(st.data())
def test_the_order_of_sets_and_conditions_and_deaths_never_change_the_last_reports(
    data: st.DataObject,
) -> None:
    """Each topic keeps its own order; how they interleave, and when it dies, is free."""
    straight = World()
    for message in (*TOLD, *SETS):
        straight.take(message)
    world, sets, news = World(), list(SETS), list(TOLD)
    while sets or news:
        if news and (not sets or data.draw(st.booleans(), "conditions next")):
            world.take(news.pop(0))
        else:
            world.take(sets.pop(0))
        if data.draw(st.integers(0, 3), "death") == 0:
            losing = data.draw(st.integers(0, min(2, len(world.published))), "losing")
            world.die_and_come_back(losing)
    assert world.last == straight.last
