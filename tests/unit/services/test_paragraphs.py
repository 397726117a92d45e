"""Help is broken where the terminal ends."""

import typer
from typer.testing import CliRunner

from services.cli import app
from services.command_line.paragraphs import join_lines, joined


def test_paragraphs_stay_apart_and_have_no_breaks_of_their_own() -> None:
    assert joined("One line.\n\nTwo\nlines,\n  and a third.\n\nLast.") == (
        "One line.\n\nTwo lines, and a third.\n\nLast."
    )


def test_help_of_commands_and_groups_is_joined_however_deep_they_are() -> None:
    def below() -> None:
        """Do it.

        Every one
        of them.
        """

    inner, outer = typer.Typer(), typer.Typer()
    for place in (inner, outer):
        place.command()(below)
    outer.add_typer(inner, name="inner")
    join_lines(outer)
    for place in (inner, outer):
        assert place.registered_commands[0].help == "Do it.\n\nEvery one of them."


def test_a_narrow_terminal_has_no_short_lines_within_a_paragraph() -> None:
    """`emulate` has a paragraph of several lines, which were cut anew at 100 columns."""
    said = CliRunner().invoke(app, ["emulate", "--help"], env={"COLUMNS": "70"}).stdout
    paragraph = said[said.index("LS after LS") : said.index("Arguments")]
    lines = [line.strip() for line in paragraph.splitlines() if line.strip(" ╭─")]
    assert len(lines) > 2
    assert all(len(line) > 50 for line in lines[:-1])
