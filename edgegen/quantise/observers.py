"""Observers: which range of a tensor's values 8 bits should cover.

Each takes a histogram and gives the lowest and highest real value to represent, with zero between
them. Narrower than the observed range means that values beyond are clipped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgegen.ir import DType, QuantParams
from edgegen.quant.fixed_point import round_half_away
from edgegen.quantise.histogram import Histogram

Float64 = npt.NDArray[np.float64]
Range = tuple[float, float]

STEPS = 255
"""Steps between the lowest and the highest int8 value."""
PERCENTILE = 99.99
"""Share of values, in percent, that the percentile observer covers at either end."""
CANDIDATES = 80
"""Ranges that a searching observer tries at each end of the range."""
ROUNDS = 2
"""How often the search for the least error looks at each end."""
NARROWEST = 0.2
"""The narrowest range that is tried, as a share of the observed one."""
_SMALLEST_SCALE = 2.0**-100
INT16_STEPS = 32767
"""Steps of int16 on either side of 0."""
INT16_HEADROOM = 2.0
"""int16 covers so many times what was seen: clipping what samples did not show would cost far more
than a bit of 15."""


def parameters(span: Range) -> QuantParams:
    """Scale and zero point of int8 that cover a range as closely as possible.

    The scale is a float32; the zero point is an integer, so that 0.0 is exact. A range of nothing
    but zero gets the scale 1.
    """
    low, high = min(span[0], 0.0), max(span[1], 0.0)
    scale = float(np.float32((high - low) / STEPS))
    if scale < _SMALLEST_SCALE:
        return QuantParams((1.0,), (0,))
    zero_point = round_half_away(-128 - low / scale)
    return QuantParams((scale,), (max(-128, min(127, zero_point)),))


def int16_parameters(span: Range) -> QuantParams:
    """The scale of int16 that covers a range and more; its zero point is 0, as TFLite demands."""
    scale = float(np.float32(INT16_HEADROOM * max(-span[0], span[1], 0.0) / INT16_STEPS))
    return QuantParams((1.0 if scale < _SMALLEST_SCALE else scale,), (0,))


def real_range(quant: QuantParams, dtype: DType = DType.INT8) -> Range:
    """The lowest and highest real value with these parameters."""
    low, high = dtype.limits
    return (low - quant.zero_point) * quant.scale, (high - quant.zero_point) * quant.scale


def minmax_of(values: npt.ArrayLike) -> Range:
    """The range of an array, zero included."""
    array = np.asarray(values, np.float64)
    return min(float(array.min()), 0.0), max(float(array.max()), 0.0)


def minmax(histogram: Histogram) -> Range:
    """All that was seen."""
    return min(histogram.low, 0.0), max(histogram.high, 0.0)


def percentile(histogram: Histogram) -> Range:
    """All but the rarest extremes, `PERCENTILE` at either end."""
    low, high = minmax(histogram)
    cumulative = np.cumsum(histogram.bins)
    tail = histogram.count * (1 - PERCENTILE / 100)
    centres = histogram.centres
    first = int(np.searchsorted(cumulative, tail, side="right"))
    last = int(np.searchsorted(cumulative, histogram.count - tail, side="left"))
    half = histogram.width / 2
    return (
        max(low, min(0.0, float(centres[first]) - half)),
        min(high, max(0.0, float(centres[min(last, len(centres) - 1)]) + half)),
    )


def mse(histogram: Histogram) -> Range:
    """The range with the least mean squared error after rounding and clipping."""
    low, high = best = minmax(histogram)
    error = squared_error(histogram, best)
    shares = np.linspace(1.0, NARROWEST, CANDIDATES).tolist()
    # Both ends together first, then each in turn until neither helps.
    candidates = [(low * s, high * s) for s in shares]
    for turn in range(2 * ROUNDS + 1):
        for candidate in candidates:
            found = squared_error(histogram, candidate)
            if found < error:
                best, error = candidate, found
        candidates = [(low * s, best[1]) if turn % 2 else (best[0], high * s) for s in shares]
    return best


def squared_error(histogram: Histogram, span: Range) -> float:
    """Sum of squared errors of all values, each taken as the centre of its bin."""
    quant = parameters(span)
    x = histogram.centres
    q = np.clip(np.round(x / quant.scale) + quant.zero_point, -128, 127)
    error = (q - quant.zero_point) * quant.scale - x
    # Exact zeros are represented exactly, wherever their bin's centre is.
    weights = _without_zeros(histogram)
    return float(np.dot(weights, error * error))


def entropy(histogram: Histogram) -> Range:
    """The range whose 8-bit image loses the least information (Kullback-Leibler divergence).

    Source: S. Migacz, 8-bit Inference with TensorRT, GTC 2017; both ends of the range shrink by
    the same share, exact zeros are left out since they cost nothing.
    """
    low, high = minmax(histogram)
    best, least = (low, high), np.inf
    for share in np.linspace(1.0, NARROWEST, CANDIDATES).tolist():
        candidate = (low * share, high * share)
        divergence = _divergence(histogram, candidate)
        if divergence < least:
            best, least = candidate, divergence
    return best


def _divergence(histogram: Histogram, span: Range) -> float:
    """Divergence of the quantised from the clipped distribution, in nats."""
    quant = parameters(span)
    x, counts = histogram.centres, _without_zeros(histogram)
    levels = np.round(x / quant.scale) + quant.zero_point
    inside = (levels >= -128) & (levels <= 127)
    if not counts[inside].sum():
        return np.inf
    index = (np.clip(levels, -128, 127) + 128).astype(np.int64)[inside]
    kept = counts[inside]
    # What is clipped counts at the edges of the reference, but cannot be told apart afterwards.
    reference = kept.copy()
    reference[0] += counts[: int(np.argmax(inside))].sum()
    reference[-1] += counts[len(inside) - int(np.argmax(inside[::-1])) :].sum()
    occupied = (kept > 0).astype(np.float64)
    mass = np.bincount(index, kept, 256)
    share = np.bincount(index, occupied, 256)
    image = np.where(occupied > 0, mass[index] / np.maximum(share[index], 1), 0.0)
    p = reference / reference.sum()
    q = (image + 1e-9) / (image + 1e-9).sum()
    used = p > 0
    return float(np.sum(p[used] * np.log(p[used] / q[used])))


def _without_zeros(histogram: Histogram) -> Float64:
    counts = histogram.bins.astype(np.float64)
    if histogram.zeros:
        counts[int(np.searchsorted(histogram.centres, 0.0))] -= histogram.zeros
    return counts


OBSERVERS: dict[str, Callable[[Histogram], Range]] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": mse,
    "entropy": entropy,
}
"""All observers by the names that the command line knows."""
