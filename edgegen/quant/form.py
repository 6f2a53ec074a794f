"""What all requantisation forms share: the final saturation, and the proof of exactness.

A form is a function that a kernel computes in a few instructions, u = form(acc). The `solve_*`
modules hold them; each has `solve_*` (finds constants), `apply_*` (what the instructions do, bit
for bit) and `prove_*` (whether given constants are exact, without trusting the solver).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.staircase import Bools, Channels
from edgegen.quant.word32 import fits

Kernel = Callable[[Int64], Int64]
"""A requantisation: accumulators [channels, points] to u = q + 128 of the same shape."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """Constants of a layer's channels.

    Attributes:
        constant: channels with one output, whose weights the packer must zero: the constants give
            this output for acc = 0, and the form's conditions need not hold for the real weights.
        solved: channels whose constants are valid.
    """

    constant: Bools
    solved: Bools

    @property
    def complete(self) -> bool:
        """Whether the form serves every channel."""
        return bool(self.solved.all())


@dataclass(frozen=True)
class Saturation:
    """What follows the last shift: u = min(USAT(x, bits), ceiling) + offset.

    The usual 0..255 is USAT #8 alone. A low clamp above -128 costs the addition (an ORR where the
    bits do not overlap), a high clamp below 127 the minimum, unless the span is 2**bits.

    Attributes:
        bits: width of the unsigned saturation.
        ceiling: highest v, or None where no accumulator gets above it.
        offset: u of v = 0.
    """

    bits: int
    ceiling: int | None
    offset: int

    def apply(self, x: Int64) -> Int64:
        """Saturates x as the instructions do."""
        v = np.clip(x, 0, (1 << self.bits) - 1)
        return (v if self.ceiling is None else np.minimum(v, self.ceiling)) + self.offset


def saturation(low: int, high: int, greatest: int | None = None) -> Saturation:
    """How to clamp q to [low, high].

    Args:
        low: least q.
        high: greatest q.
        greatest: the greatest v before saturation if it is known.
    """
    steps = high - low
    bits = max(steps.bit_length(), 1)
    if steps != (1 << bits) - 1:
        bits = 8
    free = steps == (1 << bits) - 1 or (greatest is not None and greatest <= steps)
    return Saturation(bits, None if free else steps, low + 128)


def reachable_ends(channels: Channels, form: Form) -> Int64:
    """Least and greatest accumulator that the kernel sees, [channels, 2]."""
    ends = np.stack([channels.acc_min, channels.acc_max], axis=1)
    return np.where(form.constant[:, np.newaxis], 0, ends)


def scaled_fits(ends: Int64, unit: int, offset: Int64) -> Bools:
    """Whether |acc| * unit + |offset| stays within int32 at both ends of each channel.

    So strict a bound holds for partial sums in any order as well, as long as 0 lies in every
    input's range: portable C needs no wrapping arithmetic.
    """
    small: Bools = np.all(np.abs(ends) <= INT32_MAX // unit, axis=1)
    scaled = np.where(small[:, np.newaxis], np.abs(ends) * unit, 0)
    inside: Bools = np.all(fits(scaled + np.abs(offset)[:, np.newaxis]), axis=1)
    return small & inside


def agrees(channels: Channels, form: Form, kernel: Kernel, breaks: Int64) -> Bools:
    """Proves which channels of a form equal the exact requantisation for every accumulator.

    Both functions are evaluated at the ends of the range, on both sides of every threshold, and
    on both sides of every break. They are monotone between breaks: the reference because nothing
    wraps in it (`Channels.monotone`) and floors and clamps keep order; the kernel for the reasons
    that its `prove_*` gives. Equal values at two points where the reference has one value force
    equality between them. That the reference does have one value between neighbouring points is
    checked as well, so that nothing depends on how the thresholds were found.

    Args:
        channels: the reference.
        form: the constants.
        kernel: what they compute.
        breaks: [channels, n]; first accumulators of the pieces on which the kernel is monotone.
    """
    first, last = channels.acc_min[:, np.newaxis], channels.acc_max[:, np.newaxis]
    sign = -channels.bias[:, np.newaxis]
    edges = np.concatenate([channels.thresholds, breaks, sign], axis=1)
    points = np.clip(np.concatenate([edges - 1, edges, first, last], axis=1), first, last)
    points.sort(axis=1)
    exact = channels.exact(points)
    flat = (np.diff(points, axis=1) <= 1) | (np.diff(exact, axis=1) == 0)
    zero = form.constant[:, np.newaxis]
    same = kernel(np.where(zero, 0, points)) == exact
    fixed = ~zero | (exact == exact[:, :1])
    result: Bools = channels.monotone & flat.all(axis=1) & same.all(axis=1) & fixed.all(axis=1)
    return result
