"""3x3 convolution by Winograd F(2x2, 3x3): fewer multiplications at half the flash of F(4x4, 3x3).

16 multiplications for 4 outputs instead of 36; 32 bytes of weights for each pair of an input and an
output channel. Sums grow far less, so that it takes layers whose accumulators are too large for
the scale of F(4x4, 3x3).
"""

from __future__ import annotations

from typing import ClassVar

from edgegen.kernels.conv2d.dsp_winograd import DspWinograd
from edgegen.kernels.conv2d.winograd_layer import F2X2, Transform


class DspWinograd2x2(DspWinograd):
    """As F(4x4, 3x3), with smaller tiles."""

    name: ClassVar[str] = "dsp_winograd_2x2"
    code_bytes: ClassVar[int] = 3100
    pixels_per_pass: ClassVar[int] = 8
    transform: ClassVar[Transform] = F2X2
