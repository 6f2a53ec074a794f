"""Addition for Armv7-M: the loop of the DSP kernel, which only clamps with DSP instructions."""

from __future__ import annotations

from typing import ClassVar

from edgegen.ir import OpIO
from edgegen.kernels.add.dsp import DspAdd, solved_sum
from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.formats import Layout
from edgegen.kernels.pairwise import stored_bytes
from edgegen.ops.add import Add
from edgegen.target.cores import Core


class V7mAdd(DspAdd):
    """Operands of equal shape in any one format, and no clamp below 127."""

    name: ClassVar[str] = "v7m"
    requires: ClassVar[frozenset[str]] = frozenset({"armv7m"})

    def rejects(self, op: Add, io: OpIO, core: Core) -> str:
        """See `Kernel.rejects`."""
        reason = super().rejects(op, io, core)
        if not reason:
            form = solved_sum(op, io)
            if form is not None and form.saturation.ceiling is not None:
                return "the clamp needs the DSP extension"
        return reason

    def cost(self, op: Add, io: KernelIO) -> Cost:
        """See `Kernel.cost`: MLA takes two cycles, else as with the DSP extension."""
        form = solved_sum(op, io)
        assert form is not None
        signed = io.output_format.layout is Layout.DENSE
        words = stored_bytes(io) / 4
        after = signed + bool(form.saturation.offset)
        return Cost(round((27 + after) * words) + 50, round((36.5 + after) * words) + 60)
