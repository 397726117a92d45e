"""Help as paragraphs: broken where the terminal ends, not where lines of a docstring do."""

import inspect

import typer

__all__ = ["join_lines", "joined"]


def join_lines(app: typer.Typer) -> None:
    """Let the help of all commands below be paragraphs; typer keeps the breaks of all but the
    first."""
    for command in app.registered_commands:
        command.help = joined(command.help or inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            join_lines(group.typer_instance)


def joined(text: str) -> str:
    """A text whose paragraphs are one line each."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
