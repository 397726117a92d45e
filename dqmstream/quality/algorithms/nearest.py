"""A histogram against the most similar of many good LSs."""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_bins,
)
from dqmstream.quality.algorithms.compared import in_bins
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "NearestReference", "distances", "nearest_reference"]

Floats = NDArray[np.float64]


class NearestReference(Parameters, frozen=True, kw_only=True):
    """How alike an LS has to be to some good ones.

    `neighbours` is over how many of the most similar references the distance is averaged.
    `alike` is to how many entries good LSs are alike by nature: an LS with more counts as one of so
    many. `allowed` is the distance per filled bin that is good.
    """

    neighbours: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    alike: Annotated[int, msgspec.Meta(ge=10)] = 2000
    allowed: Annotated[float, msgspec.Meta(gt=0)] = 3.0


def nearest_reference(stack: Stack, parameters: NearestReference) -> Findings:
    """How far an LS is from the good ones that it is most similar to.

    d = 4 n m / (n + m) sum (sqrt p - sqrt q)^2, p and q the fractions of data and reference in each
    bin, n (at most `alike`) and m their entries: Hellinger's distance in units of its fluctuations,
    where square roots of Poisson counts have variance 1/4. So d is like a chi2 of the filled bins.
    measured = mean of the `neighbours` smallest d, per bin filled in data or the nearest reference;
    qtresult = allowed / measured, at most 1. Good LSs of several kinds (another beam spot, another
    menu) are all good, which no band or single reference says: on real labels it is one of the two
    distances that count (docs/quality-tests.md). No p-value: `allowed` is to be chosen on good LSs.
    Shapes only. Flow is left out. Sources: E. Hellinger, J. reine angew. Math. 136 (1909) 210; M.
    S. Bartlett, J. R. Stat. Soc. Suppl. 3 (1936) 68.
    """
    data = in_bins(stack).entries
    references = [in_bins(one.stack).entries for one in stack.references]
    total = data.sum(axis=1)
    each = np.stack([distances(data, other, parameters.alike) for other in references], axis=1)
    known = np.stack([other.sum(axis=1) > 0 for other in references], axis=1)
    each = np.where(known, each, np.inf)
    first = each.argmin(axis=1)
    closest = np.stack(references, axis=1)[np.arange(len(data)), first]
    filled = np.maximum(((data > 0) | (closest > 0)).sum(axis=1), 1)
    number = np.minimum(parameters.neighbours, known.sum(axis=1))
    ordered = np.sort(each, axis=1)
    within = np.arange(each.shape[1]) < number[:, None]
    mean = np.where(within, ordered, 0.0).sum(axis=1) / np.maximum(number, 1)
    measured = mean / filled
    scale = total / np.maximum(closest.sum(axis=1), 1)
    pulls = 2 * np.abs(np.sqrt(data) - np.sqrt(closest * scale[:, None]))
    severity = np.where((pulls > 2) & (measured > parameters.allowed)[:, None], pulls, 0.0)
    shape = stack.entries[stack.inner].shape
    reasons = {int(row): "no reference has entries" for row in np.flatnonzero(number == 0)}
    return Findings(
        quantity="distance per bin to the nearest references",
        limit=f"at most {parameters.allowed:g}",
        qtresult=np.minimum(parameters.allowed / np.maximum(measured, parameters.allowed), 1.0),
        measured=measured,
        entries=total.astype(np.int64),
        content=data.reshape(shape),
        severity=severity.reshape(shape),
        statistic=mean,
        ndof=filled.astype(np.float64),
        insufficient=reasons | {int(row): "no entries" for row in np.flatnonzero(total == 0)},
    )


def distances(data: Floats, reference: Floats, alike: float) -> Floats:
    """float64[n]: Hellinger's distance of each row to the same row of the reference, see above."""
    n, m = data.sum(axis=1), reference.sum(axis=1)
    p, q = data / np.maximum(n, 1)[:, None], reference / np.maximum(m, 1)[:, None]
    apart = ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=1)
    units: Floats = 4 * apart * _units(np.minimum(n, alike), m)
    return units


def _units(n: Floats, m: Floats) -> Floats:
    units: Floats = n * m / np.maximum(n + m, 1)
    return units


# A third of the likeness of a good LS is three times the allowed distance.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="NearestReference",
        parameters=NearestReference,
        measure=nearest_reference,
        refusal=refuse_unless_bins,
        warning=1.0,
        error=0.33,
        min_entries=100,
        needs=Needs.REFERENCE,
        references=64,
    ),
)
