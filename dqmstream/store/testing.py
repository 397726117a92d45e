"""Contents and sets for tests of whatever reads a store: random, of every kind of element."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Booking, Histogram, Profile, Regular, Scalar, Text
from dqmstream.messages.histograms import Account, HistogramSet, ScalarValue, SourceAccount

__all__ = ["EVERY_KIND", "closed_set", "partition_sets", "random_contents"]

_AXIS = Regular(bins=10, lower=0.0, upper=1.0)

EVERY_KIND = Booking(
    workspace="every",
    elements=(
        Histogram(path="one/counts", axes=(_AXIS,), fill=("x",)),
        Histogram(path="two/counts", axes=(_AXIS, _AXIS), fill=("x", "y")),
        Histogram(
            path="one/weighted", axes=(_AXIS,), fill=("x",), weight="w", weight_range=(-2.0, 2.0)
        ),
        Profile(path="one/profile", axes=(_AXIS,), fill=("x",), value="y", value_range=(0.0, 5.0)),
        Scalar(path="scalar/sum", value="n", combine="sum"),
        Scalar(path="scalar/last", value="n", combine="last"),
        Scalar(path="scalar/min", value="x", combine="min"),
        Scalar(path="scalar/max", value="x", combine="max"),
        Text(path="text/last", value="tag"),
    ),
)
"""A booking with one element of each kind."""


def random_contents(layout: Layout, rng: np.random.Generator, *, entries: float = 3.0) -> Contents:
    """Contents as filling might make them.

    Parameters
    ----------
    rng
        Where all chance comes from.
    entries
        Mean entries of a cell.
    """
    cells = rng.poisson(entries, layout.cells).astype(np.int64)
    for element in layout:
        if element.planes == 3:
            sums = slice(element.offset + element.cells, element.nan)
            cells[sums] *= rng.integers(-(2**30), 2**30, sums.stop - sums.start)
    scalars = {
        element.index: _random_scalar(element, rng)
        for element in layout
        if not element.planes and rng.random() < 0.8
    }
    invalid = {
        element.index: "filling failed"
        for element in layout
        if element.planes and not rng.integers(20)
    }
    return Contents(layout, cells, scalars, invalid)


def _random_scalar(element: ElementLayout, rng: np.random.Generator) -> ScalarValue:
    kind = element.element
    source, number = f"source{rng.integers(3)}", int(rng.integers(100))
    if isinstance(kind, Text):
        return ScalarValue(value=f"text {rng.integers(1000)}", source=source, number=number)
    if isinstance(kind, Scalar) and kind.combine in {"sum", "last"}:
        return ScalarValue(value=int(rng.integers(-1000, 1000)), source=source, number=number)
    return ScalarValue(value=float(rng.normal()))


def closed_set(contents: Contents, *, run: int, lumisection: int, **fields: Any) -> HistogramSet:
    """The closing set of one partition; `fields` replaces what is not said here.

    By default it is segment 0 of the only partition, and its account has one chunk of 10 events
    of one source whose end was announced.
    """
    partition = fields.get("partition", 0)
    given: dict[str, Any] = {
        "set": "set",
        "run": run,
        "lumisection": lumisection,
        "segment": 0,
        "workspace": contents.layout.workspace,
        "partition": partition,
        "partitions": 1,
        "booking": contents.layout.hash,
        "through": 100 * lumisection,
        "epoch": 0,
        "closed": True,
        "whole": True,
        "writer": "filler",
        "account": _account(partition, fields.get("partitions", 1)),
        "cells": contents.encode(),
        "scalars": contents.scalars,
        "invalid": contents.invalid,
        "published": 1_700_000_000_000_000_000 + lumisection,
    }
    return HistogramSet(**(given | fields))


def partition_sets(
    layout: Layout,
    rng: np.random.Generator,
    *,
    run: int,
    lumisection: int,
    partitions: int,
    **fields: Any,
) -> Iterator[HistogramSet]:
    """The closing sets of all partitions of an LS, with random contents."""
    for partition in range(partitions):
        yield closed_set(
            random_contents(layout, rng),
            run=run,
            lumisection=lumisection,
            partition=partition,
            partitions=partitions,
            **fields,
        )


def _account(partition: int, partitions: int) -> Account:
    """Chunk number `partition` of as many chunks as there are partitions."""
    mask = 1 << partition
    source = SourceAccount(
        source="detector",
        incarnation="a",
        rereadable=True,
        chunks=mask.to_bytes(mask.bit_length() // 8 + 1, "little"),
        marker=partitions,
        seen=10,
        selected=8,
        dropped=2,
    )
    return Account(sources=(source,), closed_by="markers")
