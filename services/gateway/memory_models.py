"""What HTTP answers about the memory that plots take."""

from pydantic import Field

from services.gateway.models import Answer

__all__ = ["BookedMemoryAnswer", "MemoryAnswer"]


class BookedElement(Answer):
    """What an element takes."""

    path: str
    kind: str
    bins: list[int] = Field(description="Of each axis, without flow; none of scalars and texts.")
    sums: int = Field(description="Numbers in each bin: 1, or 3 of profiles and weighted ones.")
    bytes: int = Field(description="Of one LS.")
    doubled: list[int] = Field(description="The same with twice the bins of one axis, by axis.")
    all_doubled: int = Field(description="The same with twice the bins of all axes.")
    budget: int | None = Field(description="Bytes of one LS that it may take; null: no budget.")
    gateway: int = Field(description="Bytes that this gateway holds of it, over all LSs.")
    fillers: int = Field(description="Bytes that fillers hold of it, over all open LSs.")


class BookedWorkspace(Answer):
    """What a workspace takes, as booked last."""

    workspace: str
    booking: str
    bytes: int = Field(description="Of one LS, as one process holds it.")
    budget: int | None = Field(description="Bytes of one LS that it may take; null: no budget.")
    gateway: int = Field(description="Bytes that this gateway holds of it, over all LSs.")
    fillers: int = Field(
        description="Bytes that all fillers hold of it, over open LSs and partitions."
    )
    elements_total: int
    elements: list[BookedElement] = Field(description="Those that take most.")


class BookedMemoryAnswer(Answer):
    """What plots cost in memory, the dearest workspace first."""

    workspaces: list[BookedWorkspace]
    kept_lumisections: int = Field(
        description="LSs of each run and workspace that a gateway keeps, at most."
    )


class HeldElement(Answer):
    """One element of a workspace."""

    path: str
    bytes: int = Field(description="Its cells in all LSs that are held.")


class HeldWorkspace(Answer):
    """Contents of one workspace in memory, over all runs and sets."""

    workspace: str
    runs: int
    lumisections: int = Field(description="LSs held, of all runs together.")
    bytes: int
    elements: list[HeldElement] = Field(description="Those that take most, the largest first.")


class MemoryAnswer(Answer):
    """What the gateway holds, the largest workspace first."""

    budget: int = Field(description="Bytes that contents of LSs may take.")
    held: int = Field(description="Bytes that they take.")
    workspaces: list[HeldWorkspace]
