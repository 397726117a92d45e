"""A version, its contents and the decision about it, as records of the log."""

from collections.abc import Iterable

from dqmstream.messages.operations import Command
from dqmstream.messages.references import Reference, ReferenceContents
from dqmstream.messages.topics import COMMANDS, REFERENCES
from dqmstream.transport.log import Outgoing
from dqmstream.transport.outgoing import outgoing

__all__ = ["contents_records", "decision_records", "subject_of_name"]


def subject_of_name(workspace: str, name: str) -> str:
    """What commands about a reference are about: its name in its workspace."""
    return f"reference/{workspace}/{name}"


def contents_records(parts: Iterable[ReferenceContents]) -> list[Outgoing]:
    """Contents, to be sent before the version that has them."""
    return [
        outgoing(REFERENCES, 0, part, f"contents/{part.digest}/{part.part}".encode())
        for part in parts
    ]


def decision_records(
    reference: Reference, action: str, arguments: dict[str, str] | None = None
) -> list[Outgoing]:
    """The version as it stands after a decision, and the record of who decided, why and when."""
    subject = subject_of_name(reference.workspace, reference.name)
    command = Command(
        subject=subject,
        action=action,
        who=reference.who,
        why=reference.why,
        when=reference.changed,
        arguments={
            "version": reference.id,
            "number": str(reference.number),
            "status": reference.status,
            **(arguments or {}),
        },
    )
    return [
        outgoing(COMMANDS, 0, command, subject.encode()),
        outgoing(REFERENCES, 0, reference, f"reference/{reference.id}".encode()),
    ]
