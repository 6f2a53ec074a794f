"""Depthwise convolution of any filter for cores with the DSP extension, channel by channel.

A channel is widened to int16 and padded in scratch memory, once; the tile then needs no special
cases at borders, and any padding value is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, Kernel, KernelIO, Packed
from edgegen.kernels.depthwise_conv2d.finish import Finish
from edgegen.kernels.depthwise_conv2d.gather_tile import GatherTile
from edgegen.kernels.depthwise_conv2d.plane_layer import channel_weights, solved_layer
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format, Layout, round_up
from edgegen.kernels.order import NO_PROMISE, AccessOrder
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.target.cores import Core


@dataclass(frozen=True)
class _Walk:
    """A tile and how the input lies for it.

    Attributes:
        tile: the tile.
        transposed: whether its rows run along the height.
        in_row: bytes between input pixels of neighbouring rows.
        in_pixel: bytes between input pixels of a row; 0 for words of planes.
        in_channel: bytes between input channels.
    """

    tile: GatherTile
    transposed: bool
    in_row: int
    in_pixel: int
    in_channel: int


class DspGeneralDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Any filter, stride, dilation and multiplier, as far as the tile's immediates reach."""

    op: ClassVar[type[Op]] = DepthwiseConv2D
    name: ClassVar[str] = "dsp_general"
    requires: ClassVar[frozenset[str]] = frozenset({"dsp"})
    code_bytes: ClassVar[int] = 2048

    def rejects(self, op: DepthwiseConv2D, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        if solved_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        if not self.formats(op, io):
            probe = KernelIO(io.inputs, io.outputs, (PLANES_WIDE,), HWC, core)
            return self._walks(op, probe)[0].tile.reject
        return ""

    def formats(self, op: DepthwiseConv2D, io: OpIO) -> tuple[Formats, ...]:
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        found = []
        for source in (PLANES_WIDE, PLANES_HIGH, HWC, DENSE):
            for target in (HWC, DENSE):
                # The core does not matter here.
                site = KernelIO(io.inputs, io.outputs, (source, *rest), target, _ANY_CORE)
                if any(not walk.tile.reject for walk in self._walks(op, site)):
                    found.append(Formats((source, *rest), target))
        return tuple(found)
