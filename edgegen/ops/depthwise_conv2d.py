"""DEPTHWISE_CONV_2D on int8, int16 and float32: every output channel sees one input channel."""

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
from edgegen.ops.requantise import (
    channel_multipliers,
    has_wide_sums,
    requantised,
    weight_problems,
)
from edgegen.ops.window import Window, tflite_padding, window_problems, window_summary, windows
from edgegen.quant.fixed_point import Int64, activation_problems, activation_range


@dataclass(frozen=True)
class DepthwiseConv2D(Op):
    """2-D depthwise convolution. Input NHWC, weights [1, high, wide, out], bias [out].

    Output channel c reads input channel c // multiplier. The multiplier follows from the shapes:
    TFLite 2.14 ignores the option `depth_multiplier`. On int8 the bias is int32.
    """

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str
    activation: str
    pads: tuple[int, ...] = ()

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "depthwise_conv2d"
    sources: ClassVar[tuple[str, ...]] = ("DEPTHWISE_CONV_2D",)

    @classmethod
    def parse(cls, node: RawNode, origin: Origin) -> DepthwiseConv2D:
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
        dilated = self.dilation != (1, 1)
        return self.tflite(
            "DEPTHWISE_CONV_2D",
            rules.version(io, int8=3, other=2 if dilated else 1, int16=5),
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            dilation_h_factor=self.dilation[0],
            dilation_w_factor=self.dilation[1],
            depth_multiplier=self.multiplier(io),
            padding=tflite_padding(self.padding),
            fused_activation_function=self.activation,
        )

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(channel_axis=3)

    def window(self, io: OpIO) -> tuple[Window, Window]:
        """The sliding windows along height and width."""
        _, high, wide, _ = io.input(1).type.shape
        return (
            Window(high, self.stride[0], self.dilation[0], self.padding, self.pads[:2]),
            Window(wide, self.stride[1], self.dilation[1], self.padding, self.pads[2:]),
        )

    def multiplier(self, io: OpIO) -> int:
        """Output channels for each input channel."""
        return io.input(1).type.shape[3] // io.input(0).type.shape[3]

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
        problems = problems or weight_problems(io, axis=3)
        if not problems and rules.is_int16(io) and not has_wide_sums(io):
            problems = [Problem("bias is int32", why="TFLite's int16 kernel adds int64")]
        if problems:
            return problems
        batch, height, width, depth = io.input(0).type.shape
        first, _, _, channels = io.input(1).type.shape
        if first != 1 or channels % depth:
            return [
                Problem(
                    f"weights of shape {list(io.input(1).type.shape)} do not fit {depth} input "
                    "channels",
                    why="the first dimension must be 1, the last a multiple of the input channels",
                )
            ]
        vertical, horizontal = self.window(io)
        problems = window_problems(vertical, horizontal, io.input(0).type.shape) or (
            rules.shape_problems(
                io.output, (batch, vertical.outputs(height), horizontal.outputs(width), channels)
            )
            + rules.batch_problems(io.input(0))
        )
        if problems or rules.is_float(io):
            return problems
        return overflow_problems(io, axis=3, shift=self.multipliers(io)[1])

    def macs(self, io: OpIO) -> int:
        """Multiply-accumulates, padding included."""
        _, high, wide, _ = io.input(1).type.shape
        return io.output.type.elements * high * wide

    def summary(self, io: OpIO) -> str:
        """See `Op.summary`."""
        text = window_summary(*self.window(io), self.activation)
        factor = self.multiplier(io)
        return text if factor == 1 else f"{text}, depth multiplier {factor}"

    def multipliers(self, io: OpIO) -> tuple[Int64, Int64]:
        """Mantissas and shifts of each output channel, both [out]."""
        return channel_multipliers(io, io.input(1).type.shape[3])

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
        """See `Op.evaluate`.

        Source: reference_integer_ops::DepthwiseConvPerChannel, reference_ops::DepthwiseConv.
        """
        if rules.is_float(io):
            total = self._products(io, values, 0) + bias_of(values)
            return (activate(total, self.activation)[np.newaxis],)
        acc = self._products(io, values, io.input(0).type.zero_point).astype(np.int64)
        bias = values[2] if len(values) > 2 else None
        sums = acc + (0 if bias is None else bias.astype(np.int64).ravel())
        out = requantised(io, sums, *self.multipliers(io))
        return (
            rules.saturate(out, *self.output_range(io), dtype=io.output.type.dtype)[np.newaxis],
        )

    def _products(
        self, io: OpIO, values: Sequence[Array | None], zero_point: int
    ) -> npt.NDArray[np.float64]:
        """Sums of inputs less their zero point times weights, [rows, columns, out]."""
        x, weights = values[0], values[1]
        assert x is not None
        assert weights is not None
        # [rows, columns, in, taps high, taps wide]
        patches = windows(x, *self.window(io), fill=zero_point)
        factor = self.multiplier(io)
        taps = weights[0].astype(np.float64).reshape(*weights.shape[1:3], -1, factor)
        # One tap at a time over the whole image: exact in float64 for int8, small temporaries.
        acc = np.zeros((*patches.shape[:3], factor), np.float64)
        for y, x_tap in np.ndindex(*taps.shape[:2]):
            acc += (patches[..., y, x_tap] - zero_point)[..., np.newaxis] * taps[y, x_tap]
        return acc.reshape(*acc.shape[:2], -1)
