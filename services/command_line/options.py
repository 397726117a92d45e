"""Options that several commands have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = [
    "FILES",
    "GATEWAY",
    "AllColumns",
    "AsRun",
    "ChunkEvents",
    "ConditionsFiles",
    "Config",
    "Data",
    "EventsPerLumisection",
    "Exit",
    "ExpertToken",
    "Fault",
    "Feds",
    "Fillers",
    "Json",
    "Kafka",
    "Keys",
    "Length",
    "LoopFor",
    "NoFaults",
    "Paths",
    "Port",
    "Prescale",
    "Rate",
    "RunNumber",
    "Scenario",
    "Seconds",
    "Seed",
    "Select",
    "SendOnly",
    "Speed",
    "Tree",
    "Url",
    "Why",
    "Workspaces",
    "by_comma",
    "flags",
    "given",
    "synthetic",
]

ConditionsFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--conditions",
        help="file of pile-up, luminosity, prescales, DCS bits ... per LS (JSON, Parquet, CSV of "
        "brilcalc); published, and joined to the events as columns `ls_pileup`, ...; may be "
        "repeated",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None, typer.Option(help="TOML file of settings", envvar="DQMSTREAM_CONFIG")
]
Data = Annotated[Path | None, typer.Option(help="folder of the embedded log and the store")]
Kafka = Annotated[
    str | None, typer.Option(help="Kafka brokers, host:port by comma", metavar="SERVERS")
]
Port = Annotated[int | None, typer.Option(help="port of the page; 0 takes any free one")]
Workspaces = Annotated[
    str | None, typer.Option(help="workspaces to fill, by comma; default: all that fit")
]
Fillers = Annotated[int | None, typer.Option(help="fillers in this process")]
Speed = Annotated[
    float, typer.Option(min=0, help="1 is real time, 10 ten times as fast, 0 as fast as it goes")
]
SendOnly = Annotated[
    bool,
    typer.Option("--send-only", help="only send: other processes do the rest (needs Kafka)"),
]
Exit = Annotated[bool, typer.Option("--exit", help="end with the run and print a summary")]
FILES: Final = (
    "CMS streamer files, event files (ROOT, Parquet, CSV), folders of them, or the folder of a "
    "recording"
)
"""What commands say of files that they play."""
GATEWAY: Final = "http://127.0.0.1:8000"
Url = Annotated[str, typer.Option(help="address of the gateway", envvar="DQMSTREAM_URL")]
ExpertToken = Annotated[
    str,
    typer.Option(
        help="of role expert for what decides something; better as a variable",
        envvar="DQMSTREAM_TOKEN",
        show_default=False,
    ),
]
Why = Annotated[str, typer.Option(help="for the record")]
Json = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]
Paths = Annotated[
    str,
    typer.Option(
        "--paths",
        help="HLT paths to take, globs by comma; ! negates. Of tables: columns of booleans",
    ),
]
Select = Annotated[
    str,
    typer.Option(
        "--select",
        help="what must be true of an event of a table, as `count(Muon.pt > 20) >= 2`",
        show_default=False,
    ),
]
Prescale = Annotated[int, typer.Option(min=1, help="take one of so many events")]
ChunkEvents = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="events in a chunk; another size makes another incarnation of the source",
        show_default=False,
    ),
]
AsRun = Annotated[
    int | None,
    typer.Option(
        "--as-run",
        min=1,
        help="play the LSs of all files as this run, from LS 1 on; it is marked re-timed",
        show_default=False,
    ),
]
LoopFor = Annotated[
    int | None,
    typer.Option(
        "--loop-for",
        min=1,
        help="with --as-run: over and over for so many LSs; default: each LS once",
        show_default=False,
    ),
]
Tree = Annotated[
    str, typer.Option("--tree", help="tree of ROOT files; default: that of the events")
]
Keys = Annotated[
    str,
    typer.Option(
        "--keys",
        help="key columns of tables, as `run=Run,lumisection=lb,event=Event`; default: by the "
        "names in use",
        show_default=False,
    ),
]
EventsPerLumisection = Annotated[
    int | None,
    typer.Option(
        "--events-per-ls",
        min=1,
        help="of tables without lumisections: so many rows of a run make one; default: 100",
        show_default=False,
    ),
]
AllColumns = Annotated[
    bool,
    typer.Option("--all-columns", help="send all columns of files, not only those in use"),
]
Feds = Annotated[
    str,
    typer.Option(
        "--feds",
        help="FEDs that events of streamer files should have, as `1404,600-731`: those that an "
        "event lacks are its objects `fed_missing`",
        show_default=False,
    ),
]

RunNumber = Annotated[int, typer.Option(help="number of the synthetic run, or of a recording")]
Length = Annotated[int, typer.Option(help="length of the synthetic run")]
Rate = Annotated[float, typer.Option(help="events per second of data taking")]
Seconds = Annotated[float, typer.Option(help="length of an LS; CMS has 23.31")]
Seed = Annotated[int, typer.Option(help="another seed, other events")]
Fault = Annotated[
    list[str] | None,
    typer.Option(
        help="what breaks when, as `dead:pixel:layer1/module37@5-9` or "
        "`timing:ecal+3ns@5-` (docs/scenarios.md has all); may be repeated"
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.toml",
        help="a synthetic run with its faults; `dqmstream scenarios` lists those that are shipped. "
        "What else is given of the run outweighs it",
        show_default=False,
    ),
]
NoFaults = Annotated[bool, typer.Option("--no-faults", help="nothing breaks")]

_NUMBERS: Final = {"seconds": "lumisection_seconds"}
"""Options that the run calls otherwise."""


def flags(**given: object) -> Mapping[str, object]:
    """Settings given on the command line; None is not given."""
    return given


def by_comma(text: str) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def given(context: typer.Context) -> frozenset[str]:
    """Names of the numbers of a synthetic run that were written on the command line."""
    return frozenset(
        _NUMBERS.get(name, name)
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    )


def synthetic(**numbers: float | None) -> Mapping[str, float]:
    """The numbers of a synthetic run that are given, by name."""
    return {name: number for name, number in numbers.items() if number is not None}
