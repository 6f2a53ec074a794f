"""`dsp_pointwise_padded` with another favourite shift."""

from __future__ import annotations

from typing import ClassVar

from edgegen.kernels.conv2d.dsp_pointwise_padded import DspPointwisePadded
from edgegen.kernels.solved import OTHER_GEMM_SHIFTS
from edgegen.quant.solver import Shifts


class DspPointwisePaddedOther(DspPointwisePadded):
    """Joins layers whose scales do not admit the usual shift."""

    name: ClassVar[str] = "dsp_pointwise_padded_other"
    shifts: ClassVar[Shifts] = OTHER_GEMM_SHIFTS
