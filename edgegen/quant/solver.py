"""Requantisation solved at build time: chooses, for a layer, the cheapest form that is exact.

A kernel packer describes its output channels as `Channels`, takes the first acceptable solution
and stores its constants; `prove` checks them again just before they are written. For all kernels
activations are u = q + 128, so that the folded bias is bias - (128 + input zero point) * sum(w),
exact at borders too if padding is filled with zero point + 128, and the accumulator range comes
from `accumulator_range(weights)`. The narrower the range, the more is solvable: pass the range of
inputs known to be clamped or constant. `Channels.padded` adds dummies up to a channel block.

What the packers need (core instructions per output, constants per channel):

    GEMM, Cortex-M4     `GEMM`: e = 16, so that PKHTB (ASR #16) and USAT16 finish two outputs, and
                        k >= 8, since the upper of two-lane accumulators comes as 256 * acc and
                        takes LSL #(k - 8). Linear: ADD with LSL #k, SMMUL, half a USAT16; words c0
                        and M. Two branches: ADDS, ITE, SMMLAPL, SMMLAMI; words b, M, plus, minus.
    fully connected     `FULLY_CONNECTED`: e = 16 too, another where large accumulators or small
                        scales need it; then USAT with ASR #e. For GEMM with 1000 taps as well.
    depthwise, planes   `DEPTHWISE`: weights are stored times 256, so that k = 8 costs nothing and
                        c0 is the first addend; e is the largest that works.
    Winograd            `WINOGRAD_4X4` with factor 576: k = 0, as the factor takes its place; "late"
                        saves the addition. `WINOGRAD_2X2`, factor 4, needs a shift.
    Cortex-M0+          "split", then "linear" and "two_branch" with a 64-bit product.
    ADD, SUB, MUL       see `solve_add`; MUL is one channel here.

Order of preference: linear (A) for every layer whose zero point is the low clamp, two_branch (C)
for the others, direct (B), and `Generic`, the definition. All channels of a layer share the form,
k and e: kernels have them as immediates. Channels with only one output never decide anything;
their weights must be zeroed where the solution says `constant`. To let layers share kernel code,
intersect the (k, e) of their `solutions` instead of taking the first of each.

Limits: multipliers round twice (TFLite's reference); one output zero point and clamp per layer; an
accumulator whose sum with the bias, or left shift, may wrap has no solution but `Generic`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from edgegen.quant.fixed_point import INT32_MAX, Int64
from edgegen.quant.solve_branch import (
    Branches,
    apply_branches,
    prove_branches,
    solve_late,
    solve_two_branch,
)
from edgegen.quant.solve_direct import (
    Direct,
    Generic,
    apply_direct,
    apply_generic,
    prove_direct,
    prove_generic,
    solve_direct,
    solve_generic,
)
from edgegen.quant.solve_linear import Linear, apply_linear, prove_linear, solve_linear
from edgegen.quant.solve_m0 import SplitProduct, apply_m0, prove_m0, solve_m0
from edgegen.quant.staircase import Bools, Channels

FormName = Literal["linear", "late", "two_branch", "direct", "split"]
Solution = Linear | Branches | Direct | SplitProduct | Generic

SAMPLE = 8
"""Channels tried before a whole layer: most of what fails, fails on these."""

ATTEMPTS = 16
"""Pairs of shifts tried for a form. Nothing is gained far down the list: for the same k, a smaller
e only coarsens M."""


@dataclass(frozen=True)
class Shifts:
    """Shifts that a kernel can take, in order of preference.

    Attributes:
        ks: left shifts of the accumulator.
        es: right shifts of the saturation; all ks are tried with the first one first.
    """

    ks: Sequence[int]
    es: Sequence[int]


GEMM = Shifts(range(20, 7, -1), (16,))
FULLY_CONNECTED = Shifts(range(20, 7, -1), (16, 17, 18, *range(15, 7, -1)))
DEPTHWISE = Shifts((8,), range(21, 7, -1))
WINOGRAD_4X4 = Shifts((0,), range(21, 7, -1))
WINOGRAD_2X2 = Shifts(range(12, -1, -1), range(21, 7, -1))

_Solver = Callable[[Channels, int, int, int], Linear | Branches]
_SOLVERS: dict[str, _Solver] = {
    "linear": solve_linear,
    "late": solve_late,
    "two_branch": solve_two_branch,
}


def solve(
    channels: Channels,
    forms: Sequence[FormName] = ("linear", "two_branch", "direct"),
    shifts: Shifts = GEMM,
    factor: int = 1,
) -> Solution | None:
    """The first of `solutions`; None only if `factor` rules out the generic one."""
    return next(solutions(channels, forms, shifts, factor), None)


def solutions(
    channels: Channels,
    forms: Sequence[FormName] = ("linear", "two_branch", "direct"),
    shifts: Shifts = GEMM,
    factor: int = 1,
) -> Iterator[Solution]:
    """Proved solutions that serve all channels of a layer, in order of preference.

    Args:
        channels: the exact requantisation.
        forms: those the kernel has code for, best first; `Generic` always comes last.
        shifts: those the kernel can take.
        factor: the kernel's accumulators are factor * acc; only linear, late and two_branch
            take another than 1.
    """
    for name in forms:
        if name == "direct" or name == "split":
            form = solve_direct(channels) if name == "direct" else solve_m0(channels)
            if factor == 1 and prove(channels, form).all():
                yield form
            continue
        for k, e in islice(admissible(channels, shifts, factor), ATTEMPTS):
            sample = _SOLVERS[name](_sample(channels), k, e, factor)
            if sample.complete:
                whole = _SOLVERS[name](channels, k, e, factor)
                if prove(channels, whole).all():
                    yield whole
    if factor == 1:
        yield solve_generic(channels)


def admissible(channels: Channels, shifts: Shifts, factor: int = 1) -> Iterator[tuple[int, int]]:
    """The (k, e) that leave room for M < 2**31 and for the accumulators of all live channels."""
    live = channels.live
    reach = int(channels.magnitude[live].max(initial=0)) * factor
    scale = float(channels.scale[live].max(initial=0.0)) / factor
    for e in shifts.es:
        for k in shifts.ks:
            if reach << k <= INT32_MAX and scale * 2.0 ** (32 + e - k) <= INT32_MAX:
                yield k, e


def _sample(channels: Channels) -> Channels:
    """A few of the live channels, those with extreme scales among them, or none."""
    rows = np.flatnonzero(channels.live)
    order = rows[np.argsort(channels.scale[rows], kind="stable")]
    places = np.linspace(0, order.size - 1, min(SAMPLE, order.size))
    return channels.select(order[np.rint(places).astype(np.int64)])


def apply(solution: Solution, acc: Int64) -> Int64:
    """Outputs u of raw accumulators [channels, points], computed as the kernel does."""
    if isinstance(solution, Linear):
        return apply_linear(solution, acc)
    if isinstance(solution, Branches):
        return apply_branches(solution, acc)
    if isinstance(solution, Direct):
        return apply_direct(solution, acc)
    if isinstance(solution, SplitProduct):
        return apply_m0(solution, acc)
    return apply_generic(solution, acc)


def prove(channels: Channels, solution: Solution) -> Bools:
    """Which channels are exact for every reachable accumulator; see `form.agrees`."""
    if isinstance(solution, Linear):
        return prove_linear(channels, solution)
    if isinstance(solution, Branches):
        return prove_branches(channels, solution)
    if isinstance(solution, Direct):
        return prove_direct(channels, solution)
    if isinstance(solution, SplitProduct):
        return prove_m0(channels, solution)
    return prove_generic(channels, solution)
