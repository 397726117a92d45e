"""Whatever decodes is either stored or refused by name: no message makes the writer fail."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import (
    Account,
    HistogramSet,
    Refusal,
    ScalarValue,
    SourceAccount,
)
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from dqmstream.store.recording import Recorded
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter

LAYOUT = Layout(EVERY_KIND)
RNG = np.random.default_rng(1)
FEW = st.integers(0, 3)
INTEGERS = st.one_of(FEW, FEW, st.integers(-(2**63), 2**64 - 1))
TEXTS = st.one_of(st.sampled_from(["set", "every", "s"]), st.text(max_size=300))
HUGE = Contents.empty(LAYOUT)
HUGE.cells[:] = 2**62
CELLS = st.sampled_from(
    [
        random_contents(LAYOUT, RNG).encode(),
        random_contents(LAYOUT, RNG).encode(),
        HUGE.encode(),
        b"",
        b"(\xb5/\xfd",
        b"\x00" * 100,
    ]
)
SCALARS = st.builds(
    ScalarValue, value=st.one_of(INTEGERS, st.floats(), TEXTS), source=TEXTS, number=INTEGERS
)
COUNTS = st.dictionaries(TEXTS, INTEGERS, max_size=2)
SOURCES = st.builds(
    SourceAccount,
    source=TEXTS,
    incarnation=TEXTS,
    rereadable=st.booleans(),
    chunks=st.binary(max_size=9),
    marker=st.none() | INTEGERS,
    seen=INTEGERS,
    selected=INTEGERS,
    dropped=INTEGERS,
    notes=COUNTS,
)
REFUSALS = st.builds(Refusal, reason=TEXTS, offset=INTEGERS, events=INTEGERS)
ACCOUNTS = st.one_of(
    st.just(Account()),
    st.builds(
        Account,
        sources=st.lists(SOURCES, max_size=2).map(tuple),
        refused=st.lists(REFUSALS, max_size=2).map(tuple),
        missing=st.lists(TEXTS, max_size=2).map(tuple),
        duplicates=INTEGERS,
        closed_by=TEXTS,
    ),
)
FIELDS = {
    "set": TEXTS,
    "run": INTEGERS,
    "lumisection": INTEGERS,
    "segment": INTEGERS,
    "workspace": TEXTS,
    "partition": INTEGERS,
    "partitions": INTEGERS,
    "booking": TEXTS,
    "through": INTEGERS,
    "epoch": INTEGERS,
    "whole": st.booleans(),
    "writer": TEXTS,
    "account": ACCOUNTS,
    "cells": CELLS,
    "scalars": st.dictionaries(st.integers(0, 8) | INTEGERS, SCALARS, max_size=2),
    "invalid": st.dictionaries(FEW | INTEGERS, TEXTS, max_size=2),
    "part": INTEGERS,
    "parts": INTEGERS,
    "published": INTEGERS,
}


@st.composite
def hostile_sets(draw: st.DrawFn) -> HistogramSet:
    """A good closing set in which some fields hold anything."""
    partitions = draw(st.integers(1, 2))
    piece = closed_set(
        random_contents(LAYOUT, RNG),
        set=f"set of {partitions}",
        run=draw(FEW),
        lumisection=draw(st.integers(0, 20)),
        segment=draw(st.sampled_from([0, 0, 0, 1, 2])),
        partition=draw(st.integers(0, partitions - 1)),
        partitions=partitions,
        epoch=draw(FEW),
    )
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=2, unique=True))
    return msgspec.structs.replace(piece, **{name: draw(FIELDS[name]) for name in names})


SETS = hostile_sets()
REPORTS = st.builds(
    QualityReports,
    set=TEXTS,
    run=INTEGERS,
    lumisection=INTEGERS,
    workspace=TEXTS,
    scope=st.sampled_from(["lumisection", "run"]),
    complete=st.booleans(),
    versions=st.lists(INTEGERS, max_size=2).map(tuple),
    reports=st.lists(
        st.builds(
            QualityReport,
            path=TEXTS,
            qtname=TEXTS,
            algorithm=TEXTS,
            outcome=st.sampled_from(Outcome),
            measured=st.none() | st.floats(),
            entries=INTEGERS,
        ),
        max_size=2,
    ).map(tuple),
    made=INTEGERS,
)
CONDITIONS = st.builds(
    Conditions,
    run=INTEGERS,
    lumisection=INTEGERS,
    run_type=TEXTS,
    fill=st.none() | INTEGERS,
    luminosity=st.none() | st.floats(),
)
ACTIVATIONS = st.builds(
    Activation,
    set=TEXTS,
    workspaces=st.lists(TEXTS, max_size=2).map(tuple),
    from_run=INTEGERS,
    who=TEXTS,
    when=INTEGERS,
)
STARTS = st.builds(
    RunStart,
    run=INTEGERS,
    source=TEXTS,
    incarnation=TEXTS,
    rereadable=st.booleans(),
    partitions=INTEGERS,
    first_lumisection=INTEGERS,
    run_type=TEXTS,
    expected=st.lists(TEXTS, max_size=2).map(tuple),
    marks=st.lists(st.sampled_from(["simulated", "imported"]) | TEXTS, max_size=2).map(tuple),
    started=INTEGERS,
)
ENDS = st.builds(
    RunEnd,
    run=INTEGERS,
    source=TEXTS,
    incarnation=TEXTS,
    rereadable=st.booleans(),
    partitions=INTEGERS,
    last_lumisection=INTEGERS,
)
MESSAGES = st.one_of(SETS, SETS, REPORTS, CONDITIONS, ACTIVATIONS, STARTS, ENDS)


@pytest.fixture(scope="module")
def shared_url(make_store, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One store for all examples: what is stored already makes it harder."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    return make_store(folder)


@pytest.mark.timeout(600)
@settings(max_examples=settings.default.max_examples // 2)
@given(messages=st.lists(MESSAGES, min_size=1, max_size=4))
def test_whatever_a_message_holds_it_is_stored_or_refused(
    messages: list[Message], shared_url: str
) -> None:
    # As they would come from the log: what cannot be encoded cannot come.
    wired = [CODEC.encode(message) for message in messages]
    messages = [CODEC.decode(*one) for one in wired]
    writer = StoreWriter(shared_url, log="log")
    writer.write([EVERY_KIND], {})
    written = writer.write(messages, {})
    if not isinstance(written, Recorded):
        refused = {one.place for one in written}
        assert all(one.reason.isidentifier() for one in written)
        good = [one for place, one in enumerate(messages) if place not in refused]
        assert isinstance(writer.write(good, {}), Recorded)
    writer.compact()
    writer.close()
    _read_everything(shared_url)


def _read_everything(url: str) -> None:
    """Nothing that was let in makes reading fail."""
    with Store(url) as store:
        store.activations()
        for run in store.runs(limit=1000).items:
            store.lumisections(run.run)
            store.reports(run.run)
            store.outcomes(run.run)
            for name in store.sets(run.run):
                for workspace in store.bookings(name):
                    store.contents(name, run.run, workspace)
                    store.late(name, run.run, workspace)
