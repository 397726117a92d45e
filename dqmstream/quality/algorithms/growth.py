"""How many entries an LS brings: stopped, at another rate, or none for long."""

from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, pdtr, pdtrc

from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.algorithms.series import refuse_unless_number, series_findings, series_of
from dqmstream.quality.stack import Stack

__all__ = [
    "ALGORITHMS",
    "EntriesStopped",
    "Freshness",
    "RateChange",
    "entries_stopped",
    "freshness",
    "rate_change",
]

Floats = NDArray[np.float64]

_TELLING: Final = 1e-3


class EntriesStopped(Parameters, frozen=True, kw_only=True):
    """`share` is how much of the entries of the LSs before a good LS has at least."""

    lumisections: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.2


class RateChange(Parameters, frozen=True, kw_only=True):
    """LSs to compare with, and how far good rates scatter from LS to LS.

    `tolerance` is a relative standard deviation. `gap` LSs right before the one judged are left
    out, so that a fault does not become what is usual at once. Fewer than `least` others are too
    few to say what is usual. `capped`: rates may be limited, and then do not follow the luminosity;
    what is unusual by luminosity has to be so by LS too.
    """

    lumisections: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    gap: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.03
    direction: Literal["both", "down", "up"] = "both"
    least: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    capped: bool = False

    def __post_init__(self) -> None:
        if self.least > self.lumisections:
            msg = f"least is {self.least}, expected at most lumisections = {self.lumisections}"
            raise ValueError(msg)


class Freshness(Parameters, frozen=True, kw_only=True):
    """LSs without a new entry that are nothing unusual."""

    lumisections: Annotated[int, msgspec.Meta(ge=1, le=300)] = 3


def entries_stopped(stack: Stack, parameters: EntriesStopped) -> Findings:
    """Probability of so few entries, if the LS has `share` of the rate of those before.

    x entries now, K in the m LSs before: given x + K, x is binomial with q = share / (m + share),
    whatever the rate is (J. Przyborowski and H. Wilenski, Biometrika 31 (1940) 313), and
    p = P(x or fewer). By luminosity m is that of the LSs before in units of the one judged. Exact
    for Poisson counts at the smallest good rate, conservative above it. INSUFFICIENT where even
    x = 0 has p above 0.001. Flow counts.
    """
    series = series_of(stack, "entries")
    now, before = series.value[:, -1], series.value[:, :-1].sum(axis=1)
    exposure = float(series.exposure[:-1].sum())
    q = parameters.share / (exposure + parameters.share)
    # The binomial tail for whole numbers ends at 2^31 entries.
    some = betaincc(now + 1, np.maximum(before, 1.0), q)
    p_value = np.where(before > 0, some, 1.0)
    at_none = (1 - q) ** before
    expected = before / exposure if exposure else before
    return series_findings(
        f"entries as a share of those per {_unit(stack)} before",
        f"at least {parameters.share:g}",
        series,
        (p_value, np.divide(now, expected, out=np.zeros(len(now)), where=expected > 0), now),
        {
            int(row): f"{expected[row]:.3g} per LS before: none now would not be unusual"
            for row in np.flatnonzero(at_none > _TELLING)
        },
    )


def rate_change(stack: Stack, parameters: RateChange) -> Findings:
    """Probability of entries as far from those of the LSs before, as many or as few.

    x entries now, K in m LSs before. The rate before is K / m with variance K / m^2, and rates
    scatter by tolerance K / m in each LS; as a gamma distribution of the same mean and variance
    v = K / m^2 + (tolerance K / m)^2 (1 + 1 / m) they make x negative binomial:
    P(N <= x) = I_q(r, x + 1) and P(N >= x) = 1 - I_q(r + 1, x), with r = (K / m)^2 / v and
    q = r / (r + K / m).
    With tolerance 0 these are the exact binomial tails of two Poisson counts, given their sum.
    Two-sided: twice the smaller tail. Counts are discrete, and conservative when few. By luminosity
    K / m is K over the luminosity of the LSs before in units of that of the one judged. `capped`
    takes the larger of the p-values by luminosity and by LS: valid whichever of both rates go by.
    """
    series = series_of(stack, "entries")
    lookback = series.value.shape[1] - 1
    kept = max(lookback - parameters.gap, 1)
    now, before = series.value[:, -1], series.value[:, :kept].sum(axis=1)
    rate, variance, p_value = _tails(
        now, before, float(series.exposure[:kept].sum()), kept, parameters
    )
    if parameters.capped and stack.luminosity is not None:
        p_value = np.maximum(p_value, _tails(now, before, float(kept), kept, parameters)[2])
    return series_findings(
        f"entries in units of those per {_unit(stack)} before",
        "1",
        series,
        (p_value, now / rate, (now - rate) / np.sqrt(variance + rate)),
        _nothing_usual(before, kept, parameters),
    )


def _tails(
    now: Floats, before: Floats, exposure: float, kept: int, parameters: RateChange
) -> tuple[Floats, Floats, Floats]:
    """Rate expected, its variance, and p-values, of each row."""
    rate = np.maximum(before / exposure, 1e-9)
    variance = rate / exposure + (parameters.tolerance * rate) ** 2 * (1 + 1 / kept)
    shape = rate**2 / variance
    q = shape / (shape + rate)
    fewer = betainc(shape, now + 1, q)
    more = 1 - np.where(now > 0, betainc(shape + 1, np.maximum(now, 1.0), q), 0.0)
    # A rate known exactly has a gamma of no width.
    sharp = shape > 1e8
    fewer = np.where(sharp, pdtr(now, rate), fewer)
    more = np.where(sharp & (now > 0), pdtrc(now - 1, rate), more)
    tails = {"down": fewer, "up": more, "both": 2 * np.minimum(fewer, more)}
    return rate, variance, np.clip(tails[parameters.direction], 0.0, 1.0)


def _unit(stack: Stack) -> str:
    return "LS" if stack.luminosity is None else "luminosity"


def _nothing_usual(
    before: NDArray[np.float64], kept: int, parameters: RateChange
) -> dict[int, str]:
    """Rows of which it is not known what is usual, and why."""
    if kept < parameters.least:
        apart = f" more than {parameters.gap} LSs ago" if parameters.gap else " before"
        return dict.fromkeys(
            range(len(before)), f"{kept} LSs{apart}, {parameters.least} are needed"
        )
    return {int(row): "no entries in the LSs before" for row in np.flatnonzero(before == 0)}


def freshness(stack: Stack, parameters: Freshness) -> Findings:
    """How long ago the last entry came, in LSs.

    qtresult = 1 up to `lumisections`, above it lumisections / age. The age is that of the last LS
    with an entry among four times as many; an element without any in all of them is INSUFFICIENT.
    No p-value: it says nothing of what is expected.
    """
    series = series_of(stack, "entries")
    filled = series.value > 0
    last = np.where(filled, series.lumisection, -np.inf).max(axis=1)
    ever = np.isfinite(last)
    age = np.where(ever, series.lumisection[-1] - np.where(ever, last, 0.0), 0.0)
    allowed = float(parameters.lumisections)
    return Findings(
        quantity="LSs since the last entry",
        limit=f"at most {parameters.lumisections}",
        qtresult=np.minimum(allowed / np.maximum(age, allowed), 1.0),
        measured=age,
        entries=series.entries.sum(axis=1),
        insufficient={int(row): "no entries in these LSs" for row in np.flatnonzero(~ever)},
    )


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="EntriesStopped",
        parameters=EntriesStopped,
        measure=entries_stopped,
        refusal=refuse_unless_number,
        warning=1e-4,
        error=1e-6,
        min_entries=1,
        needs=Needs.PAST,
        lookback=lambda parameters: parameters.lumisections,
        counts=lambda _: True,
    ),
    Algorithm(
        name="RateChange",
        parameters=RateChange,
        measure=rate_change,
        refusal=refuse_unless_number,
        warning=1e-4,
        error=1e-6,
        min_entries=20,
        needs=Needs.PAST,
        lookback=lambda parameters: parameters.lumisections + parameters.gap,
        counts=lambda _: True,
    ),
    Algorithm(
        name="Freshness",
        parameters=Freshness,
        measure=freshness,
        refusal=refuse_unless_number,
        warning=1.0,
        error=0.5,
        min_entries=1,
        needs=Needs.PAST,
        lookback=lambda parameters: 4 * parameters.lumisections,
    ),
)
