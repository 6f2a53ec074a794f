"""Addition for Armv6-M: two 32-bit multiplications a value instead of three long ones."""

from __future__ import annotations

from typing import ClassVar

from edgegen.kernels.add.dsp import DspAdd
from edgegen.kernels.base import Cost, KernelIO
from edgegen.kernels.fitted import FittedTable, fitted
from edgegen.kernels.pairwise import stored_bytes
from edgegen.ops.add import Add

_COSTS: FittedTable = {"m4": ((17.0,), (24.0,))}
"""For one byte; the portable twin of the DSP loop, as gcc compiles it for the Cortex-M0+."""


class V6mAdd(DspAdd):
    """Operands of equal shape in any one format; constants proved for all 65536 pairs."""

    name: ClassVar[str] = "v6m"
    requires: ClassVar[frozenset[str]] = frozenset({"armv6m"})

    @property
    def template(self) -> str:
        """That of `dsp`: its portable loop needs no more than Armv6-M has."""
        return f"kernels/{DspAdd.op.stem}/{DspAdd.name}.c.j2"

    def cost(self, op: Add, io: KernelIO) -> Cost:  # noqa: ARG002
        """See `Kernel.cost`."""
        return fitted(io.core, _COSTS, (stored_bytes(io),))
