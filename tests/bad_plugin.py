"""Algorithms as the worst of plug-ins bring them: each misbehaves in its own way."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from dqmstream.quality.algorithm import Algorithm, Findings, Parameters
from dqmstream.quality.stack import Stack


def _findings(stack: Stack, value: float = 1.0, rows: int | None = None) -> Findings:
    count = len(stack) if rows is None else rows
    return Findings(
        quantity="quantity",
        qtresult=np.full(count, value),
        measured=np.full(count, value),
        entries=stack.entries.sum(axis=1),
    )


def good(stack: Stack, _: Parameters) -> Findings:
    sys.stdout.write("a plug-in that talks")
    return _findings(stack)


def raises(stack: Stack, _: Parameters) -> Findings:
    if (stack.entries[:, 1] == 13).any():
        msg = "thirteen entries"
        raise LookupError(msg)
    return _findings(stack)


def hangs(stack: Stack, _: Parameters) -> Findings:
    while True:
        time.sleep(1)


def hangs_deaf(stack: Stack, _: Parameters) -> Findings:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(1)


def exits(stack: Stack, _: Parameters) -> Findings:
    os._exit(7)


def leaves(stack: Stack, _: Parameters) -> Findings:
    sys.exit("enough")


def crashes(stack: Stack, _: Parameters) -> Findings:
    ctypes.string_at(0)
    return _findings(stack)


def eats(stack: Stack, _: Parameters) -> Findings:
    held = []
    while True:
        held.append(np.zeros(64 << 20))


def not_a_number(stack: Stack, _: Parameters) -> Findings:
    return _findings(stack, float("nan"))


def wrong_shape(stack: Stack, _: Parameters) -> Findings:
    return _findings(stack, rows=len(stack) + 1)


def nothing(stack: Stack, _: Parameters) -> Any:
    return None


def chatters(stack: Stack, _: Parameters) -> Findings:
    sys.stderr.write("x" * (4 << 20))
    return _findings(stack)


def scribbles(stack: Stack, _: Parameters) -> Findings:
    """Write garbage to every descriptor there is."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"garbage that is no frame, and long enough for a length")
        except OSError:
            continue
    return _findings(stack)


def _algorithm(measure: Callable[[Stack, Any], Findings]) -> Algorithm[Any]:
    return Algorithm(
        name=f"Plugin_{measure.__name__}",
        parameters=Parameters,
        measure=measure,
        refusal=lambda _element: "",
        warning=1.0,
        error=0.5,
        min_entries=1,
    )


ALGORITHMS = tuple(
    map(
        _algorithm,
        (
            good,
            raises,
            hangs,
            hangs_deaf,
            exits,
            leaves,
            crashes,
            eats,
            not_a_number,
            wrong_shape,
            nothing,
            chatters,
            scribbles,
        ),
    )
)
