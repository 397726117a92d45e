"""What a release runs in. What cannot be made ready is said in a sentence."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dqmstream.errors import ConfigurationError
from playback.comparing import installation, programs
from playback.comparing.choice import read_choice
from playback.comparing.distributions import GROUPS
from playback.comparing.environment import environment_of
from playback.comparing.identity import GROUPS as GROUPS_OF_ENTRY_POINTS
from playback.comparing.programs import variables
from playback.comparing.release import Directory, Installed, Interpreter, Revision, Wheel
from playback.comparing.unpacked import unpacked
from tests.wheels import environment_over_this, write_wheel

POINTS = "[dqmstream.workspaces]\nmine = mine:workspace\n"
PROJECT = '[project]\nname = "mine"\nversion = "1"\n'


def _executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which is all that pip has."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    return folder


def _in(environment: Path, code: str, path: tuple[Path, ...] = ()) -> str:
    command = [str(environment), "-P", "-c", code]
    done = subprocess.run(command, env=variables(path), check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_groups_of_entry_points_are_those_of_the_library() -> None:
    """The script that asks a Python what is installed imports nothing of ours."""
    assert frozenset(GROUPS_OF_ENTRY_POINTS) == GROUPS


def test_a_git_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _executable(tmp_path / "git", "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(programs, "SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match=r"git did not end within 0\.2 s"):
        environment_of(Revision("main", tmp_path), tmp_path / "cache")


def test_a_revision_is_unpacked_once(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "mine.py").write_text("workspace = 1\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    first = environment_of(Revision("HEAD", folder), tmp_path / "cache", named=["mine"])
    again = environment_of(Revision("HEAD", folder), tmp_path / "cache", named=["mine"])
    assert first == again
    assert (first.path[-1] / "pyproject.toml").read_text().startswith("[project]")
    assert first.ran_in.distributions["mine"] == "", "no version is known of a checkout"


def test_a_python_of_its_own_is_hashed_with_what_is_installed_there(tmp_path: Path) -> None:
    one = write_wheel(tmp_path, "tiny", "1", {"tiny.py": "SIZE = 1\n"})
    own = {"mine.py": "workspace = 1\n"}
    mine = write_wheel(tmp_path, "my-dqm", "3", own, points=POINTS)
    venv = environment_over_this(tmp_path / "venv", one, mine)
    first = environment_of(Interpreter(venv), tmp_path / "cache")
    assert first.path == ()
    assert first.python == venv / "bin" / "python"
    assert first.ran_in.python.endswith(sys.version.split()[0])
    assert (first.ran_in.distributions["tiny"], first.ran_in.distributions["my-dqm"]) == ("1", "3")
    assert set(first.ran_in.releases) == {"dqmstream", "my-dqm"}
    named = environment_of(Interpreter(venv / "bin" / "python"), tmp_path / "cache")
    assert named == replace(first, release=named.release)
    here = environment_of(Installed(), tmp_path / "cache")
    assert here.hash != first.hash
    # Another version of what it needs, and then other files of what it tries, are another release.
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "tiny-1.dist-info").rename(packages / "tiny-2.dist-info")
    about = packages / "tiny-2.dist-info" / "METADATA"
    about.write_text(about.read_text().replace("Version: 1", "Version: 2"))
    second = environment_of(Interpreter(venv), tmp_path / "cache")
    assert second.identity.hash == first.identity.hash
    assert second.hash != first.hash
    (packages / "mine.py").write_text("workspace = 2\n")
    assert environment_of(Interpreter(venv), tmp_path / "cache").identity != first.identity


def test_what_is_no_python_to_run_a_release_in_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    old = "#!/bin/sh\necho 'Unknown option: -P' >&2\nexit 2\n"
    (tmp_path / "text").write_text("x")
    for path, expected in (
        (tmp_path / "none", "no such file or folder"),
        (tmp_path / "empty", "it has no bin/python"),
        (tmp_path / "text", "cannot be started: Permission denied"),
        (_executable(tmp_path / "echo", "#!/bin/sh\necho hello\n"), "it prints b'hello"),
        (_executable(tmp_path / "old", old), r"it is older than 3\.11"),
        (_executable(tmp_path / "bad", "#!/bin/sh\nexit 3\n"), "ended with status 3"),
        (bare, "no dqmstream is installed there"),
    ):
        with pytest.raises(ConfigurationError, match=expected) as refused:
            environment_of(Interpreter(path), tmp_path / "cache")
        assert str(refused.value).startswith(f"python:{path}: ")


def test_an_installed_release_from_before_comparing_says_what_can_be_done(tmp_path: Path) -> None:
    """As far as it can be seen: it has a distribution, and no runner."""
    old = write_wheel(tmp_path, "dqmstream", "0.0.1", {"dqmstream/__init__.py": ""})
    venv = tmp_path / "venv"
    environment_over_this(venv, old)
    (below,) = venv.glob("lib/python*/site-packages/_below.pth")
    below.unlink()
    with pytest.raises(ConfigurationError, match="it is older than comparing: name its stored run"):
        environment_of(Interpreter(venv), tmp_path / "cache")


def test_a_requirement_that_is_not_met_is_said_before_anything_runs(tmp_path: Path) -> None:
    requires = ["numpy>=1", "numpy>999", "no-such-distribution[fast]~=2.0"]
    wheel = write_wheel(tmp_path, "mine", "1", {"mine.py": "raise SystemExit\n"}, requires=requires)
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(f"{PROJECT}dependencies = {requires!r}\n")
    for release in (Wheel(wheel), Directory(folder)):
        with pytest.raises(ConfigurationError) as refused:
            environment_of(release, tmp_path / "cache")
        said = str(refused.value)
        assert said.startswith(f"{release}: needs what is not here: numpy>999 (")
        assert " is installed), no-such-distribution[fast]~=2.0 (not installed); " in said
        assert "--install installs that" in said


def test_a_release_for_another_python_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "mine", "1", {}, python=">=3.99")
    with pytest.raises(ConfigurationError, match=r"needs Python >=3\.99, this is 3\..*python:PATH"):
        environment_of(Wheel(wheel), tmp_path / "cache", install=True)


def test_a_package_that_only_a_configuration_names_is_hashed_too(tmp_path: Path) -> None:
    """Else its next version would be taken for this one, whose result is kept."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dqm.py").write_text("workspace = 1\n")
    (tmp_path / "c.toml").write_text(
        'workspaces = ["pixel", "mine.dqm:workspace", "./a:b.toml", "bad-name:w"]\n'
    )
    named = read_choice(tmp_path / "c.toml").packages
    assert named == ("mine", "pixel"), "of `pixel` there is no package, which harms nothing"
    first = environment_of(Directory(tmp_path), tmp_path / "cache", named=named)
    (tmp_path / "mine" / "dqm.py").write_text("workspace = 2\n")
    assert environment_of(Directory(tmp_path), tmp_path / "cache", named=named).hash != first.hash


def test_a_release_of_which_nothing_would_be_tried_is_refused(tmp_path: Path) -> None:
    """It would differ in nothing, whatever is in it."""
    wheel = write_wheel(tmp_path, "other", "1", {"other.py": "x = 1\n"})
    nowhere = "[dqmstream.workspaces]\ngone = gone:workspace\n"
    gone = write_wheel(tmp_path / "gone", "gone", "1", {"other.py": "x = 1\n"}, points=nowhere)
    for release in (Wheel(wheel), Wheel(gone)):
        with pytest.raises(ConfigurationError, match="nothing of it would be tried") as refused:
            environment_of(release, tmp_path / "cache", named=["pixel"])
        assert str(refused.value).startswith(f"{release}: ")


def test_a_cache_behind_a_link_holds_releases_as_well(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    own = {"mine.py": "workspace = 1\n"}
    wheel = write_wheel(tmp_path, "mine", "1", own, points=POINTS)
    made = environment_of(Wheel(wheel), tmp_path / "link")
    assert any(place.startswith(str(tmp_path / "home")) for place in made.identity.places)


def test_requirements_made_when_it_is_built_are_noted_as_not_checked(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f'{PROJECT}dynamic = ["dependencies"]\n')
    (tmp_path / "mine.py").write_text("workspace = 1\n")
    environment = environment_of(Directory(tmp_path), tmp_path / "cache", named=["mine"])
    assert environment.ran_in.notes == (
        "its requirements are made when it is built, and were not checked",
    )


def test_no_setting_of_pip_says_where_a_wheel_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"TARGET": "elsewhere", "PREFIX": "elsewhere", "ROOT": "elsewhere", "PYTHON": "none"}
    for name, value in settings.items():
        monkeypatch.setenv(f"PIP_{name}", str(tmp_path / value))
    monkeypatch.setenv("PIP_USER", "1")
    wheel = Wheel(write_wheel(tmp_path, "mine", "1", {"mine.py": "workspace = 1\n"}))
    (folder,) = unpacked(wheel, tmp_path / "cache").path
    assert (folder / "mine.py").is_file()
    assert not (tmp_path / "elsewhere").exists()


def test_requirements_are_installed_once_over_what_is_installed_here(
    tmp_path: Path, offline: Path
) -> None:
    """From a folder, without a network; what is met stays that of this Python."""
    write_wheel(offline, "tiny", "1", {"tiny.py": "SIZE = 1\n"})
    write_wheel(offline, "tiny", "2", {"tiny.py": "SIZE = 2\n"}, requires=["deeper"])
    write_wheel(offline, "deeper", "5", {"deeper.py": ""})
    own = {"mine.py": "import tiny\n\nworkspace = tiny.SIZE\n"}
    requires = ["tiny>=2", "numpy", "dqmstream", "never; extra == 'test'"]
    wheel = write_wheel(tmp_path, "mine", "1", own, requires=requires, points=POINTS)
    cache = tmp_path / "cache"
    made = environment_of(Wheel(wheel), cache, install=True)
    here = environment_of(Installed(), cache)
    found = made.ran_in.distributions
    assert (found["tiny"], found["deeper"], found["mine"]) == ("2", "5", "1")
    assert {name: found[name] for name in here.ran_in.distributions} == here.ran_in.distributions
    assert made.python.is_relative_to(cache)
    assert _in(made.python, "import mine; print(mine.workspace)", made.path) == "2"
    ours = "import dqmstream, numpy; print(dqmstream.__file__, numpy.__file__)"
    assert _in(made.python, ours, made.path) == _in(Path(sys.executable), ours)
    assert not (tmp_path / "elsewhere").exists(), "no setting of pip puts it elsewhere"
    for file in offline.iterdir():
        file.unlink()
    other = write_wheel(tmp_path, "mine", "2", own, requires=requires, points=POINTS)
    again = environment_of(Wheel(other), cache, install=True)
    assert again.python == made.python, "made once for the same requirements"
    assert [one.name for one in cache.iterdir() if one.name.startswith((".venv", "venv"))] == [
        made.python.parents[1].name
    ]


def test_what_pip_cannot_install_is_told_shortly_and_without_credentials(
    tmp_path: Path, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    wheel = Wheel(write_wheel(tmp_path, "mine", "1", {}, requires=["tiny>=2"]))
    write_wheel(offline, "tiny", "1", {})
    with pytest.raises(ConfigurationError) as refused:
        environment_of(wheel, cache, install=True)
    said = str(refused.value)
    assert said.startswith(f"{wheel}: its requirements cannot be installed: ")
    assert "No matching distribution found for tiny>=2" in said
    assert len(said.splitlines()) <= 6
    assert not [one for one in cache.iterdir() if "venv" in one.name], "nothing half made is left"
    index = "https://me:se%cret@127.0.0.1:9/simple"
    address = Wheel(
        write_wheel(tmp_path, "other", "1", {}, requires=[f"tiny @ {index}/tiny-2.tar.gz"])
    )
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ConfigurationError, match="cannot be installed") as refused:
        environment_of(address, cache, install=True)
    assert "se%cret" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)


def test_a_pip_that_does_not_end_is_ended(
    tmp_path: Path, offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(offline, "tiny", "2", {})
    wheel = Wheel(write_wheel(tmp_path, "mine", "1", {}, requires=["tiny>=2"]))
    monkeypatch.setattr(installation, "SECONDS", 0.01)
    with pytest.raises(ConfigurationError, match=r"did not end within 0\.01 s"):
        environment_of(wheel, tmp_path / "cache", install=True)
