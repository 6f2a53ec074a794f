"""CONV_2D on int8, int16 and float32: groups, any stride, padding and dilation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.overflow import overflow_problems
from edgegen.ops.real import activate, bias_of
from edgegen.ops.requantise import channel_multipliers, requantised, weight_problems
from edgegen.ops.window import Window, tflite_padding, window_problems, window_summary, windows
from edgegen.quant.fixed_point import activation_problems, activation_range


@dataclass(frozen=True)
class Conv2D(Op):
    """2-D convolution. Input NHWC, weights [out, high, wide, in / groups], bias [out].

    int8 weights are quantised per channel or per tensor, and their bias is int32.
    """

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str
    activation: str
    pads: tuple[int, ...] = ()

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "conv2d"
    sources: ClassVar[tuple[str, ...]] = ("CONV_2D",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> Conv2D:
        """See `Op.parse`."""
        return cls(
            inputs=node.inputs,
            outputs=node.outputs,
            origin=origin,
            stride=(node.integer("stride_h", 1), node.integer("stride_w", 1)),
            dilation=(node.integer("dilation_h_factor", 1), node.integer("dilation_w_factor", 1)),
            padding=node.text("padding", "SAME"),
            activation=node.text("fused_activation_function", "NONE"),
        )

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            "CONV_2D",
            rules.version(io, int8=3, int16=4),
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            dilation_h_factor=self.dilation[0],
            dilation_w_factor=self.dilation[1],
            padding=tflite_padding(self.padding),
            fused_activation_function=self.activation,
        )

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(channel_axis=0)

    def window(self, io: OpIO) -> tuple[Window, Window]:
        """The sliding windows along height and width."""
        _, high, wide, _ = io.input(1).type.shape
        return (
            Window(high, self.stride[0], self.dilation[0], self.padding, self.pads[:2]),
            Window(wide, self.stride[1], self.dilation[1], self.padding, self.pads[2:]),
        )

    def groups(self, io: OpIO) -> int:
        """Number of groups that input and output channels are split into."""
        return io.input(0).type.shape[3] // io.input(1).type.shape[3]

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (2, 3)) or (
            rules.rank_problems(io.input(0), 4, role="input")
            + rules.rank_problems(io.input(1), 4, role="weights")
            + rules.value_problems(io, io.input(0), role="input", int16=True)
            + rules.value_problems(io, io.output, role="output", int16=True)
            + activation_problems(self.activation)
            + rules.padding_problems(self.padding, self.pads)
        )
        problems = problems or weight_problems(io, axis=0)
        if not problems and rules.is_int16(io) and io.optional(2) is None:
            problems = [Problem("has no bias", why="TFLite's int16 kernel needs one")]
        if problems:
            return problems
        batch, height, width, depth = io.input(0).type.shape
        filters, _, _, filter_depth = io.input(1).type.shape
        if depth % filter_depth or filters % (depth // filter_depth):
            return [
                Problem(
                    f"{depth} input channels and {filters} filters of depth {filter_depth} "
                    "do not make whole groups"
                )
            ]
        vertical, horizontal = self.window(io)
        problems = window_problems(vertical, horizontal, io.input(0).type.shape) or (
            rules.shape_problems(
                io.output, (batch, vertical.outputs(height), horizontal.outputs(width), filters)
            )
            + rules.batch_problems(io.input(0))
        )
        if problems or rules.is_float(io):
            return problems
        return overflow_problems(io, axis=0, shift=channel_multipliers(io, filters)[1])

    def macs(self, io: OpIO) -> int:
        """Multiply-accumulates, padding included."""
        _, high, wide, depth = io.input(1).type.shape
        return io.output.type.elements * high * wide * depth

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        return window_summary(*self.window(io), self.activation)

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output after the fused activation."""
        out = io.output.type
        return activation_range(self.activation, out.scale, out.zero_point, rules.limits(io))

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...]:
        """See `Op.row_windows`."""
        return rules.windowed_rows(io, self.window(io)[0])

    def column_window(self, io: OpIO) -> RowWindow:
        """See `Op.column_window`."""
        return self.window(io)[1].rows(io.input(0).type.shape[2])

    def evaluate(self, io: OpIO, values: Sequence[Array | None]) -> tuple[Array, ...]:
        """See `Op.evaluate`; source: reference_integer_ops::ConvPerChannel, reference_ops::Conv."""
        if rules.is_float(io):
            real = self._products(io, values, 0) + bias_of(values)
            return (activate(real, self.activation)[np.newaxis],)
        bias = values[2] if len(values) > 2 else None
        acc = self._products(io, values, io.input(0).type.zero_point).astype(np.int64)
        total = acc + (0 if bias is None else bias.astype(np.int64))
        mantissa, shift = channel_multipliers(io, total.shape[-1])
        out = requantised(io, total, mantissa, shift)
        return (
            rules.saturate(out, *self.output_range(io), dtype=io.output.type.dtype)[np.newaxis],
        )

    def _products(
        self, io: OpIO, values: Sequence[Array | None], zero_point: int
    ) -> npt.NDArray[np.float64]:
        """Sums of inputs less their zero point times weights, [rows, columns, filters]."""
        x, weights = values[0], values[1]
        assert x is not None
        assert weights is not None
        patches = windows(x, *self.window(io), fill=zero_point) - zero_point
        rows, columns = patches.shape[:2]
        filters = weights.shape[0]
        groups = self.groups(io)
        # [pixels, groups, taps] x [groups, taps, filters / groups], exact in float64 for int8
        left = patches.reshape(rows * columns, groups, -1)
        right = (
            weights.transpose(0, 3, 1, 2).astype(np.float64).reshape(groups, filters // groups, -1)
        )
        acc: npt.NDArray[np.float64] = np.matmul(left.transpose(1, 0, 2), right.transpose(0, 2, 1))
        return acc.transpose(1, 0, 2).reshape(rows, columns, filters)
