"""The shapes synthetic quantities are drawn from, each by one closed formula.

Values are float32. They are the same for the same generator state, NumPy release and processor;
the last bit of a logarithm or power may differ between processors.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "EULER_GAMMA",
    "Float32",
    "gaussian",
    "geometric",
    "moyal",
    "power_law",
    "relative_crossing",
    "uniform",
]

Float32 = npt.NDArray[np.float32]

EULER_GAMMA: Final = 0.5772156649015329
_TINY: Final = np.float32(1e-30)


def uniform(rng: np.random.Generator, n: int, lower: float, upper: float) -> Float32:
    """`n` values flat in [lower, upper)."""
    values = rng.random(n, dtype=np.float32)
    values *= np.float32(upper - lower)
    values += np.float32(lower)
    return values


def gaussian(rng: np.random.Generator, n: int, mean: float, sigma: float) -> Float32:
    """`n` values of a Gaussian."""
    values = rng.standard_normal(n, dtype=np.float32)
    values *= np.float32(sigma)
    values += np.float32(mean)
    return values


def geometric(rng: np.random.Generator, n: int, mean: float) -> Float32:
    """`n` whole numbers from 1 on, each 1 - 1 / `mean` times as likely as the one before it.

    1 + floor(x) for x exponential with mean -1 / ln(1 - 1 / mean): their mean is `mean`.
    """
    values = rng.standard_exponential(n, dtype=np.float32)
    values *= np.float32(-1 / math.log1p(-1 / mean))
    np.floor(values, out=values)
    values += np.float32(1)
    return values


def moyal(rng: np.random.Generator, n: int, mode: float, scale: float) -> Float32:
    """`n` values of a Moyal distribution, the analytic stand-in for Landau's energy loss.

    If z is a standard Gaussian, -ln(z^2) has the density exp(-(x + exp(-x)) / 2) / sqrt(2 pi) of
    J. E. Moyal, Phil. Mag. 46 (1955) 263. The most probable value is `mode`, the mean
    mode + scale (gamma + ln 2), the variance (pi scale)^2 / 2.
    """
    values = rng.standard_normal(n, dtype=np.float32)
    np.square(values, out=values)
    np.maximum(values, _TINY, out=values)
    np.log(values, out=values)
    values *= np.float32(-scale)
    values += np.float32(mode)
    return values


def power_law(rng: np.random.Generator, n: int, minimum: float, exponent: float) -> Float32:
    """`n` values with density proportional to x^-exponent above `minimum`.

    Inverse of the cumulative distribution; the mean is minimum (exponent - 1) / (exponent - 2)
    for exponents above 2.
    """
    values = rng.random(n, dtype=np.float32)
    np.subtract(np.float32(1), values, out=values)
    np.power(values, np.float32(-1 / (exponent - 1)), out=values)
    values *= np.float32(minimum)
    return values


def relative_crossing(rng: np.random.Generator, n: int, in_time: float) -> npt.NDArray[np.int8]:
    """`n` crossings relative to the event's, -2 to 2: 0 with probability `in_time`.

    Of the others three quarters are one crossing off and a quarter two, early and late alike.
    """
    other = 1 - in_time
    edges = np.cumsum([other / 8, 3 * other / 8, in_time, 3 * other / 8], dtype=np.float32)
    found = np.searchsorted(edges, rng.random(n, dtype=np.float32), side="right")
    return (found - 2).astype(np.int8)
