"""Means with solved constants: from the sum of a window's bytes to the rounded, clamped mean.

The division by the number of values, the offset of 128 of every byte, the rounding and the output's
zero point are one multiplication, (sum << k) + c0 times M, shifted right by 48 in all. Windows with
different numbers of values (at borders) are like channels of a layer: constants of their own, the
same k.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from edgegen.ir import TensorType
from edgegen.kernels.base import Constant, ConstantKind, Cost, KernelIO, Packed, Piece
from edgegen.kernels.formats import Format, Layout, image, round_up
from edgegen.kernels.pairwise import clamp_cycles, saturation_variables, saturation_variant
from edgegen.kernels.pool_windows import PLANES, TileCosts, Windows, channel_words, window_call
from edgegen.kernels.solved import Solved, solve_layer
from edgegen.quant.fixed_point import Int64, Multiplier, quantize_multiplier
from edgegen.quant.solve_direct import prove_direct, solve_direct
from edgegen.quant.solver import Shifts
from edgegen.quant.staircase import Bools, Channels

E = 16
"""Right shift: two means are packed by PKHTB and saturated together."""

RUN_WORDS = 16
"""Longest run of a plane's words without a loop."""

SHIFTS = Shifts(range(22, -1, -1), (E,))


@dataclass(frozen=True, eq=False)
class Averages(Channels):
    """AVERAGE_POOL_2D: windows of `values` bytes u = q + 128, one channel for each number of them.

    Source: `reference/integer_ops/pooling.h` AveragePool: the mean of q, halves away from zero.
    """

    values: Int64 = field(default_factory=lambda: np.ones(1, np.int64))

    @classmethod
    def over(cls, values: tuple[int, ...], low: int, high: int) -> Averages:
        """Means of so many values, clamped to [low, high]."""
        count = np.array(values, np.int64)
        near = [quantize_multiplier(1.0 / n) for n in values]
        zero = np.zeros_like(count)
        mantissa, shift = (
            np.array([getattr(m, name) for m in near], np.int64) for name in ("mantissa", "shift")
        )
        return cls(mantissa, shift, zero, zero, 255 * count, 0, low, high, count)

    def select(self, chosen: Bools | Int64) -> Averages:
        """See `Channels.select`."""
        part = super().select(chosen)
        assert isinstance(part, Averages)
        return replace(part, values=self.values[chosen])

    def exact(self, acc: Int64) -> Int64:
        """See `Channels.exact`."""
        count = self.values[:, np.newaxis]
        total = acc - 128 * count
        mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
        clamped: Int64 = np.clip(mean, self.low, self.high) + 128
        return clamped

    @cached_property
    def thresholds(self) -> Int64:
        """See `Channels.thresholds`."""
        q = np.arange(1, self.steps + 1) + self.low
        count = self.values[:, np.newaxis]
        # A positive mean is reached half a step before, a negative one left half a step after.
        total = np.where(q > 0, q * count - count // 2, (q - 1) * count + count // 2 + 1)
        return np.clip(total + 128 * count, 0, self.acc_max[:, np.newaxis] + 1)


@functools.lru_cache(maxsize=256)
def solve_averages(values: tuple[int, ...], low: int, high: int) -> Solved | None:
    """Constants of means of so many values, in this order; None where there are none."""
    return _usable(solve_layer(Averages.over(values, low, high), SHIFTS, ("linear",)))


@functools.lru_cache(maxsize=256)
def solve_mean(count: int, zero_points: tuple[int, int], multiplier: Multiplier) -> Solved | None:
    """Constants of MEAN over `count` values, or None where there are none.

    Linear, or "direct": TFLite's two roundings themselves, with words in the order in which the
    tiles load them: rounding with the zero point, shifted bias, mantissa.

    Args:
        count: values of a mean.
        zero_points: of input and output.
        multiplier: from a sum of input steps to output steps.
    """
    source, target = zero_points
    channels = Channels.of(
        multiplier.mantissa,
        multiplier.shift,
        -(source + 128) * count,
        (0, 255 * count),
        (target, -128, 127),
    )
    found = _usable(solve_layer(channels, SHIFTS, ("linear",)))
    return found or _usable(_direct(channels))


def _direct(channels: Channels) -> Solved | None:
    form = solve_direct(channels)
    if not bool(prove_direct(channels, form).all()):
        return None
    words = np.stack([form.rounding, form.bias << form.left, form.mantissa], axis=1)
    k, e = int(form.left[0]), int(form.e[0])
    return Solved("direct", k, e, words, form.constant, form.saturation)


def _usable(solved: Solved | None) -> Solved | None:
    """Leaves out constants, which would need zeroed inputs."""
    return None if solved is None or bool(solved.constant.any()) else solved


def mean_cost(windows: Windows, io: KernelIO, solved: Solved) -> Cost:
    """Predicted instructions and cycles of `mean_packed`."""
    form, kind = io.input_formats[0], io.input(0).type
    signed_source = form.layout is Layout.DENSE
    direct = solved.form == "direct"
    word = clamp_cycles(solved.saturation, signed=io.output_format.layout is Layout.DENSE)
    word += 6 if direct else 0
    if form.layout in PLANES:
        runs, run, trim = plane_runs(form, kind)
        # Loads go in groups of four: 9 cycles for four words, 3 for a single one.
        row = 9 * (run // 4) + 3 * (run % 4) + (4 if trim else 0) + 4
        cycles = 20 + image(kind)[2] * (runs * row + 9 + direct)
    else:
        tile = TileCosts(
            call=65,
            wide=23 if signed_source else 19,
            wide_row=10,
            wide_finish=103 + 4 * word,
            one=10 if signed_source else 9,
            one_row=13,
            one_finish=32 + word,
            deep=True,
        )
        cycles = 15 + windows.tile_cycles(channel_words(io), tile)
    return Cost(round(0.8 * cycles), cycles)


def plane_runs(form: Format, kind: TensorType) -> tuple[int, int, str]:
    """How a plane is summed: runs, whole words of a run, and what clears the last word's padding.

    Rows without padding are joined and cut into runs that are worth a loop.
    """
    rows, length = form.rows(kind)
    # Bytes of a word are the pixels 0, 2, 1, 3.
    trim = ("", "uxtb r4, r4", "uxtb16 r4, r4", "bic r4, r4, #0xff000000")[length % 4]
    if trim:
        return rows, length // 4, trim
    words = rows * (length // 4)
    run = max(r for r in range(1, min(words, RUN_WORDS) + 1) if words % r == 0)
    return words // run, run, trim


def mean_piece(io: KernelIO, solved: Solved) -> Piece:
    """The tile for the formats of `io`."""
    signed = io.output_format.layout is Layout.DENSE
    direct = solved.form == "direct"
    common = saturation_variables(solved.saturation, signed=signed)
    common |= {"direct": direct, "k": solved.k, "e": solved.e}
    variant = f"{solved.form}{solved.k}_{solved.e}_"
    variant += saturation_variant(solved.saturation, signed=signed)

    def registers(first: str, second: str) -> tuple[str, str, str]:
        """Offset, factor and rounding as the tile loads them: in the order of the words."""
        return (second, "lr", first) if direct else (first, second, "")

    form, kind = io.input_formats[0], io.input(0).type
    if form.layout in PLANES:
        _, run, trim = plane_runs(form, kind)
        length = form.rows(kind)[1] if trim else 4 * run
        shape = {"run": run, "trim": trim, "length": length, "pitch": round_up(length, 4)}
        shape["registers"] = registers("r8", "r9")
        return Piece("dsp_plane_mean", f"{length}_{variant}", common | shape)
    source = "s8" if form.layout is Layout.DENSE else "u8"
    more = {"source_signed": source == "s8", "registers": registers("r10", "r11")}
    return Piece("dsp_mean", f"{source}_{variant}", common | more)


def mean_code(path: str, io: KernelIO, solved: Solved) -> dict[str, int]:
    """Estimated bytes of the functions that `mean_packed` needs; `path` names the driver."""
    piece = mean_piece(io, solved)
    name = f"{piece.template} {piece.variant}"
    if io.input_formats[0].layout in PLANES:
        return {name: 80 + 8 * plane_runs(io.input_formats[0], io.input(0).type)[1]}
    return {path: 200, name: 660}


def mean_packed(windows: Windows, io: KernelIO, solved: Solved) -> Packed:
    """What the templates of the mean kernels need.

    Args:
        windows: the windows; ignored for planes.
        io: tensors and formats.
        solved: constants for every pixel count of `windows`.
    """
    constants = Constant(
        "divide", (solved.words & 0xFFFFFFFF).astype(np.uint32), ConstantKind.REQUANTISE
    )
    form, kind = io.input_formats[0], io.input(0).type
    pieces = {"tile": mean_piece(io, solved)}
    if form.layout in PLANES:
        return Packed(
            constants=(constants,),
            call={
                "planes": True,
                "channels": image(kind)[2],
                "runs": plane_runs(form, kind)[0],
            },
            routine={"planes": True},
            variant="planes",
            pieces=pieces,
        )
    return Packed(
        constants=(constants,),
        call={"planes": False, "divides": True, **window_call(windows, io)},
        routine={"planes": False, "divides": True},
        pieces=pieces,
    )
