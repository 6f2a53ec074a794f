"""FULLY_CONNECTED on int8, int16 and float32: a matrix times the rows of the flattened input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.overflow import overflow_problems
from edgegen.ops.real import activate, bias_of
from edgegen.ops.requantise import (
    channel_multipliers,
    multiplier_to,
    requantised,
    weight_problems,
)
from edgegen.quant.fixed_point import (
    Int64,
    activation_problems,
    activation_range,
)


@dataclass(frozen=True)
class FullyConnected(Op):
    """Dense layer. Input of any shape, cut into rows of `depth`; weights [units, depth].

    The output is [rows, units], or with `keep_num_dims` the input's shape with its last
    dimension, which then must be `depth`, replaced by `units`.
    """

    keep_num_dims: bool
    activation: str

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "fully_connected"
    sources: ClassVar[tuple[str, ...]] = ("FULLY_CONNECTED",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> FullyConnected:
        """See `Op.parse`."""
        weights_format = node.text("weights_format", "DEFAULT")
        if weights_format != "DEFAULT":
            raise UnsupportedError(
                Problem(
                    f"weights format {weights_format} is not supported",
                    hint="convert the model again with a current TensorFlow",
                )
            )
        return cls(
            inputs=node.inputs,
            outputs=node.outputs,
            origin=origin,
            keep_num_dims=node.flag("keep_num_dims"),
            activation=node.text("fused_activation_function", "NONE"),
        )

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            "FULLY_CONNECTED",
            5 if self.keep_num_dims else rules.version(io, int8=4, int16=7),
            keep_num_dims=self.keep_num_dims,
            weights_format="DEFAULT",
            fused_activation_function=self.activation,
        )

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(channel_axis=0)

    def rows(self, io: OpIO) -> int:
        """Number of rows that the weights are applied to."""
        return io.input(0).type.elements // io.input(1).type.shape[1]

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...] | None:
        """See `Op.row_windows`: all rows of an image that is flattened make the one output row."""
        shape = io.input(0).type.shape
        if len(shape) != 4 or shape[:1] != (1,) or shape[1] < 2 or self.rows(io) != 1:
            return None
        return (RowWindow(shape[1]), *(None for _ in io.inputs[1:]))

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 3)) or (
            rules.rank_problems(io.input(1), 2, role="weights")
            + rules.value_problems(io, io.input(0), role="input", int16=True)
            + rules.value_problems(io, io.output, role="output", int16=True)
            + activation_problems(self.activation)
        )
        problems = problems or weight_problems(io, axis=0)
        if problems:
            return problems
        shape = io.input(0).type.shape
        units, depth = io.input(1).type.shape
        if self.keep_num_dims:
            whole = shape[-1:] == (depth,)
            expected = (*shape[:-1], units)
        else:
            whole = io.input(0).type.elements % depth == 0
            expected = (self.rows(io), units)
        if not whole:
            return [Problem(f"input of shape {list(shape)} does not make rows of {depth}")]
        problems = rules.shape_problems(io.output, expected)
        if problems or rules.is_float(io):
            return problems
        return overflow_problems(io, axis=0, shift=self.multipliers(io)[1])

    def macs(self, io: OpIO) -> int:
        """See `Op.macs`."""
        units, depth = io.input(1).type.shape
        return self.rows(io) * units * depth

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        units, depth = io.input(1).type.shape
        text = f"{depth} to {units}"
        return text if self.activation == "NONE" else f"{text}, {self.activation}"

    def multipliers(self, io: OpIO) -> tuple[Int64, Int64]:
        """Mantissas and shifts: both [units] for per-channel weights, else both [1].

        Source: TFLite 2.14 `kernel_util.cc`. GetQuantizedConvolutionMultipler forms the product
        of the scales of input and per-tensor weights in float32 before it divides in double;
        per-channel weights go the way of convolutions.
        """
        quant = io.input(1).type.quant
        assert quant is not None
        if quant.per_channel:
            return channel_multipliers(io, io.input(1).type.shape[0])
        with np.errstate(over="ignore", under="ignore"):
            product = float(np.float32(io.input(0).type.scale) * np.float32(quant.scale))
        # Even an infinite product gives a multiplier; `overflow_problems` refuses huge ones.
        part = multiplier_to(io.output, min(product / io.output.type.scale, 2.0**31))
        return np.array([part.mantissa], np.int64), np.array([part.shift], np.int64)

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output after the fused activation."""
        out = io.output.type
        return activation_range(self.activation, out.scale, out.zero_point, rules.limits(io))

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: reference_integer_ops:: and reference_ops::FullyConnected.

        For per-channel weights and an output that is not a matrix, TFLite 2.14's reference kernel
        leaves most of the output unwritten; the rows are then those of its optimised kernel.
        """
        x, weights = values[0], values[1]
        assert x is not None
        assert weights is not None
        left = x.reshape(-1, weights.shape[1]).astype(np.float64)
        right = weights.astype(np.float64).T
        if rules.is_float(io):
            real = np.matmul(left, right) + bias_of(values)
            return (activate(real, self.activation).reshape(io.output.type.shape),)
        # [rows, depth] x [depth, units], exact in float64
        total = np.matmul(left - io.input(0).type.zero_point, right).astype(np.int64)
        bias = values[2] if len(values) > 2 else None
        if bias is not None:
            total = total + bias.astype(np.int64).ravel()
        out = requantised(io, total, *self.multipliers(io))
        return (
            rules.saturate(out, *self.output_range(io), dtype=io.output.type.dtype).reshape(
                io.output.type.shape
            ),
        )
