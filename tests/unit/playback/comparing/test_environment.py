"""What cannot be made ready is said in a sentence."""

import subprocess
from pathlib import Path

import pytest

from dqmstream.errors import ConfigurationError
from playback.comparing import environment
from playback.comparing.environment import environment_of
from playback.comparing.release import Revision


def test_a_git_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(environment, "_SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match=r"git did not end within 0\.2 s"):
        environment_of(Revision("main", tmp_path), tmp_path / "cache")


def test_a_revision_is_unpacked_once(tmp_path: Path) -> None:
    """Of a package without anything to run: that it is none of ours is not asked here."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    first = environment_of(Revision("HEAD", folder), tmp_path / "cache")
    again = environment_of(Revision("HEAD", folder), tmp_path / "cache")
    assert first == again
    assert (first.path[-1] / "pyproject.toml").read_text().startswith("[project]")
