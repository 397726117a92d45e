"""A candidate beside production: of each element it is said what differs, bit by bit."""

from dataclasses import replace

import numpy as np
import pytest

from dqmstream.client import Element
from dqmstream.client.element import Axis
from services.deploying.beside import Pair, pair

CHARGE = Element(
    path="Pixel/charge",
    workspace="pixel",
    title="charge",
    kind="profile",
    storage="profile",
    axes=(Axis(type="regular", edges=np.linspace(0.0, 10.0, 4)),),
    run=1,
    first=1,
    last=3,
    lumisections=3,
    closed=True,
    complete=True,
    whole=True,
    entries=6,
    cells={
        "counts": np.array([0, 1, 2, 3, 0]),
        "values": np.array([np.nan, 1.0, 2.0, 3.0, np.nan]),
    },
)


def test_equal_elements_are_the_same_empty_bins_included() -> None:
    assert pair("p", CHARGE, replace(CHARGE)) == Pair(path="p", says="same", entries=(6, 6))


@pytest.mark.parametrize(
    ("changed", "says", "cells"),
    [
        ({"cells": CHARGE.cells | {"counts": np.array([0, 1, 3, 2, 0])}}, "different", 2),
        ({"cells": CHARGE.cells | {"values": np.full(5, np.nan)}}, "different", 3),
        ({"nan": 1}, "different", 0),
        ({"invalid": "filling failed"}, "different", 0),
        ({"lumisections": 2, "last": 2}, "same, of other LSs", 0),
        ({"axes": (Axis(type="regular", edges=np.linspace(0.0, 11.0, 4)),)}, "re-binned", 0),
        ({"axes": (Axis(type="regular", edges=np.linspace(0.0, 10.0, 6)),)}, "re-binned", 0),
        ({"storage": "count", "kind": "histogram"}, "of another kind", 0),
    ],
)
def test_what_differs_is_named(changed: dict, says: str, cells: int) -> None:
    found = pair("p", CHARGE, replace(CHARGE, **changed))
    assert (found.says, found.cells) == (says, cells)


def test_what_only_one_has_is_named() -> None:
    assert pair("p", None, CHARGE).says == "only in the candidate"
    assert pair("p", CHARGE, None).says == "only in production"
