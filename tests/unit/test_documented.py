"""Pages of reference have all that there is, and nothing that is gone."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from services.settings import Settings
from tests.documented import commands, missing_commands, routes, rows, settings

ROOT: Final = Path(__file__).parents[2]


def differences(page: str, expected: list[str]) -> str:
    """What a page lacks, and what it has too much, as lines to be put in or taken out."""
    there, meant = Counter(rows(page)), Counter(expected)
    lines = [f"put in:   {row}" for row in meant - there]
    return "\n".join(lines + [f"take out: {row}" for row in there - meant])


def test_the_page_of_settings_has_each_with_its_default_and_its_meaning() -> None:
    found = differences((ROOT / "docs" / "settings.md").read_text(), settings())
    assert not found, f"docs/settings.md is not what services/settings.py says:\n{found}"


def test_the_page_of_routes_has_each_route_of_the_gateway() -> None:
    document = json.loads((ROOT / "schemas" / "openapi.json").read_text())
    found = differences((ROOT / "docs" / "routes.md").read_text(), routes(document))
    assert not found, f"docs/routes.md is not what schemas/openapi.json says:\n{found}"


def test_each_command_is_named_in_a_page() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    text = "\n".join(page.read_text() for page in pages if page.name != "CHANGELOG.md")
    assert missing_commands(text) == []


def test_each_variable_that_pages_name_is_a_setting_or_is_read_elsewhere() -> None:
    """What is no setting is of the command line, or says to tests where things are; NAME is any."""
    others = {"NAME", "CONFIG", "URL", "TOKEN", "CHROMIUM", "JSROOT", "SCREENSHOTS"}
    known = {name.upper() for name in Settings.model_fields} | others
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docker/**/*.md")]
    for page in pages:
        named = set(re.findall(r"\bDQMSTREAM_([A-Z][A-Z_]*[A-Z])\b", page.read_text()))
        gone = {name for name in named - known if not name.startswith("TEST_")}
        assert not gone, f"{page.name} names {sorted(gone)}, and nobody reads these"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("| `a` | | b |\n", ""),
        ("", "put in:   | `a` | | b |"),
        ("| `a` | | c |\n", "put in:   | `a` | | b |\ntake out: | `a` | | c |"),
        ("| `a` | | b |\n" * 2, "take out: | `a` | | b |"),
    ],
)
def test_what_lacks_or_is_too_much_is_told_as_lines(page: str, found: str) -> None:
    assert differences(page, ["| `a` | | b |"]) == found


def test_a_command_is_named_by_its_whole_name() -> None:
    """`alarms rules show` is not `alarms rules shown`, and a group is no command."""
    names = list(commands())
    assert {"dqmstream demo", "dqmstream alarms rules show"} <= set(names)
    assert "dqmstream alarms rules" not in names
    assert missing_commands("dqmstream demo, dqmstream store infos") == [
        name for name in names if name != "dqmstream demo"
    ]
