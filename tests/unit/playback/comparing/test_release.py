"""What can be compared, as it is written on the command line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from playback.comparing.release import (
    Archive,
    Configuration,
    Directory,
    Installed,
    Interpreter,
    Revision,
    StoredRun,
    Wheel,
    parse_release,
)

FORMS = {
    "installed": Installed(),
    "wheel:build/my-1.whl": Wheel(Path("build/my-1.whl")),
    "git:main": Revision("main", Path()),
    "git:v1.2~3@../other": Revision("v1.2~3", Path("../other")),
    "git:HEAD@{1}": Revision("HEAD@{1}", Path()),
    "git:feature/pixel@/a/b": Revision("feature/pixel", Path("/a/b")),
    "directory:.": Directory(Path()),
    "python:../new/bin/python": Interpreter(Path("../new/bin/python")),
    "configuration:my.toml": Configuration(Path("my.toml")),
    "run:346373": StoredRun(346373, ""),
    "run:1@sqlite:///a.sqlite": StoredRun(1, "sqlite:///a.sqlite"),
    "root:DQM_V0001_R000346373.root": Archive("root", Path("DQM_V0001_R000346373.root")),
    "parquet:folder": Archive("parquet", Path("folder")),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_each_form_is_what_it_says(text: str, expected: object) -> None:
    found = parse_release(text)
    assert found == expected
    assert parse_release(str(found)) == found, "it is written as it is read"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "installed:x",
        "main",
        "wheel:",
        "wheel:my.zip",
        "wheel:.whl",
        "git:",
        "python:",
        "git:-x",
        "git:--upload-pack=x",
        "git:a..b",
        "git:main@",
        "configuration:my.yaml",
        "run:0",
        "run:-1",
        "run:1@",
        "run:²",
        "root:a.parquet",
        "svn:1",
    ],
)
def test_anything_else_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ConfigurationError, match="names nothing that can be compared: "):
        parse_release(text)


@given(st.text())
def test_no_text_does_anything_but_name_or_be_refused(text: str) -> None:
    try:
        found = parse_release(text)
    except ConfigurationError:
        return
    assert parse_release(str(found)) == found


def test_a_password_is_not_written() -> None:
    found = parse_release("run:7@postgresql+psycopg://me:secret@host/dqm")
    assert "secret" not in str(found)
    assert isinstance(found, StoredRun)
    assert "secret" in found.store
