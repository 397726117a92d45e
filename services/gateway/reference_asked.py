"""What HTTP takes about references. The OpenAPI document is generated from these."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = [
    "NAME",
    "AskedReference",
    "AskedUpload",
    "AskedValidity",
    "DecideReference",
    "MakeReference",
]

_NAME: Final = "[A-Za-z0-9][A-Za-z0-9 ._:+-]{0,79}"
NAME: Final = f"^{_NAME}$"
LABEL: Final = f"^{_NAME}=.{{1,200}}$"
_LARGEST_RUN: Final = 0xFFFFFFFF
_LARGEST_LUMISECTION: Final = 1 << 24

Name = Annotated[str, StringConstraints(pattern=NAME)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Patterns = Annotated[list[Pattern], Field(max_length=200)]
Said = Annotated[str, StringConstraints(min_length=3, max_length=1_000)]
RunNumber = Annotated[int, Field(ge=1, le=_LARGEST_RUN)]
Energies = Annotated[
    list[Annotated[float, Field(gt=0, le=1e6)]],
    Field(max_length=20, description="Of a beam, in GeV: good within 1 %."),
]
Range = Annotated[
    list[Annotated[int, Field(ge=0, le=_LARGEST_LUMISECTION)]], Field(min_length=2, max_length=2)
]


class _Asked(BaseModel):
    """Closed to fields that are not described here, and to text where a number is meant."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AskedValidity(_Asked):
    """What a reference is good for; what is empty or null asks for nothing. Texts are globs."""

    run_types: Patterns = Field(default_factory=list, examples=[["pp*"]])
    beam_modes: Patterns = Field(default_factory=list, examples=[["STABLE BEAMS"]])
    prescales: Patterns = Field(
        default_factory=list, description="Names of prescale columns.", examples=[["2p0E34*"]]
    )
    energies: Energies = Field(default_factory=list, examples=[[6800.0]])
    first_run: RunNumber | None = None
    last_run: RunNumber | None = None


class AskedReference(_Asked):
    """What a person says of a reference."""

    name: Name = Field(description="A later version of a name takes the place of the one before.")
    paths: Patterns = Field(
        default_factory=lambda: ["**"],
        min_length=1,
        description="Patterns of the elements it is the reference of, as in quality tests.",
    )
    rank: int = Field(0, ge=-1_000, le=1_000, description="The lower, the earlier it is tried.")
    valid: AskedValidity = Field(default_factory=AskedValidity)
    labels: dict[Name, Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=dict,
        max_length=50,
        description="What no conditions say, to be read and searched.",
        examples=[{"filling scheme": "25ns_2460b"}],
    )
    owner: Said = Field(description="Who answers for it.", examples=["pixel experts"])
    reason: Said = Field(description="Why it is a good one.", examples=["certified, new menu"])
    expires_days: float | None = Field(
        None, gt=0, le=3_650, description="Days from now after which it is not used any more."
    )
    proposed: bool = Field(default=False, description="Not to be used until somebody accepts it.")


class MakeReference(AskedReference):
    """A reference out of the store: of one run a histogram, of one or many a band."""

    workspaces: Annotated[list[Pattern], Field(max_length=100)] = Field(
        default_factory=list, description="Default: all that are stored of the runs."
    )
    runs: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")],
            Annotated[list[Range], Field(max_length=1_000)],
        ],
        Field(min_length=1, max_length=200),
    ] = Field(
        description="By run the LSs, as ranges; none is all of them. Lists of certified LSs "
        "(`golden JSON`) are of this form.",
        examples=[{"398500": [[10, 180], [190, 400]]}],
    )
    band: Literal["entries", "lumisections", "luminosity", "none"] | None = Field(
        None, description="Make a band, of contents for one unit of this; else a histogram."
    )
    require: Annotated[str, StringConstraints(max_length=500)] = Field(
        "",
        description="What is asked of the conditions of each LS, as in quality tests.",
        examples=["beam_mode == 'STABLE BEAMS' and dcs.bpix"],
    )

    @model_validator(mode="after")
    def _one_run(self) -> Self:
        if self.band is None and len(self.runs) > 1:
            msg = f"{len(self.runs)} runs: a histogram is of one run, a band of many"
            raise ValueError(msg)
        if any(first > last for ranges in self.runs.values() for first, last in ranges):
            msg = "a range of LSs falls, expected [first, last]"
            raise ValueError(msg)
        return self


class AskedUpload(BaseModel):
    """What a person says of a file, in the query: the body is the file."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=NAME, description="Name of a reference.")]
    workspace: Annotated[str, Field(min_length=1, max_length=255)]
    owner: Said
    reason: Said
    file: Annotated[str, Field(max_length=255, description="What it is called.")] = "upload"
    run: RunNumber | None = Field(None, description="Of a file with several: which.")
    path: Patterns = Field(default_factory=list, description="As `paths` of making.")
    rank: int = Field(0, ge=-1_000, le=1_000)
    run_type: Patterns = Field(default_factory=list, description="It is good for, globs.")
    beam_mode: Patterns = Field(default_factory=list)
    prescales: Patterns = Field(default_factory=list)
    energy: Energies = Field(default_factory=list)
    first_run: RunNumber | None = None
    last_run: RunNumber | None = None
    label: list[Annotated[str, StringConstraints(pattern=LABEL, max_length=281)]] = Field(
        default_factory=list, max_length=50, description="As `filling scheme=25ns_2460b`."
    )
    expires_days: float | None = Field(None, gt=0, le=3_650)
    proposed: bool = False

    def reference(self) -> AskedReference:
        """The same as it is said of a reference that is made."""
        return AskedReference(
            name=self.name,
            paths=self.path or ["**"],
            rank=self.rank,
            valid=AskedValidity(
                run_types=self.run_type,
                beam_modes=self.beam_mode,
                prescales=self.prescales,
                energies=self.energy,
                first_run=self.first_run,
                last_run=self.last_run,
            ),
            labels=dict(one.split("=", 1) for one in self.label),
            owner=self.owner,
            reason=self.reason,
            expires_days=self.expires_days,
            proposed=self.proposed,
        )


class DecideReference(_Asked):
    """Why a version is accepted or retired."""

    why: Said
