"""The tests file: what it says, and what it is refused for."""

import math
from dataclasses import replace

import msgspec
import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Element
from dqmstream.quality.algorithm import Algorithm, Findings, Parameters
from dqmstream.quality.algorithms.channels import DeadChannel
from dqmstream.quality.algorithms.range import ContentsXRange
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import Stack

FULL = """
[[quality_test]]
name = "dead modules"
algorithm = "DeadChannel"
workspace = "pix*"
path = "Pixel/*"
scope = "both"
min_entries = 10
warning = 0.99
error = 0.9
enabled = false

[quality_test.parameters]
threshold = 2
sigmas = 6

[[quality_test]]
name = "charge"
algorithm = "ContentsXRange"
path = "regex:Pixel/.*charge"
parameters = {xmin = 10}
"""


def test_a_file_says_all_there_is_to_say() -> None:
    dead, charge = read_tests(FULL, "tests.toml")
    assert dead == QualityTest(
        name="dead modules",
        algorithm="DeadChannel",
        workspace="pix*",
        path="Pixel/*",
        scopes=("lumisection", "run"),
        min_entries=10,
        warning=0.99,
        error=0.9,
        enabled=False,
        parameters=DeadChannel(threshold=2, sigmas=6.0),
    )
    assert charge.parameters == ContentsXRange(xmin=10.0, xmax=math.inf)
    assert (charge.workspace, charge.scopes, charge.enabled) == ("*", ("lumisection",), True)


def test_what_is_not_said_is_the_default_of_the_algorithm() -> None:
    _, charge = read_tests(FULL, "tests.toml")
    default = ALGORITHMS["ContentsXRange"]
    assert (charge.min_entries, charge.warning, charge.error) == (
        default.min_entries,
        default.warning,
        default.error,
    )


def test_one_threshold_moves_the_default_of_the_other_out_of_its_way() -> None:
    head = '[[quality_test]]\nname = "a"\nalgorithm = "ContentsXRange"\npath = "*"\n'
    tail = "\nparameters = {xmin = 0}"
    (low,) = read_tests(f"{head}warning = 0.3{tail}", "f")
    (high,) = read_tests(f"{head}error = 0.95{tail}", "f")
    assert (low.warning, low.error) == (0.3, 0.3)
    assert (high.warning, high.error) == (0.95, 0.95)


def test_an_empty_file_declares_nothing() -> None:
    assert read_tests("", "tests.toml") == ()


def test_equal_declarations_have_equal_hashes_and_others_do_not() -> None:
    tests = read_tests(FULL, "tests.toml")
    assert content_hash(tests) == content_hash(read_tests(FULL, "elsewhere.toml"))
    changed = read_tests(FULL.replace("sigmas = 6", "sigmas = 7"), "tests.toml")
    assert content_hash(tests) != content_hash(changed)


GOOD = {
    "name": '"charge"',
    "algorithm": '"ContentsXRange"',
    "path": '"Pixel/*"',
    "parameters": "{xmin = 1.0}",
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warnings": "0.5"}, "key 'warnings' is unknown, did you mean 'warning'"),
        ({"name": None}, "quality test number 1: key 'name' is missing"),
        ({"name": '"a\\nb"'}, "key 'name': 'a.+b' has characters that cannot be printed"),
        ({"name": '"spectrum@run"'}, "key 'name': 'spectrum@run' ends as a scope does"),
        ({"name": '"a@b@last:5"'}, "key 'name': 'a@b@last:5' ends as a scope does"),
        ({"path": None}, "'charge': key 'path' is missing"),
        ({"path": '""'}, "'charge': key 'path': expected a pattern"),
        ({"path": '"regex:("'}, "'charge': key 'path': 'regex:\\(' is not a pattern"),
        ({"workspace": '"regex:*"'}, "key 'workspace'"),
        ({"algorithm": '"contentsxrange"'}, "is unknown, did you mean 'ContentsXRange'"),
        ({"algorithm": '"Comp3RefChi2"'}, "'Comp3RefChi2' is unknown"),
        ({"scope": '"lumi"'}, "key 'scope': Invalid enum value 'lumi'"),
        ({"warning": "1.5"}, "key 'warning': Expected `float` <= 1.0, got 1.5"),
        ({"error": "-0.1"}, "key 'error'"),
        ({"warning": "nan"}, "key 'warning': expected a number, got nan"),
        ({"warning": "0.5", "error": "0.6"}, "key 'error': 0.6 is above warning 0.5"),
        ({"min_entries": "1.5"}, "key 'min_entries': Expected `int"),
        ({"min_entries": "-1"}, "key 'min_entries'"),
        ({"enabled": '"no"'}, "key 'enabled': Expected `bool`"),
        ({"parameters": "3"}, "key 'parameters': Expected `object`"),
        ({"parameters": "{}"}, "parameters: expected xmin, xmax or both"),
        ({"parameters": "{xmim = 1}"}, "'parameters.xmim' is unknown, did you mean 'xmin'"),
        ({"parameters": "{xmin = nan}"}, "key 'parameters.xmin': expected a number, got nan"),
        ({"parameters": "{xmin = '1'}"}, "key 'parameters.xmin': Expected `float`, got `str`"),
        ({"parameters": "{xmin = 2, xmax = 1}"}, "xmin is 2, above xmax 1"),
    ],
)
def test_a_mistake_is_named_by_file_test_and_key(
    changes: dict[str, str | None], message: str
) -> None:
    keys = {key: value for key, value in (GOOD | changes).items() if value is not None}
    text = "[[quality_test]]\n" + "\n".join(f"{key} = {value}" for key, value in keys.items())
    with pytest.raises(ConfigurationError, match=rf"^tests\.toml: .*{message}"):
        read_tests(text, "tests.toml")


@pytest.mark.parametrize(
    ("algorithm", "parameters", "message"),
    [
        ("DeadChannel", "{threshold = -1}", "parameters.threshold"),
        ("DeadChannel", "{share = 0}", "parameters.share"),
        ("NoisyChannel", "{neighbours = 0}", "parameters.neighbours"),
        ("NoisyChannel", "{sigmas = 31}", "parameters.sigmas"),
        ("MeanWithinExpected", "{}", "expected xmin, xmax or both"),
        ("MeanWithinExpected", "{mean = 1, xmin = 0}", "either a finite mean, or xmin"),
        ("MeanWithinExpected", "{mean = inf}", "either a finite mean"),
        ("MeanWithinExpected", "{mean = 1, sigma = 1, use_rms = true}", "use_rms or sigma"),
        ("ContentsYRange", "{ymin = 3, ymax = 1}", "ymin is 3, above ymax 1"),
    ],
)
def test_parameters_out_of_their_range_are_refused(
    algorithm: str, parameters: str, message: str
) -> None:
    keys = GOOD | {"algorithm": f'"{algorithm}"', "parameters": parameters}
    text = "[[quality_test]]\n" + "\n".join(f"{key} = {value}" for key, value in keys.items())
    with pytest.raises(ConfigurationError, match=message):
        read_tests(text, "tests.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[quality_test]", "not TOML"),
        ("quality_test = 3", "expected tables"),
        ("quality_test = [3]", "number 1: expected a table"),
        ("[[quality_tests]]", "'quality_tests' is unknown, did you mean 'quality_test'"),
    ],
)
def test_what_is_no_tests_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^tests\.toml: .*{message}"):
        read_tests(text, "tests.toml")


def test_two_tests_of_one_name_are_refused() -> None:
    one = '[[quality_test]]\nname = "a"\nalgorithm = "DeadChannel"\npath = "*"\n'
    with pytest.raises(ConfigurationError, match="two quality tests are named 'a'"):
        read_tests(one * 2, "tests.toml")


class Always(Parameters, frozen=True, kw_only=True):
    answer: float


def test_an_algorithm_is_added_by_passing_it() -> None:
    def measure(stack: Stack, parameters: Always) -> Findings:
        raise NotImplementedError

    def refusal(_: Element) -> str:
        return ""

    always = Algorithm(
        name="Always",
        parameters=Always,
        measure=measure,
        refusal=refusal,
        warning=0.5,
        error=0.1,
        min_entries=1,
    )
    text = '[[quality_test]]\nname = "a"\nalgorithm = "Always"\npath = "*"\n'
    algorithms = {**ALGORITHMS, "Always": always}
    (test,) = read_tests(text + "parameters = {answer = 1}", "f", algorithms)
    assert test.parameters == Always(answer=1.0)
    with pytest.raises(ConfigurationError, match=r"key 'parameters\.answer' is missing"):
        read_tests(text, "f", algorithms)


class Careless(Parameters, frozen=True, kw_only=True):
    """Of an algorithm of somebody else."""

    def __post_init__(self) -> None:
        raise KeyError(self)


@pytest.mark.parametrize(
    "careless", [{"parameters": Careless}, {"counts": lambda _: 1 / 0}], ids=["read", "asked"]
)
def test_parameters_that_an_algorithm_fails_to_read_are_a_mistake_in_the_file(careless) -> None:
    mine = replace(ALGORITHMS["DeadChannel"], **careless)
    text = '[[quality_test]]\nname = "a"\nalgorithm = "DeadChannel"\npath = "*"\n'
    with pytest.raises(ConfigurationError, match=r"^f: quality test 'a': parameters: .*failed"):
        read_tests(text, "f", {"DeadChannel": mine})


def test_the_file_of_the_release_can_be_read() -> None:
    names = [test.name for test in default_tests()]
    assert names
    assert len(set(names)) == len(names)


def test_every_algorithm_stands_under_its_own_name_with_usable_defaults() -> None:
    for name, algorithm in ALGORITHMS.items():
        assert name == algorithm.name
        assert 0 <= algorithm.error <= algorithm.warning <= 1
        assert issubclass(algorithm.parameters, msgspec.Struct)
