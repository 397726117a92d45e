"""The identity of a version: a hash of all that never changes, contents included."""

from collections.abc import Iterable

import msgspec

from dqmstream.errors import MessageError
from dqmstream.identity import content_hash
from dqmstream.messages.references import Reference
from dqmstream.messages.struct import Value

__all__ = ["check_identity", "named", "next_version", "same_but_for_number", "shown_name"]

_DECIDED = ("id", "status", "changed", "who", "why")
_NUMBERED = ("number", "made")


class _AnyEnergy(Value, frozen=True, kw_only=True):
    """`Validity` as it was before energies: what asks for none keeps the id that it had then."""

    run_types: tuple[str, ...]
    beam_modes: tuple[str, ...]
    prescales: tuple[str, ...]
    first_run: int | None
    last_run: int | None


def named(reference: Reference) -> Reference:
    """The reference under the id that its own fields give it."""
    return msgspec.structs.replace(reference, id=_identity(reference, _DECIDED))


def check_identity(reference: Reference) -> None:
    """Refuse a reference whose id is not that of its fields: one of them was changed.

    Raises
    ------
    MessageError
        With reason `bad_reference`.
    """
    expected = _identity(reference, _DECIDED)
    if reference.id != expected:
        detail = f"reference {shown_name(reference)} has id {reference.id!r}, expected {expected!r}"
        raise MessageError("bad_reference", detail)


def same_but_for_number(one: Reference, other: Reference) -> bool:
    """Whether two versions say the same of the same contents: made twice, not changed."""
    left_out = (*_DECIDED, *_NUMBERED)
    return _identity(one, left_out) == _identity(other, left_out)


def next_version(reference: Reference, known: Iterable[Reference]) -> Reference:
    """The reference as the next version of its name and workspace, with its id."""
    numbers = [
        one.number
        for one in known
        if (one.workspace, one.name) == (reference.workspace, reference.name)
    ]
    return named(msgspec.structs.replace(reference, number=max(numbers, default=0) + 1))


def shown_name(reference: Reference) -> str:
    """As people know it, in reports and messages: `2018D pp #3`."""
    return f"{reference.name} #{reference.number}"


def _identity(reference: Reference, left_out: tuple[str, ...]) -> str:
    fields = msgspec.structs.asdict(reference)
    valid = msgspec.structs.asdict(reference.valid)
    if not valid.pop("energies"):
        fields["valid"] = _AnyEnergy(**valid)
    return content_hash({name: value for name, value in fields.items() if name not in left_out})
