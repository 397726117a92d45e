"""Trees of summaries: counts add up, the leaf to blame is one of the worst, nothing is hidden."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.summary import JUDGED, Summary, worst_of
from dqmstream.quality.summary_tree import SummaryNode, summary_map, summary_tree

names = st.sampled_from("abc")
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@st.composite
def reports(draw: st.DrawFn) -> list[QualityReport]:
    return [
        QualityReport(
            path=draw(paths),
            qtname=f"test {number}",
            algorithm="Any",
            outcome=draw(st.sampled_from(Outcome)),
            qtresult=draw(st.none() | st.floats(0, 1)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


def below(path: str, all_reports: list[QualityReport]) -> list[QualityReport]:
    return [r for r in all_reports if not path or (r.path + "/").startswith(path + "/")]


@settings(max_examples=40)
@given(reports())
def test_each_node_counts_what_is_below_it_and_blames_one_of_the_worst(
    found: list[QualityReport],
) -> None:
    tree = summary_tree(found)
    for path, node in [("", tree), *tree.walk()]:
        here = below(path, found)
        outcomes = [one.outcome for one in here]
        assert Counter(node.summary.counts) == Counter(outcomes)
        assert node.summary.not_judged == sum(
            one not in JUDGED and one is not Outcome.DISABLED for one in outcomes
        )
        assert tree.at(path) == node
        if not here:
            assert node.cause is None
            continue
        assert node.cause is not None
        assert node.cause.outcome is worst_of(outcomes) is node.summary.worst
        (blamed,) = [one for one in here if one.qtname == node.cause.qtname]
        assert (blamed.path, blamed.outcome) == (node.cause.path, node.cause.outcome)
        rivals = [
            o.qtresult for o in here if o.outcome is blamed.outcome and o.qtresult is not None
        ]
        assert not rivals or blamed.qtresult == min(rivals)


@settings(max_examples=40)
@given(reports(), reports(), reports())
def test_trees_add_up_in_any_order_and_grouping(
    one: list[QualityReport], two: list[QualityReport], three: list[QualityReport]
) -> None:
    named = [
        QualityReport(
            path=r.path,
            qtname=f"{number}",
            algorithm=r.algorithm,
            outcome=r.outcome,
            qtresult=r.qtresult,
        )
        for number, r in enumerate([*one, *two, *three])
    ]
    first, rest = named[: len(one)], named[len(one) :]
    a, b, c = (summary_tree(part) for part in (first, rest[: len(two)], rest[len(two) :]))
    assert (a + b) + c == a + (b + c) == c + (b + a) == summary_tree(named)
    assert a + SummaryNode() == a


@settings(max_examples=40)
@given(reports(), st.integers(0, 5))
def test_a_cut_tree_says_the_same_of_what_it_shows(found: list[QualityReport], depth: int) -> None:
    tree = summary_tree(found)
    cut = tree.cut(depth)
    for path, node in cut.walk():
        whole = tree.at(path)
        assert whole is not None
        assert (node.summary, node.cause) == (whole.summary, whole.cause)
        assert path.count("/") < depth
    assert cut.summary == tree.summary


@settings(max_examples=40)
@given(st.dictionaries(names, reports(), max_size=3))
def test_the_map_has_a_fraction_for_each_part(found: dict[str, list[QualityReport]]) -> None:
    shown = summary_map({name: summary_tree(each) for name, each in found.items()})
    assert shown.keys() == found.keys()
    for parts in shown.values():
        for fraction in parts.values():
            assert fraction is None or 0 <= fraction <= 1


def test_a_map_begins_where_paths_part() -> None:
    def report(path: str, outcome: Outcome) -> QualityReport:
        return QualityReport(path=path, qtname="t", algorithm="Any", outcome=outcome)

    tree = summary_tree(
        [
            report("Pixel/Barrel/charge", Outcome.GOOD),
            report("Pixel/Barrel/size", Outcome.BAD),
            report("Pixel/Endcap/charge", Outcome.INSUFFICIENT),
        ]
    )
    assert summary_map({"pixel": tree}) == {"pixel": {"Barrel": 0.5, "Endcap": None}}
    assert tree.summary == Summary({Outcome.GOOD: 1, Outcome.BAD: 1, Outcome.INSUFFICIENT: 1})
    assert tree.cause is not None
    assert tree.cause.path == "Pixel/Barrel/size"
