"""Concatenation of u8 pixels whose channels are whole words: the same bytes as dense, flipped."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from edgegen.ir import OpIO, TensorKind
from edgegen.kernels.base import Formats, KernelIO, Numbers, Packed
from edgegen.kernels.concatenation.scalar import ScalarConcatenation
from edgegen.kernels.formats import DENSE, HWC
from edgegen.ops.concatenation import Concatenation
from edgegen.target.cores import Core


class HwcConcatenation(ScalarConcatenation):
    """`ScalarConcatenation` with constants as u8."""

    name: ClassVar[str] = "hwc"
    computes: ClassVar[frozenset[Numbers]] = frozenset({Numbers.INTEGER})

    def rejects(self, op: Concatenation, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        types = [io.input(i).type for i in range(len(io.inputs))]
        if not all(HWC.survives_reshape(kind, io.output.type) for kind in types):
            return "channels are not whole words"
        return ""

    def formats(self, op: Concatenation, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        kinds = [io.input(i).kind for i in range(len(io.inputs))]
        return (Formats(tuple(DENSE if k is TensorKind.CONSTANT else HWC for k in kinds), HWC),)

    def pack(self, op: Concatenation, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        packed = super().pack(op, io)
        flipped = (
            replace(c, data=c.data.astype(np.int8) ^ np.int8(-128)) for c in packed.constants
        )
        return replace(packed, constants=tuple(flipped))
