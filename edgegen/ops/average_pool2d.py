"""AVERAGE_POOL_2D on int8, int16 and float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import OpIO
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.pool2d import Pool2D
from edgegen.ops.real import activate
from edgegen.quant.fixed_point import INT32_MAX


@dataclass(frozen=True)
class AveragePool2D(Pool2D):
    """The mean of every window; int8 means are those of quantised values, halves away from zero."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "average_pool2d"
    sources: ClassVar[tuple[str, ...]] = ("AVERAGE_POOL_2D",)

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = super().check(io)
        if not problems and not rules.is_float(io):
            _, height, width, _ = io.input(0).type.shape
            values = min(self.size[0], height) * min(self.size[1], width)
            # Twice the largest sum: rounding adds half a divisor.
            largest = 1 << 16 if rules.is_int16(io) else 256
            if largest * values > INT32_MAX:
                problems = [Problem(f"a mean of {values} values could overflow int32")]
        return problems

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: `reference/integer_ops/pooling.h` AveragePool."""
        x = values[0]
        assert x is not None
        real = rules.is_float(io)
        total = self.reduce(io, x.astype(np.float64 if real else np.int64), np.sum)
        high, wide = (np.array([s.stop - s.start for s in axis]) for axis in self.spans(io))
        count = (high[:, np.newaxis] * wide)[:, :, np.newaxis]
        if real:
            return (activate(total / count, self.activation)[np.newaxis],)
        # The zero point takes no part: the mean of quantised values is rounded as it is.
        mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
        return (
            rules.saturate(mean, *self.output_range(io), dtype=io.output.type.dtype)[np.newaxis],
        )
