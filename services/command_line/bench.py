"""The benchmarks as commands: what is measured, against what, and which goals it has."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Json

__all__ = ["add_to"]

Quick = Annotated[bool, typer.Option(help="measure less, for trying")]
Check = Annotated[bool, typer.Option("--check", help="status 1 if a goal is missed")]
Events = Annotated[int, typer.Option(help="events of each throughput part")]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add `bench` with its commands."""
    bench = typer.Typer(no_args_is_help=True, help="Measure, compare with peers and limits.")
    for command in (
        fill,
        pipeline,
        recordings,
        playback,
        http,
        kafka,
        compression,
        log,
        store,
        start,
        beam_spot,
        payload,
        compare,
        verdicts,
        viewers,
        page,
    ):
        bench.command()(command)
    app.add_typer(bench, name="bench", rich_help_panel=panel)


def fill(quick: Quick = False, check: Check = False, json: Json = False) -> None:
    """Entries per second of the filler core, against boost-histogram, numpy and the bare limit."""
    _bench("fill", {"quick": quick}, check=check, json=json)


def pipeline(
    events: Events = 1_000_000, quick: Quick = False, check: Check = False, json: Json = False
) -> None:
    """Events per second from source to closed LS in the store; latency to a websocket; memory."""
    _bench("pipeline", {"events": events, "quick": quick}, check=check, json=json)


def playback(quick: Quick = False, check: Check = False, json: Json = False) -> None:
    """Two releases compared on a recording of 100 LSs x 2000 events, against plain filling."""
    _bench("playback", {"quick": quick}, check=check, json=json)


def recordings(quick: Quick = False, check: Check = False, json: Json = False) -> None:
    """Recording and reading against plain Arrow files; whether a replay keeps its pace."""
    _bench("recordings", {"quick": quick}, check=check, json=json)


def http(quick: Quick = False, check: Check = False, json: Json = False) -> None:
    """Plots a second that a gateway answers on one core, against a plain Starlette route.

    Idle and while filling, and one element in 2400 LSs in one call. Needs wrk.
    """
    _bench("http", {"quick": quick}, check=check, json=json)


def kafka(
    events: Events = 1_000_000, quick: Quick = False, check: Check = False, json: Json = False
) -> None:
    """Services as processes on a real broker: throughput against bare aiokafka.

    CPU by stage, latency to a websocket, recovery after kill -9 of a filler, too.
    """
    _bench("kafka", {"events": events, "quick": quick}, check=check, json=json)


def compression(quick: Quick = False, check: Check = False, json: Json = False) -> None:
    """Compressing Arrow buffers and histogram blocks, against compression by Kafka."""
    _bench("compression", {"quick": quick}, check=check, json=json)


def log(check: Check = False, json: Json = False) -> None:
    """Appending to the embedded log and reading back."""
    _bench("log", {}, check=check, json=json)


def store(
    lumisections: Annotated[int, typer.Option(min=20, help="length of the run")] = 2400,
    quick: Quick = False,
    check: Check = False,
    json: Json = False,
) -> None:
    """Recording a long run of 1000 histograms and reading it, against bare writing of the bytes.

    In SQLite and in PostgreSQL.
    """
    options: dict[str, object] = {"lumisections": lumisections, "quick": quick}
    _bench("store", options, check=check, json=json)


def start(check: Check = False, json: Json = False) -> None:
    """Seconds until help is printed, and until `run` is ready with a warm kernel cache."""
    _bench("start", {}, check=check, json=json)


def beam_spot(
    files: Annotated[
        list[Path] | None, typer.Argument(help="streamer files whose collisions are fitted, too")
    ] = None,
    quick: Quick = False,
    check: Check = False,
    json: Json = False,
) -> None:
    """Pulls of simulated beam spots, times of fits, and the beam spots of streamer files."""
    _bench("beam_spot", {"files": files or (), "quick": quick}, check=check, json=json)


def payload(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="streamer files; without any the public ones of DQMSTREAM_TEST_DATA or "
            "../shared/data, or else made-up ones"
        ),
    ] = None,
    quick: Quick = False,
    check: Check = False,
    json: Json = False,
) -> None:
    """Decoding of event payloads, all products and each alone, against decompressing them."""
    _bench("payload", {"files": files or (), "quick": quick}, check=check, json=json)


def compare(quick: Quick = False, check: Check = False, json: Json = False) -> None:
    """Seconds to judge an LS of 10 000 elements; cost of each algorithm, against scipy's."""
    _bench("compare", {"quick": quick}, check=check, json=json)


def verdicts(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="labelled LSs; without it those of the public data in DQMSTREAM_TEST_DATA or "
            "../shared/data, if they are there"
        ),
    ] = None,
    quick: Quick = False,
    check: Check = False,
    json: Json = False,
) -> None:
    """Faults found and false alarms: on the synthetic detector, and on LSs people certified."""
    _bench("verdicts", {"file": file, "quick": quick}, check=check, json=json)


def page(
    minutes: Annotated[float, typer.Option(min=0.1, help="how long is measured")] = 10.0,
    quick: Quick = False,
    check: Check = False,
    json: Json = False,
) -> None:
    """First paint, and 200 live plots at 1 Hz in Chromium: main thread, dropped frames, heap."""
    _bench("page", {"minutes": minutes, "quick": quick}, check=check, json=json)


def viewers(
    clients: Annotated[int, typer.Option(min=20, help="streams; some do not read")] = 1_000,
    seconds: Annotated[int, typer.Option(min=5, help="that are measured")] = 30,
    quick: Quick = False,
    check: Check = False,
    json: Json = False,
) -> None:
    """Many streams of 20 plots each at 1 Hz from one core: delivery, CPU, memory, bytes.

    One in twenty stalls, and one in twenty is slow.
    """
    options: dict[str, object] = {"clients": clients, "seconds": seconds, "quick": quick}
    _bench("viewers", options, check=check, json=json)


def _bench(name: str, options: dict[str, object], *, check: bool, json: bool) -> None:
    from services.command_line import benches  # noqa: PLC0415

    invoke(benches.bench, name=name, options=options, check=check, json=json)
