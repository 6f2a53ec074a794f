"""Dense layer that takes an image row by row, into sums that stay in the arena."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Constant, Cost, Formats, KernelIO, Packed
from edgegen.kernels.formats import DENSE, HWC, Layout, image
from edgegen.kernels.fully_connected.scalar import folded_bias
from edgegen.kernels.pooled import pixel_pitch
from edgegen.kernels.requantise import channel_constants
from edgegen.kernels.rows import RowKernel
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

PRODUCT_CYCLES = 6
UNIT_CYCLES = 24
"""Of a unit for each row, besides its products."""
OUTPUT_CYCLES = 55


class ScalarFullyConnectedSums(RowKernel[FullyConnected]):
    """Weights as the model has them; a unit's sum grows by a row of the image at a time."""

    op: ClassVar[type[Op]] = FullyConnected
    name: ClassVar[str] = "scalar_sums"
    code_bytes: ClassVar[int] = 280
    accumulates: ClassVar[bool] = True

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if op.row_windows(io) is None:
            return "the input is no image of several rows"
        return "the weights are not constant" if io.input(1).data is None else ""

    def formats(self, op: FullyConnected, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(Formats((source, *rest), DENSE) for source in (HWC, DENSE))

    def state_bytes(self, op: FullyConnected, io: KernelIO) -> int:  # noqa: ARG002
        """See `RowKernel.state_bytes`: an int32 for each unit."""
        return 4 * io.output.type.elements

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        height, units = image(io.input(0).type)[0], io.output.type.elements
        cycles = PRODUCT_CYCLES * op.macs(io) + units * (height * UNIT_CYCLES + OUTPUT_CYCLES)
        return Cost(round(0.8 * cycles), cycles)

    def pack(self, op: FullyConnected, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        height, width, channels = image(io.input(0).type)
        pitch = pixel_pitch(io.input_formats[0], channels)
        if pitch == channels:
            width, channels, pitch = 1, width * channels, width * channels
        units, depth = io.input(1).type.shape
        quant = io.input(1).type.quant
        assert quant is not None
        low, high = op.output_range(io)
        call = {
            "last": height - 1,
            "places": width,
            "channels": channels,
            "pitch": pitch,
            "units": units,
            "depth": depth,
            "out_zero_point": io.output.type.zero_point,
            "out_min": low,
            "out_max": high,
            "per_channel": quant.per_channel,
        }
        constants = [Constant("weights", io.input(1).values), folded_bias(io)]
        if quant.per_channel:
            constants += channel_constants(io, units)
        else:
            mantissa, shift = op.multipliers(io)
            call |= {"mantissa": int(mantissa[0]), "shift": int(shift[0])}
        flip = io.input_formats[0].layout is not Layout.DENSE
        channel = "per_channel" if quant.per_channel else "per_tensor"
        return Packed(
            constants=tuple(constants),
            call=call,
            routine={"per_channel": quant.per_channel, "flip": flip},
            variant=f"{'u8' if flip else 's8'}_{channel}",
            helpers=("requantise", "clamp_s8"),
        )
