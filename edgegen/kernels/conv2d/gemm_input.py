"""How the DSP convolutions read their input: storage, channel order, padding value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgegen.ir import OpIO
from edgegen.kernels.base import Formats, KernelIO, Piece
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format, Layout, round_up
from edgegen.kernels.solved import Source
from edgegen.quant.fixed_point import Int64

PERMUTED = (0, 2, 1, 3)
"""Order in which UXTB16 and SXTB16 leave the bytes of a word."""


@dataclass(frozen=True)
class GemmInput:
    """A convolution's input as the widening step sees it.

    Attributes:
        signed: TFLite's int8 rather than u8.
        permuted: whole words of channels, widened in the order 0, 2, 1, 3.
        channels: int16 elements of a pixel, the channel padding of the format included.
        source: value range and padding value.
    """

    signed: bool
    permuted: bool
    channels: int
    source: Source

    @classmethod
    def of(cls, io: OpIO, form: Format) -> GemmInput:
        """Describes input 0 stored in `form`."""
        depth = io.input(0).type.shape[3]
        signed = form.layout is Layout.DENSE
        channels = depth if signed else round_up(depth, 4)
        source = Source.of(io.input(0).type.zero_point, signed)
        return cls(signed, channels % 4 == 0, channels, source)

    def order(self, weights: Int64) -> Int64:
        """Weights [out, ..., depth] in channel order of the widened pixel: [out, ..., channels]."""
        pad = [(0, 0)] * (weights.ndim - 1) + [(0, self.channels - weights.shape[-1])]
        padded = np.pad(weights, pad)
        if not self.permuted:
            return padded
        groups = padded.reshape(*padded.shape[:-1], self.channels // 4, 4)
        return groups[..., list(PERMUTED)].reshape(padded.shape)

    @property
    def expand(self) -> Piece:
        """The C function that widens it."""
        kind = "s8" if self.signed else "u8"
        return Piece(
            "dsp_expand",
            f"{kind}{'_words' if self.permuted else ''}",
            {"signed": self.signed, "permuted": self.permuted},
        )

    def expand_cycles(self, count: int) -> int:
        """Cycles to widen `count` bytes on a Cortex-M4."""
        if self.permuted:
            return 34 + 26 * (count // 16) + 11 * (count % 16 // 4)
        return 26 + 19 * (count // 8) + 6 * (count % 8)


def gemm_formats(io: OpIO) -> tuple[Formats, ...]:
    """Combinations of formats of the DSP convolutions."""
    outputs = [HWC, PLANES_WIDE, PLANES_HIGH]
    if io.output.type.shape[3] % 4 == 0:
        outputs.append(DENSE)
    rest = tuple(DENSE for _ in io.inputs[1:])
    return tuple(Formats((source, *rest), target) for source in (HWC, DENSE) for target in outputs)


@dataclass(frozen=True)
class PixelSteps:
    """Byte distances of output pixels, for loops over height and width of the output.

    Attributes:
        high: from one row to the next.
        wide: from one pixel to the next.
        interleave: 1 where the width runs in words of order 0, 2, 1, 3; 2 where the height does.
        plane: bytes of a plane, or 0.
    """

    high: int
    wide: int
    interleave: int
    plane: int

    @classmethod
    def of(cls, io: KernelIO) -> PixelSteps:
        """Those of the output."""
        kind, form = io.output.type, io.output_format
        _, _, width, channels = kind.shape
        if form.layout in (Layout.DENSE, Layout.HWC):
            pixel = channels if form.layout is Layout.DENSE else round_up(channels, 4)
            return cls(width * pixel, pixel, 0, 0)
        if form.layout is Layout.PLANES_WIDE:
            return cls(form.pitch(kind), 1, 1, form.plane(kind))
        return cls(1, form.pitch(kind), 2, form.plane(kind))

    def neighbour(self, *, vertical: bool) -> int:
        """Bytes from a pixel of an even row or column to the next one.

        In a word of order 0, 2, 1, 3 every odd pixel lies two bytes after its even neighbour.
        """
        if self.interleave == (2 if vertical else 1):
            return 2
        return self.high if vertical else self.wide
