"""Making a version: what somebody says of it, contents that were read, and what these were of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from dqmstream.errors import MessageError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import (
    Exposed,
    Reference,
    ReferenceKind,
    ReferenceStatus,
    RunWindow,
    Validity,
)
from dqmstream.quality.inputs import Normalise
from dqmstream.quality.pattern import compile_pattern
from dqmstream.references.contents import Packed, ReferenceData

__all__ = [
    "Decision",
    "Described",
    "Made",
    "decided",
    "exposed_over",
    "matching",
    "reference_of",
]

_ALL: Final = ("**",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What a person says of a reference; the fields are those of `Reference`."""

    name: str
    workspace: str
    owner: str
    reason: str
    paths: tuple[str, ...] = _ALL
    rank: int = 0
    valid: Validity = field(default_factory=Validity)
    labels: dict[str, str] = field(default_factory=dict)
    expires: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What it was made of: the fields are those of `Reference`."""

    kind: ReferenceKind
    windows: tuple[RunWindow, ...] = ()
    file: str = ""
    exposed: Exposed = field(default_factory=Exposed)
    per: Normalise = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who decided on the status of a version, why, and when (nanoseconds since 1970)."""

    status: ReferenceStatus
    who: str
    why: str
    when: int


def reference_of(
    described: Described, made: Made, data: ReferenceData, packed: Packed, decision: Decision
) -> Reference:
    """A version without number and id: `next_version` gives them.

    Raises
    ------
    MessageError
        With reason `empty_reference` if there is nothing in it to compare with.
    """
    if not data.elements:
        detail = (
            f"reference {described.name!r} of workspace {described.workspace!r}: none of the "
            f"elements {', '.join(described.paths)} has contents there"
        )
        raise MessageError("empty_reference", detail)
    return Reference(
        id="",
        name=described.name,
        number=0,
        workspace=described.workspace,
        kind=made.kind,
        paths=described.paths,
        rank=described.rank,
        valid=described.valid,
        windows=made.windows,
        file=made.file,
        exposed=made.exposed,
        per=made.per,
        elements=data.elements,
        labels=described.labels,
        owner=described.owner,
        reason=described.reason,
        made=decision.when,
        expires=described.expires,
        digest=packed.digest,
        size=packed.size,
        parts=len(packed.messages),
        status=decision.status,
        changed=decision.when,
        who=decision.who,
        why=decision.why,
    )


def decided(reference: Reference, decision: Decision) -> Reference:
    """The same version after a decision. Of decisions the later counts, so one that is made in the
    same nanosecond as the last, or by a clock behind, is dated after it."""
    return msgspec.structs.replace(
        reference,
        status=decision.status,
        changed=max(decision.when, reference.changed + 1),
        who=decision.who,
        why=decision.why,
    )


def exposed_over(conditions: Sequence[Conditions | None]) -> Exposed:
    """How much data LSs hold, from what is known of each of them."""
    known = [one for one in conditions if one is not None]
    pileup = _all_known([one.pileup for one in known], len(conditions))
    delivered = _all_known([one.delivered for one in known], len(conditions))
    recorded = _all_known([one.recorded for one in known], len(conditions))
    return Exposed(
        lumisections=len(conditions),
        delivered=None if delivered is None else sum(delivered),
        recorded=None if recorded is None else sum(recorded),
        pileup=None if pileup is None else sum(pileup) / len(pileup),
    )


def _all_known(values: Sequence[float | None], count: int) -> list[float] | None:
    known = [one for one in values if one is not None]
    return known if known and len(known) == count else None


def matching(contents: Contents, patterns: Sequence[str]) -> Contents:
    """The elements whose paths match one of some patterns, in contents of a booking of their own;
    the same contents if all do."""
    compiled = [compile_pattern(pattern) for pattern in patterns]
    layout = contents.layout
    places = [
        place for place in layout if any(one.fullmatch(place.element.path) for one in compiled)
    ]
    if len(places) == len(layout.elements):
        return contents
    chosen = tuple(place.element for place in places)
    own = Layout(msgspec.structs.replace(layout.booking, elements=chosen))
    parts = [contents.cells[place.offset : place.offset + place.size] for place in places]
    cells = np.concatenate([np.zeros(0, np.int64), *parts])
    old = {place.index: index for index, place in enumerate(places)}
    return Contents(
        own,
        cells,
        {old[index]: value for index, value in contents.scalars.items() if index in old},
        {old[index]: why for index, why in contents.invalid.items() if index in old},
    )
