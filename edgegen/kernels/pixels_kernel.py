"""What the kernels on `edgegen.kernels.pixels` share."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, TypeVar

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Kernel, KernelIO, Packed
from edgegen.kernels.conv2d.quad_layer import split_layer
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.pixels import Pixels
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

OpT = TypeVar("OpT", Conv2D, FullyConnected)


class PixelsKernel(Kernel[OpT]):
    """A matrix times the pixels of an image, four taps in two multiplications."""

    op: ClassVar[type[Op]]
    requires: ClassVar[frozenset[str]] = frozenset({"armv6m"})
    code_bytes: ClassVar[int] = 2200

    @abstractmethod
    def pixels(self, op: OpT, io: KernelIO) -> Pixels:
        """The layer as pixels; `rejects_weights` lets it pass."""

    def rejects_weights(self, op: OpT, io: OpIO, core: Core) -> str:
        """Why no constants serve the layer; empty when they do."""
        if split_layer(op, io) is None:
            return "no requantisation constants could be proved for some channel"
        formats = self.formats(op, io)[0]
        site = KernelIO(io.inputs, io.outputs, formats.inputs, formats.output, core)
        if self.pixels(op, site).choice is None:
            return "sums of four products do not fit 16 bits (pairs of weights of -128)"
        return ""

    def scratch_bytes(self, op: OpT, io: KernelIO) -> int:
        """See `Kernel.scratch_bytes`."""
        return self.pixels(op, io).scratch_bytes

    def order(self, op: OpT, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`."""
        return self.pixels(op, io).order(io.output_format.size(io.output.type))

    def cost(self, op: OpT, io: KernelIO) -> Cost:
        """See `Kernel.cost`."""
        return self.pixels(op, io).cost

    def flash_bytes(self, op: OpT, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        return self.pixels(op, io).flash_bytes

    def pack(self, op: OpT, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        return self.pixels(op, io).pack()
