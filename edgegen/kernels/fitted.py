"""Costs of compiled C, fitted to measurements: a weighted sum of what a kernel counts.

The compiler decides how many instructions a loop in C takes, so its cost is measured rather than
derived: `scripts/fit_costs.py` runs models on emulated cores and prints these tables. They hold for
gcc 12.2 at -O2; other compilers and options differ, which moves no decision between kernels of
different speed classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost
from edgegen.ops.window import Window
from edgegen.target.cores import Core

Coefficients = tuple[tuple[float, ...], tuple[float, ...]]
"""Instructions and cycles of one unit of each feature."""

FittedTable = Mapping[str, Coefficients]
"""By core; cores that are not listed take those of the Cortex-M4."""


def fitted(core: Core, table: FittedTable, features: Sequence[int]) -> Cost:
    """The cost of `features` on a core."""
    instructions, cycles = table.get(core.pricing, table["m4"])
    return Cost(
        round(sum(c * f for c, f in zip(instructions, features, strict=True))),
        round(sum(c * f for c, f in zip(cycles, features, strict=True))),
    )


def valid_taps(window: Window, inputs: int) -> int:
    """Taps of all outputs along an axis that fall on the input and not on padding."""
    before = window.before(inputs)
    return sum(
        0 <= out * window.stride - before + tap * window.dilation < inputs
        for out in range(window.outputs(inputs))
        for tap in range(window.size)
    )


def window_features(io: OpIO, height: Window, width: Window, depth: int) -> tuple[int, ...]:
    """What a loop over windows counts.

    Args:
        io: input and output NHWC.
        height: window along the height.
        width: window along the width.
        depth: input channels of one output.

    Returns:
        Multiply-accumulates without padding, filter rows of all outputs, outputs, pixels.
    """
    _, in_h, in_w, _ = io.input(0).type.shape
    _, out_h, out_w, out_c = io.output.type.shape
    rows = valid_taps(height, in_h)
    return (
        rows * valid_taps(width, in_w) * depth * out_c,
        rows * out_w * out_c,
        out_h * out_w * out_c,
        out_h * out_w,
    )
