"""Copies a tensor from one buffer format to another, byte by byte."""

from __future__ import annotations

from typing import Any, ClassVar

from edgegen.ir import Op, TensorType
from edgegen.kernels.base import Cost, Kernel, KernelIO, Packed
from edgegen.kernels.formats import Format, Layout, image, round_up
from edgegen.kernels.image_order import value_order
from edgegen.kernels.order import AccessOrder
from edgegen.ops.reformat import Reformat


class ScalarReformat(Kernel[Reformat]):
    """Reads and writes any format; addresses are height, width and channel steps."""

    op: ClassVar[type[Op]] = Reformat
    name: ClassVar[str] = "scalar"
    code_bytes: ClassVar[int] = 160

    def order(self, op: Reformat, io: KernelIO) -> AccessOrder:  # noqa: ARG002
        """See `Kernel.order`."""
        return value_order(io)

    def cost(self, op: Reformat, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`: about 10 cycles an element and 53 a pixel."""
        elements = io.output.type.elements
        pixels = elements // image(io.output.type)[2]
        return Cost(7 * elements + 38 * pixels, 10 * elements + 53 * pixels)

    def pack(self, op: Reformat, io: KernelIO) -> Packed:  # noqa: ARG002
        """See `Kernel.pack`."""
        kind = io.output.type
        height, width, channels = image(kind)
        source, target = _steps(io.input_formats[0], kind), _steps(io.output_format, kind)
        flip = (io.input_formats[0].layout is Layout.DENSE) != (
            io.output_format.layout is Layout.DENSE
        )
        return Packed(
            call={
                "height": height,
                "width": width,
                "channels": channels,
                "source": source,
                "target": target,
                "flip": 128 if flip else 0,
            }
        )


def _steps(form: Format, kind: TensorType) -> dict[str, Any]:
    """Byte distances between neighbours along height, width and channels."""
    _, width, channels = image(kind)
    if form.layout is Layout.DENSE:
        return {"high": width * channels, "wide": channels, "deep": 1, "plane": 0}
    if form.layout is Layout.HWC:
        pitch = round_up(channels, 4)
        return {"high": width * pitch, "wide": pitch, "deep": 1, "plane": 0}
    pitch, plane = form.pitch(kind), form.plane(kind)
    if form.layout is Layout.PLANES_WIDE:
        return {"high": pitch, "wide": 1, "deep": plane, "plane": 1}
    return {"high": 1, "wide": pitch, "deep": plane, "plane": 2}
