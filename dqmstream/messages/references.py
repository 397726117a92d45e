"""References: what MonitorElements are compared with, in versions that never change."""

from typing import ClassVar, Literal

from dqmstream.messages.struct import Message, Value

__all__ = [
    "Exposed",
    "Reference",
    "ReferenceContents",
    "ReferenceKind",
    "ReferenceStatus",
    "RunWindow",
    "Validity",
]

ReferenceKind = Literal["run", "lumisections", "band", "file"]
"""A whole run, LSs of one run, a range over many LSs, or a file that was uploaded."""

ReferenceStatus = Literal["proposed", "accepted", "retired"]
"""Only accepted ones are compared with; a retired one can be accepted again."""


class Validity(Value, frozen=True, kw_only=True):
    """What a reference is good for. What is empty or None asks for nothing; texts are globs.

    Where something is asked for that is not known of an LS, the reference is not good for it.
    """

    run_types: tuple[str, ...] = ()
    beam_modes: tuple[str, ...] = ()
    prescales: tuple[str, ...] = ()
    """Names of prescale columns, which say the trigger menu in force."""
    first_run: int | None = None
    last_run: int | None = None
    energies: tuple[float, ...] = ()
    """Of one beam, in GeV: good within 1 %, as sources round it in ways of their own."""


class RunWindow(Value, frozen=True, kw_only=True):
    """LSs of one run: ranges (first, last), both included, rising."""

    run: int
    set: str
    lumisections: tuple[tuple[int, int], ...]


class Exposed(Value, frozen=True, kw_only=True):
    """How much data a reference was made of, for normalising.

    `delivered` and `recorded` are integrated luminosity in /pb, `pileup` the mean number of
    interactions in a crossing; None if not known of all its LSs.
    """

    lumisections: int = 1
    delivered: float | None = None
    recorded: float | None = None
    pileup: float | None = None


class Reference(Message, frozen=True, kw_only=True, tag=True):
    """One version of a reference of one workspace. Key: `reference/ID`.

    `id` is a hash of all fields above `status`, which never change, and so of its contents; those
    below are what was decided last. Of one `name` and workspace the accepted version with the
    greatest `number` stands. Times are nanoseconds since 1970.
    """

    version: ClassVar[int] = 2

    id: str
    name: str
    number: int
    workspace: str
    kind: ReferenceKind
    paths: tuple[str, ...] = ("**",)
    """Patterns of the elements it is the reference of."""
    rank: int = 0
    """Its place in the chain of those that are tried: the lower the earlier."""
    valid: Validity = Validity()
    windows: tuple[RunWindow, ...] = ()
    """What it was made of; empty for a file."""
    file: str = ""
    """Name of the file it was uploaded as."""
    exposed: Exposed = Exposed()
    per: Literal["entries", "lumisections", "luminosity", "none"] = "none"
    """Unit of a band."""
    elements: int = 0
    """How many there are contents of."""
    labels: dict[str, str] = {}
    """What no conditions say, as the filling scheme: to be read by people, and searched."""
    owner: str = ""
    reason: str = ""
    made: int = 0
    expires: int | None = None
    digest: str
    """Of its contents."""
    size: int
    """Bytes of them as they travel, all parts together."""
    parts: int
    status: ReferenceStatus
    changed: int
    """When the status was decided; of two the later counts."""
    who: str
    why: str


class ReferenceContents(Message, frozen=True, kw_only=True, tag=True):
    """A part of the contents of references. Key: `contents/DIGEST/PART`.

    `body` is the `part`-th slice of zstd over the MessagePack of booking, cells, and bands
    (`dqmstream.references.contents`); they count only when all parts are there.
    """

    digest: str
    part: int
    parts: int
    body: bytes
