"""What a release needs, and what of it is not met."""

import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dqmstream.errors import ConfigurationError
from playback.comparing.dependencies import InstalledDistribution
from playback.comparing.requirements import Needs, needs_of_project, needs_of_wheel, unmet
from tests.wheels import write_wheel

HERE = {
    "x": InstalledDistribution(
        version="1.5", requires=("y>=3; extra == 'fast'", "z; extra == 'other'")
    ),
    "y": InstalledDistribution(version="2.0rc1"),
    "my-dqm": InstalledDistribution(version=""),
    "odd": InstalledDistribution(version="a-b-c"),
    "from-git": InstalledDistribution(version="1", address="https://example.org/from-git.git"),
}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("x", ""),
        ("X>=1,<2", ""),
        ("x>=2", "x>=2 (1.5 is installed)"),
        ("x[other]", "z (not installed)"),
        ("x[fast]", "y>=3 (2.0rc1 is installed)"),
        ("x[unknown]", ""),
        ("y>=1", ""),
        ("none", "none (not installed)"),
        ("none; python_version < '3'", ""),
        ("none; extra == 'test'", ""),
        ("my_dqm>=7", ""),
        ("odd", ""),
        ("odd>=1", "odd>=1 (a-b-c is installed)"),
        ("from-git @ https://example.org/from-git.git", ""),
        ("x @ https://me:secret@example.org/x.whl", "x from an address (1.5 is installed)"),
    ],
)
def test_a_requirement_is_met_or_said_with_what_is_there(requirement: str, expected: str) -> None:
    found = unmet(Needs(requirements=(Requirement(requirement),)), HERE)
    assert ", ".join(map(str, found)) == expected


def test_two_that_need_each_other_come_to_an_end() -> None:
    both = {
        "a": InstalledDistribution(version="1", requires=("b[e]; extra == 'e'",)),
        "b": InstalledDistribution(version="1", requires=("a[e]; extra == 'e'",)),
    }
    assert unmet(Needs(requirements=(Requirement("a[e]"),)), both) == ()


def test_a_wheel_says_what_it_needs(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "my-dqm", "1", {}, requires=["x>=2", "y"], python=">=3.11,<4")
    needs = needs_of_wheel(wheel, "wheel:w")
    assert [str(one) for one in needs.requirements] == ["x>=2", "y"]
    assert sys.version.split()[0] in needs.python
    assert needs.known


def test_what_is_no_wheel_or_asks_for_nonsense_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a-1-py3-none-any.whl"
    file.write_bytes(b"PK")
    with pytest.raises(ConfigurationError, match="wheel:w: no wheel with metadata"):
        needs_of_wheel(file, "wheel:w")
    with zipfile.ZipFile(file, "w"):
        pass
    with pytest.raises(ConfigurationError, match="wheel:w: no wheel with metadata"):
        needs_of_wheel(file, "wheel:w")
    wheel = write_wheel(tmp_path, "b", "1", {}, requires=["-x >"])
    with pytest.raises(ConfigurationError, match="wheel:w: no requirement"):
        needs_of_wheel(wheel, "wheel:w")
    with pytest.raises(ConfigurationError, match="cannot be understood: 'new'"):
        needs_of_wheel(write_wheel(tmp_path, "c", "1", {}, python="new"), "wheel:w")


def test_a_project_says_what_it_needs_unless_that_is_made_when_it_is_built() -> None:
    needs = needs_of_project({"name": "a", "dependencies": ["x>=2"]}, "git:a")
    assert [str(one) for one in needs.requirements] == ["x>=2"]
    assert needs.known
    assert not needs_of_project({"name": "a", "dynamic": ["dependencies"]}, "git:a").known
    with pytest.raises(ConfigurationError, match="expected a list of requirements, got 'x'"):
        needs_of_project({"name": "a", "dependencies": "x"}, "git:a")
