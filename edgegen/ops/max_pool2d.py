"""MAX_POOL_2D on int8, int16 and float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pool2d import Pool2D
from edgegen.ops.real import activate


@dataclass(frozen=True)
class MaxPool2D(Pool2D):
    """The largest value of every window."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "max_pool2d"
    sources: ClassVar[tuple[str, ...]] = ("MAX_POOL_2D",)

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/integer_ops/pooling.h` MaxPool."""
        x = values[0]
        assert x is not None
        largest = self.reduce(io, x, np.max)
        if rules.is_float(io):
            return (activate(largest, self.activation)[np.newaxis],)
        return (
            rules.saturate(largest, *self.output_range(io), dtype=io.output.type.dtype)[np.newaxis],
        )
