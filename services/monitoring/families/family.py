"""What is declared of one metric."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["PLACE", "Family"]

PLACE: Final = ("topic", "partition")
"""Labels of what is counted by partition."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Parameters
    ----------
    name
        As exposed, for a counter without its `_total`.
    kind
        A gauge is summed over the progresses of a process, `newest` is a gauge of which the
        highest counts; a histogram's field holds `Durations`.
    text
        Meaning, for people.
    field
        Name of the progress's field, dotted if it is further down: a number or `Durations`, or a
        mapping from label value(s) to those if there are labels.
    labels
        Names of its labels.
    each
        Name of a mapping of the progress, from values of the first label to what has the field;
        empty: the progress has it itself.
    known
        Values of its only label that are exposed from the start, as 0: an increase from nothing is
        none to Prometheus.
    """

    name: str
    kind: Literal["counter", "gauge", "newest", "histogram"]
    text: str
    field: str
    labels: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    each: str = ""
