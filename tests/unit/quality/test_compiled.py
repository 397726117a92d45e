"""Compiling: which elements each test judges."""

from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Category, Histogram, Integer, Scalar, Text
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests


def declared(name: str, path: str, workspace: str = "*", algorithm: str = "DeadChannel") -> str:
    return (
        f'[[quality_test]]\nname = "{name}"\nalgorithm = "{algorithm}"\n'
        f'path = "{path}"\nworkspace = "{workspace}"\n'
    )


def test_a_test_finds_its_elements_in_every_workspace_it_names(channels) -> None:
    tests = read_tests(declared("a", "*/occupancy", "p*") + declared("b", "*/x"), "f")
    pixel = Booking(workspace="pixel", elements=(channels("Pixel/occupancy", 3),))
    ecal = Booking(workspace="ecal", elements=(channels("Ecal/occupancy", 3),))
    compiled = compile_tests(tests, [pixel, Layout(ecal)])
    found = compiled.workspaces[Layout(pixel).hash]
    assert [one.declared.name for one in found.tests] == ["a"]
    assert found.tests[0].elements[0].element.path == "Pixel/occupancy"
    assert compiled.workspaces[Layout(ecal).hash].tests == ()
    assert compiled.unmatched == ("b",)


def test_elements_of_one_shape_are_judged_in_one_stack(channels) -> None:
    elements = (channels("a", 3), channels("b", 4), channels("c", 3), channels("d", 3, 3))
    booking = Booking(workspace="w", elements=elements)
    compiled = compile_tests(read_tests(declared("t", "*"), "f"), [booking])
    (test,) = compiled.workspaces[Layout(booking).hash].tests
    groups = [[one.element.path for one in group] for group in test.groups]
    assert groups == [["a", "c"], ["b"], ["d"]]


def test_what_an_algorithm_cannot_judge_is_kept_with_the_reason() -> None:
    elements = (
        Scalar(path="scalar", value="event", combine="sum"),
        Text(path="text", value="name"),
        Histogram(path="category", axes=(Category(codes=(1, 2)),), fill=("x",)),
        Histogram(path="one", axes=(Integer(lower=0, upper=1),), fill=("x",)),
        Histogram(path="cube", axes=(Integer(lower=0, upper=2),) * 3, fill=("x",) * 3),
    )
    booking = Booking(workspace="w", elements=elements)
    ranged = declared("x", "*", algorithm="ContentsXRange") + "parameters = {xmin = 0}\n"
    tests = read_tests(declared("n", "*", algorithm="NoisyChannel") + ranged, "f")
    noisy, x_range = compile_tests(tests, [booking]).workspaces[Layout(booking).hash].tests
    assert {one.element.path: why for one, why in noisy.refused} == {
        "scalar": "needs a histogram or profile in 1 or 2 dimensions, got a scalar",
        "text": "needs a histogram or profile in 1 or 2 dimensions, got a text",
        "one": "needs at least 2 bins",
        "cube": "needs a histogram or profile in 1 or 2 dimensions, "
        "got a histogram in 3 dimensions",
    }
    assert {one.element.path for one, _ in x_range.refused} == {
        "scalar",
        "text",
        "category",
        "cube",
    }
