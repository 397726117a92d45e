"""How far apart two distributions lie along their axis: by their cumulative sums."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_numeric,
)
from dqmstream.quality.algorithms import bridge
from dqmstream.quality.algorithms.chi2 import pulls_of_bins
from dqmstream.quality.algorithms.compared import Bins, in_bins, listed
from dqmstream.quality.bins import bin_positions
from dqmstream.quality.stack import Stack

__all__ = [
    "ALGORITHMS",
    "AndersonDarling",
    "KolmogorovSmirnov",
    "Wasserstein",
    "anderson_darling",
    "kolmogorov_smirnov",
    "wasserstein",
]

Floats = NDArray[np.float64]


class KolmogorovSmirnov(Parameters, frozen=True, kw_only=True):
    """How the largest difference of cumulative sums is judged.

    `asymptotic` takes the limit for unbinned data, as ROOT does: conservative, the more so the
    fewer bins there are. `flow` takes under- and overflow as bins of their own.
    """

    asymptotic: bool = False
    flow: bool = False


class AndersonDarling(Parameters, frozen=True, kw_only=True):
    """`flow` takes under- and overflow as bins of their own."""

    flow: bool = False


class Wasserstein(Parameters, frozen=True, kw_only=True):
    """`tolerance`, in the axis's unit, is how far good data may be from the reference by nature."""

    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.0


def kolmogorov_smirnov(stack: Stack, parameters: KolmogorovSmirnov) -> Findings:
    """Probability of cumulative sums as far apart, if both come of one distribution.

    D = max |F - G| over the edges of bins, F and G the cumulative fractions of data and reference;
    d = D sqrt(n m / (n + m)), n = (sum w)^2 / sum w^2 of each. qtresult = P(max |B(t)| >= d), B a
    Brownian bridge at the cumulative fractions t of both together: `bridge.largest`, never too
    small and at most 1.5 times too large; with `asymptotic` the limit of Kolmogorov, of infinitely
    many bins, as ROOT's TH1::KolmogorovTest. Compares shapes only, whatever the scale. Valid from
    about 30 entries in both; blind to narrow spikes. Source: N. V. Smirnov, Ann. Math. Stat. 19
    (1948) 279; of discrete data, W. J. Conover, J. Am. Stat. Assoc. 67 (1972) 591.
    """
    sides = _Sides.of(stack, flow=parameters.flow)
    distance = np.abs(sides.apart).max(axis=1, initial=0.0)
    d = distance * sides.root
    p_value = kolmogorov(d) if parameters.asymptotic else bridge.largest(d, sides.together)
    return sides.findings("largest difference of cumulative fractions", distance, d, p_value)


def anderson_darling(stack: Stack, parameters: AndersonDarling) -> Findings:
    """Probability of an Anderson-Darling A^2 as large, if both come of one distribution.

    A^2 = (N - 1) / N^2 sum_j l_j (1/n + 1/m) (N M_j - n B_j)^2 / (B_j (N - B_j) - N l_j / 4) over
    the bins, with l_j of all N entries in bin j, M_j and B_j the entries of the data and of both
    below the middle of bin j: the form for ties of F. W. Scholz and M. A. Stephens, J. Am. Stat.
    Assoc. 82 (1987) 918, eq. 7. Under the null it is a quadratic form of a Brownian bridge;
    qtresult = P(A^2 or more) by `bridge.squares` from the eigenvalues for these very bins, so it
    reaches below the 0.001 at which tables end. Weights count as (sum w)^2 / sum w^2 entries.

    Compares shapes only, and weighs tails more than Kolmogorov and Smirnov do. Valid from about 30
    entries in both.
    """
    sides = _Sides.of(stack, flow=parameters.flow)
    middle = sides.together - sides.shares / 2
    apart = sides.apart - sides.parts / 2
    variance = middle * (1 - middle) - sides.shares / 4
    used = (sides.shares > 0) & (variance > 1e-12)
    terms = np.divide(sides.shares * apart**2, variance, out=np.zeros(apart.shape), where=used)
    total = sides.entries + sides.other
    exact = np.divide(total - 1, total, out=np.ones(len(total)), where=total > 1)
    statistic = exact * sides.root**2 * terms.sum(axis=1)
    p_value = bridge.squares(statistic, middle, np.where(used, sides.shares, 0.0), variance)
    return sides.findings(
        "Anderson-Darling A^2 against the reference", statistic, statistic, p_value
    )


def wasserstein(stack: Stack, parameters: Wasserstein) -> Findings:
    """Distance by which entries have to be moved to get the reference, and its probability.

    W = integral |F - G| dx = sum |F_j - G_j| (x_(j+1) - x_j), entries at bin centres x, in the
    axis's unit (L. V. Kantorovich; one-dimensional form of S. S. Vallender, Theory Prob. Appl. 18
    (1974) 784). qtresult = P(W - tolerance or more) of fluctuations: that of the integral of a
    Brownian bridge's absolute value (`bridge.area`), within 20 % down to 0.01 and
    conservative below. Shapes only. Valid from about 30 entries in both, flow left out.
    """
    axis = stack.axes[0]
    sides = _Sides.of(stack, flow=False)
    widths = np.diff(bin_positions(axis)[1:-1])
    apart, together = sides.apart[:, :-1], sides.together[:, :-1]
    distance = np.abs(apart) @ widths
    beyond = np.maximum(distance - parameters.tolerance, 0.0) * sides.root
    p_value = bridge.area(beyond, together, widths)
    unit = f" {axis.unit}" if axis.unit else ""
    return sides.findings(
        f"mean distance of {axis.label or 'x'} to the reference",
        distance,
        distance,
        p_value,
        unit=axis.unit,
        limit=f"at most {parameters.tolerance:g}{unit} but for chance",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sides:
    """Cumulative sums of data and reference, [n, bins], and their equivalent entries, [n].

    `together` are the cumulative fractions of both together, `shares` their steps; `apart` is the
    difference of the cumulative fractions, `parts` its steps; `root` is sqrt(n m / (n + m)).
    """

    data: Bins
    reference: Bins
    entries: Floats
    other: Floats
    together: Floats
    shares: Floats
    apart: Floats
    parts: Floats
    root: Floats

    @classmethod
    def of(cls, stack: Stack, *, flow: bool) -> Self:
        data, reference = in_bins(stack, flow=flow), in_bins(stack.references[0].stack, flow=flow)
        first, second = _fractions(data), _fractions(reference)
        n, m = _equivalent(data), _equivalent(reference)
        both = np.maximum(n + m, 1e-300)
        shares = (first * n[:, None] + second * m[:, None]) / both[:, None]
        return cls(
            data=data,
            reference=reference,
            entries=n,
            other=m,
            together=np.minimum(np.cumsum(shares, axis=1), 1.0),
            shares=shares,
            apart=np.cumsum(first - second, axis=1),
            parts=first - second,
            root=np.sqrt(n * m / both),
        )

    def findings(
        self,
        quantity: str,
        measured: Floats,
        statistic: Floats,
        p_value: Floats,
        *,
        unit: str = "",
        limit: str = "within chance",
    ) -> Findings:
        """What was found; the worst bins are those of a chi2."""
        data, reference = self.data, self.reference
        lost = (self.entries <= 0) | (self.other <= 0)
        scale = np.divide(
            data.content.sum(axis=1),
            reference.content.sum(axis=1),
            out=np.zeros(len(lost)),
            where=~lost,
        )
        scale = np.where(scale < 1e30, scale, 0.0)
        pulls = pulls_of_bins(data, reference, scale, np.ones(len(scale), bool))
        reason = "the sum of contents of data or reference is not positive"
        return Findings(
            quantity=quantity,
            unit=unit,
            limit=limit,
            qtresult=p_value,
            measured=measured,
            entries=data.entries.sum(axis=1).astype(np.int64),
            content=data.shaped(data.content),
            severity=data.shaped(listed(pulls, p_value)),
            first_bin=data.first_bin,
            insufficient={int(row): reason for row in np.flatnonzero(lost)},
            p_value=p_value,
            statistic=statistic,
        )


def _fractions(bins: Bins) -> Floats:
    total = bins.content.sum(axis=1, keepdims=True)
    fractions: Floats = bins.content / np.where(total > 0, total, 1.0)
    return fractions


def _equivalent(bins: Bins) -> Floats:
    """float64[n]: entries of weight 1 with the same relative error; 0 without contents."""
    total, squares = bins.content.sum(axis=1), bins.variance.sum(axis=1)
    good = (total > 0) & (squares > 0)
    entries: Floats = np.divide(total**2, squares, out=np.zeros(len(total)), where=good)
    return entries


def _declared(parameters: type[Parameters], measure: Any) -> Algorithm[Any]:
    return Algorithm(
        name=parameters.__name__,
        parameters=parameters,
        measure=measure,
        refusal=refuse_unless_numeric,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.REFERENCE,
    )


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    _declared(KolmogorovSmirnov, kolmogorov_smirnov),
    _declared(AndersonDarling, anderson_darling),
    _declared(Wasserstein, wasserstein),
)
