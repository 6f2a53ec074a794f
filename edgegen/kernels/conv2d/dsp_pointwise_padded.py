"""1x1 convolution with its channel count rounded up: layers of many depths share a tile."""

from __future__ import annotations

from typing import ClassVar

from edgegen.kernels.conv2d.dsp_pointwise import DspPointwise
from edgegen.kernels.gemm import CHUNK_PAIRS


class DspPointwisePadded(DspPointwise):
    """Pads taps with zero weights to a power of two, or whole chunks: slower, but less code."""

    name: ClassVar[str] = "dsp_pointwise_padded"

    @property
    def template(self) -> str:
        """That of `dsp_pointwise`."""
        return f"kernels/{DspPointwise.op.stem}/{DspPointwise.name}.c.j2"

    def _pairs(self, channels: int) -> int:
        """The next power of two of tap pairs, from 4 to a chunk, or a multiple of a chunk."""
        pairs = super()._pairs(channels)
        if pairs > CHUNK_PAIRS:
            return -(-pairs // CHUNK_PAIRS) * CHUNK_PAIRS
        return max(4, 1 << (pairs - 1).bit_length())
