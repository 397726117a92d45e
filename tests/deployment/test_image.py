"""The image: what goes in, pinned how, and as whom it runs. No engine is needed for these."""

import fnmatch
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from dqmstream import __version__
from tests.deployment.files import DOCKER, ROOT, settings_of

pytestmark = pytest.mark.timeout(300)  # pip resolves the whole lock for some


class _Instruction(NamedTuple):
    name: str
    text: str


def _stages() -> list[list[_Instruction]]:
    """Instructions of the Dockerfile by stage; the first has what stands before any stage."""
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    stages: list[list[_Instruction]] = [[]]
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append(_Instruction(name, rest.strip()))
    return stages


_BEFORE, _JSROOT, _BUILD, _FINAL = _stages()


def _only(stage: list[_Instruction], name: str) -> str:
    (found,) = [one.text for one in stage if one.name == name]
    return found


def _copied(stage: list[_Instruction]) -> list[str]:
    """Sources that a stage copies out of the checkout."""
    copies = [shlex.split(one.text) for one in stage if one.name == "COPY"]
    return [
        part
        for words in copies
        if not any(word.startswith("--from") for word in words)
        for part in words[:-1]
    ]


def test_all_that_is_copied_exists_and_is_let_in() -> None:
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignore
    let_in = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    copied = [*_copied(_JSROOT), *_copied(_BUILD)]
    for source in copied:
        assert (ROOT / source).exists()
    assert sorted(let_in) == sorted(copied)


def test_the_wheel_is_built_from_all_it_needs() -> None:
    needed = {"pyproject.toml", "README.md", "LICENSE", "dqmstream", "services", "playback"}
    assert needed < set(_copied(_BUILD))


def test_compiled_files_of_this_checkout_stay_out() -> None:
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    for path in ("dqmstream/__pycache__", "services/a.pyc", "dqmstream/kernels/a.nbi"):
        assert any(
            fnmatch.fnmatch(path, line.replace("**/", "*/")) for line in ignore if "*/" in line
        )


def test_the_base_image_is_pinned_to_the_python_of_the_lock() -> None:
    image = next(one.text for one in _BEFORE if one.text.startswith("PYTHON="))
    assert re.fullmatch(r"PYTHON=python:3\.11\.\d+-slim-[a-z]+", image)
    for stage in (_BUILD, _FINAL):
        assert _only(stage, "FROM").split()[0] == "${PYTHON}"


def test_everything_from_outside_is_checked_by_its_hash() -> None:
    commands = [c for one in _BUILD if one.name == "RUN" for c in one.text.split("&&")]
    installs = [command for command in commands if re.search(r"pip\b.* install\b", command)]
    assert len(installs) == 3
    for command in installs:
        assert "--no-deps" in command
        assert "--require-hashes" in command or "--no-index" in command


def test_jsroot_is_in_the_wheel_as_the_script_that_checks_its_hash_fetched_it() -> None:
    assert _only(_JSROOT, "RUN") == "scripts/jsroot --page"
    page = "services/gateway/page/jsroot"
    names = [one.name for one in _BUILD]
    (copied,) = [at for at, one in enumerate(_BUILD) if "--from=jsroot" in one.text]
    assert _BUILD[copied].text.split()[1:] == [f"/src/{page}", page]
    assert copied < len(names) - 1 - names[::-1].index("RUN")
    assert page in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()


def test_nothing_is_built_or_installed_in_the_final_image() -> None:
    assert not [one for one in _FINAL if one.name in {"RUN", "ADD"}]
    assert not _copied(_FINAL)
    assert "venv --without-pip /opt/dqmstream" in " ".join(one.text for one in _BUILD)


def test_it_runs_as_nobody_in_particular() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", _only(_FINAL, "USER"))


def test_the_folders_that_are_written_belong_to_that_user(tmp_path: Path) -> None:
    owned = {
        words[-1]
        for one in _FINAL
        if one.name == "COPY" and f"--chown={_only(_FINAL, 'USER')}" in (words := one.text.split())
    }
    settings = settings_of({}, tmp_path)
    assert owned == {settings.numba_cache, str(settings.data)}


def test_the_labels_name_this_release() -> None:
    arguments = dict(one.text.split("=") for one in _FINAL if one.name == "ARG")
    assert arguments["VERSION"] == __version__
    labels = _only(_FINAL, "LABEL")
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels


def test_it_starts_the_program(tmp_path: Path) -> None:
    (program,) = json.loads(_only(_FINAL, "ENTRYPOINT"))
    assert program == "dqmstream"
    ports = {
        str(port)
        for port in (settings_of({}, tmp_path).port, settings_of({}, tmp_path).metrics_port)
    }
    assert set(_only(_FINAL, "EXPOSE").split()) == ports


@pytest.mark.parametrize(
    ("part", "inside", "outside"),
    [
        (
            "runtime",
            {"aiokafka", "numba", "psycopg-binary", "uvicorn"},
            {"pytest", "playwright", "mypy"},
        ),
        ("build", {"hatchling"}, {"pytest", "numba"}),
    ],
)
def test_the_lock_of_a_part_is_what_it_needs_and_no_more(
    part: str, inside: set[str], outside: set[str]
) -> None:
    """pip resolves it; each entry is the lock's, with its hashes."""
    done = subprocess.run(
        [sys.executable, DOCKER / "locked.py", part], capture_output=True, text=True, check=True
    )
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"(?m)^(?=\S)", done.stdout)[1:]
    names = {entry.split("==")[0] for entry in entries}
    assert inside <= names
    assert not outside & names
    for entry in entries:
        assert entry in lock
        assert "--hash=sha256:" in entry


def test_a_dependency_that_the_lock_lacks_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "locked.py").write_bytes((DOCKER / "locked.py").read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    lock = (ROOT / "requirements.lock").read_text()
    short = re.sub(r"(?m)^pluggy==.*\n(?: .*\n)*", "", lock)
    assert short != lock
    (tmp_path / "requirements.lock").write_text(short)
    done = subprocess.run(
        [sys.executable, tmp_path / "docker" / "locked.py", "build"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "requirements.lock lacks pluggy" in done.stderr
