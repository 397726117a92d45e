"""What an algorithm is: a function of a stack and its parameters, with its defaults. A value.

To add one: write the function, declare its parameters as a frozen struct, and put an `Algorithm`
into the `ALGORITHMS` of its module, which `dqmstream.quality.registry` collects; or name it in an
entry point of the group `dqmstream.quality_tests` of a package of your own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Generic, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Category, Element, Histogram, Profile
from dqmstream.quality.stack import Stack, per_element

__all__ = [
    "Algorithm",
    "Findings",
    "Needs",
    "Parameters",
    "Sigmas",
    "WholeStackError",
    "refuse_unless_bins",
    "refuse_unless_numeric",
]

Sigmas = Annotated[float, msgspec.Meta(gt=0, le=30)]
"""A significance in standard deviations of a normal distribution, one-sided."""


class WholeStackError(RuntimeError):
    """An algorithm failed on a stack, and would on each row of it: it took too long, or died."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of an algorithm; a ValueError in `__post_init__` refuses a combination."""


ParametersT = TypeVar("ParametersT", bound=Parameters)


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What an algorithm found in a stack of n elements.

    Parameters
    ----------
    quantity, unit
        What `measured` is, for the message: "fraction of ...".
    qtresult
        float64[n] in [0, 1], higher is better: a fraction of what is good, or a probability.
    measured
        float64[n] in `unit`.
    entries
        int64[n] entries the result rests on.
    limit
        What `measured` should be; empty if it is the qtresult, whose thresholds are the limit.
    content
        float64[n, bins...] shown beside failed bins.
    severity
        float64[n, bins...]: 0 where a bin passes, else larger is worse.
    first_bin
        Bin number of index 0 in `content`: -1 on an axis whose underflow is judged too.
    insufficient
        Row to why its statistics do not allow a result; its other values are then not used.
    p_value
        float64[n]: chance of a result at least as bad if nothing is wrong, NaN where it cannot be
        said; None if the algorithm makes no such statement. Those that do can be corrected for the
        number of tests of an LS.
    statistic
        float64[n] that the p-value comes from (chi2, distance), for the report; `measured` if None.
    ndof
        float64[n] degrees of freedom of the statistic, where it has any.
    """

    quantity: str
    qtresult: NDArray[np.float64]
    measured: NDArray[np.float64]
    entries: NDArray[np.int64]
    limit: str = ""
    unit: str = ""
    content: NDArray[np.float64] | None = None
    severity: NDArray[np.float64] | None = None
    first_bin: int = 0
    insufficient: dict[int, str] = field(default_factory=dict)
    p_value: NDArray[np.float64] | None = None
    statistic: NDArray[np.float64] | None = None
    ndof: NDArray[np.float64] | None = None

    @classmethod
    def of_bins(
        cls,
        quantity: str,
        *,
        entries: NDArray[np.int64],
        content: NDArray[np.float64],
        severity: NDArray[np.float64],
        judged: NDArray[np.bool_],
        insufficient: Mapping[int, str] = MappingProxyType({}),
    ) -> Self:
        """Findings of an algorithm that judges bins: the fraction of those judged that pass.

        All arrays are [n, bins...] without flow; a bin with a severity must be a judged one.
        """
        bins = per_element(judged).sum(axis=1)
        passed = bins - np.count_nonzero(per_element(severity), axis=1)
        fraction = np.divide(passed, bins, out=np.zeros(len(bins)), where=bins > 0)
        return cls(
            quantity=quantity,
            qtresult=fraction,
            measured=fraction,
            entries=per_element(entries).sum(axis=1),
            content=content,
            severity=severity,
            insufficient={int(row): "no bin can be judged" for row in np.flatnonzero(bins == 0)}
            | dict(insufficient),
        )


class Needs(StrEnum):
    """What an algorithm looks at besides the elements themselves."""

    NOTHING = "nothing"
    REFERENCE = "reference"
    """`Stack.references`: one or more."""
    BAND = "band"
    """`Stack.bands`: one."""
    PARTNER = "partner"
    """`Stack.references`: the element of the same LS that `partner` names, scale 1."""
    PAST = "past"
    """`Stack.past`: up to `lookback` LSs."""


def _no_partner(parameters: Any, path: str) -> str:
    msg = f"the algorithm has no partner for {path} ({parameters})"
    raise NotImplementedError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class Algorithm(Generic[ParametersT]):
    """A named way to judge elements.

    Parameters
    ----------
    name
        As in CMSSW where CMSSW has it.
    parameters
        Type of the parameters; its fields are the keys of the tests file.
    measure
        The algorithm. It never sees an element that `refusal` or `refusal_with` refuses.
    refusal
        Why an element cannot be judged by it (wrong kind or axis); empty if it can.
    refusal_with
        Why an element, not refused for itself, cannot be judged with some parameters.
    warning, error
        Default thresholds: a qtresult below is WARNING, or BAD.
    min_entries
        Default least number of entries.
    needs
        What it looks at besides; an element for which that is not there is NOT_RUN.
    references
        Most references it uses.
    lookback
        LSs before the one judged that it looks at.
    counts
        Whether, with some parameters, it compares numbers of entries with those of LSs before, so
        that they may be taken by luminosity.
    partner
        Path of the element that an element is compared with.
    """

    name: str
    parameters: type[ParametersT]
    measure: Callable[[Stack, ParametersT], Findings]
    refusal: Callable[[Element], str]
    warning: float
    error: float
    min_entries: int
    refusal_with: Callable[[ParametersT, Element], str] = lambda _parameters, _element: ""
    needs: Needs = Needs.NOTHING
    references: int = 1
    lookback: Callable[[ParametersT], int] = lambda _parameters: 0
    counts: Callable[[ParametersT], bool] = lambda _parameters: False
    partner: Callable[[ParametersT, str], str] = _no_partner


def refuse_unless_numeric(element: Element) -> str:
    """Refusal of all but one-dimensional histograms over numbers."""
    if not isinstance(element, Histogram) or len(element.axes) != 1:
        return f"needs a one-dimensional histogram, got {_kind(element)}"
    if isinstance(element.axes[0], Category):
        return "needs an axis of numbers, got categories"
    return ""


def refuse_unless_bins(element: Element) -> str:
    """Refusal of all but histograms and profiles in one or two dimensions."""
    if not isinstance(element, Histogram | Profile) or len(element.axes) > 2:
        return f"needs a histogram or profile in 1 or 2 dimensions, got {_kind(element)}"
    return ""


def _kind(element: Element) -> str:
    name = type(element).__name__.lower()
    if isinstance(element, Histogram | Profile):
        return f"a {name} in {len(element.axes)} dimensions"
    return f"a {name}"
