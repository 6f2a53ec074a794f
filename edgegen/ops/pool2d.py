"""What average and maximum pooling share: attributes, shape rule, and running over windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import Op, OpIO, Origin
from edgegen.ir.int8_form import Int8Form
from edgegen.ir.raw import RawNode
from edgegen.ir.row_window import RowWindow
from edgegen.ir.types import Array
from edgegen.ops import rules
from edgegen.ops.window import Window, tflite_padding, window_problems, window_summary
from edgegen.quant.fixed_point import activation_problems, activation_range

PoolT = TypeVar("PoolT", bound="Pool2D")


@dataclass(frozen=True)
class Pool2D(Op):
    """Base of pooling operators. Input NHWC; padding never counts as a value.

    On float32 the fused activation clamps to its real range. TFLite 2.14's int8 kernels
    (`pooling.cc`) never rescale: where the quantisation of input and output differs, release builds
    ignore the difference, and so does this. Their activation is that of the output's quantisation.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: str
    activation: str
    pads: tuple[int, ...] = ()

    @classmethod
    def parse(cls: type[PoolT], node: RawNode, origin: Origin) -> PoolT:
        """See `Op.parse`."""
        return cls(
            inputs=node.inputs,
            outputs=node.outputs,
            origin=origin,
            size=(node.integer("filter_height", 0), node.integer("filter_width", 0)),
            stride=(node.integer("stride_h", 0), node.integer("stride_w", 0)),
            padding=node.text("padding", "SAME"),
            activation=node.text("fused_activation_function", "NONE"),
        )

    def node(self, io: OpIO) -> RawNode:
        """See `Op.node`."""
        return self.tflite(
            self.sources[0],
            rules.version(io, int8=2, int16=3),
            filter_height=self.size[0],
            filter_width=self.size[1],
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            padding=tflite_padding(self.padding),
            fused_activation_function=self.activation,
        )

    def int8_form(self, io: OpIO) -> Int8Form:  # noqa: ARG002
        """See `Op.int8_form`."""
        return Int8Form(shared=(0,))

    def window(self) -> tuple[Window, Window]:
        """The sliding windows along height and width."""
        return (
            Window(self.size[0], self.stride[0], 1, self.padding, self.pads[:2]),
            Window(self.size[1], self.stride[1], 1, self.padding, self.pads[2:]),
        )

    def check(self, io: OpIO) -> list[Problem]:
        """See `Op.check`."""
        problems = rules.count_problems(io, (1, 1)) or (
            rules.rank_problems(io.input(0), 4, role="input")
            + rules.value_problems(io, io.input(0), role="input", int16=True)
            + rules.value_problems(io, io.output, role="output", int16=True)
            + activation_problems(self.activation)
            + rules.padding_problems(self.padding, self.pads)
        )
        if problems:
            return problems
        batch, height, width, depth = io.input(0).type.shape
        vertical, horizontal = self.window()
        return window_problems(vertical, horizontal, io.input(0).type.shape) or (
            rules.shape_problems(
                io.output, (batch, vertical.outputs(height), horizontal.outputs(width), depth)
            )
            + rules.batch_problems(io.input(0))
        )

    def row_windows(self, io: OpIO) -> tuple[RowWindow | None, ...]:
        """See `Op.row_windows`."""
        return rules.windowed_rows(io, self.window()[0])

    def column_window(self, io: OpIO) -> RowWindow:
        """See `Op.column_window`."""
        return self.window()[1].rows(io.input(0).type.shape[2])

    def summary(self, io: OpIO) -> str:  # noqa: ARG002
        """See `Op.summary`."""
        return window_summary(*self.window(), self.activation)

    def output_range(self, io: OpIO) -> tuple[int, int]:
        """Lowest and highest output after the fused activation."""
        out = io.output.type
        return activation_range(self.activation, out.scale, out.zero_point, rules.limits(io))

    def spans(self, io: OpIO) -> tuple[list[slice], list[slice]]:
        """Input rows and columns of every window along height and width, without padding."""
        _, height, width, _ = io.input(0).type.shape
        vertical, horizontal = self.window()
        return valid_spans(vertical, height), valid_spans(horizontal, width)

    def reduce(self, io: OpIO, x: Array, function: Callable[..., Array]) -> Array:
        """Applies a reduction such as `np.sum` to all windows, one axis after the other.

        Args:
            io: the operator's tensors.
            x: the input, [1, height, width, channels].
            function: reduces an array along `axis`.

        Returns:
            [out height, out width, channels].
        """
        rows, columns = self.spans(io)
        tall = np.stack([function(x[0, span], axis=0) for span in rows])
        return np.stack([function(tall[:, span], axis=1) for span in columns], axis=1)


def valid_spans(window: Window, inputs: int) -> list[slice]:
    """The inputs that every output's window covers; none is ever empty."""
    before = window.before(inputs)
    starts = [i * window.stride - before for i in range(window.outputs(inputs))]
    return [slice(max(s, 0), min(s + window.size, inputs)) for s in starts]
