"""Backward analysis: which channels of every tensor the outputs of a graph depend on.

Rules:
1. Graph inputs and outputs keep all channels, and so does every tensor of an operator that no rule
   below describes: int16, grouped convolutions, depth multipliers above 1, softmax, ...
2. A convolution or fully connected layer reads an input channel for an output channel unless the
   weights between them are zero, the output channel is constant, or the input channel is constant
   and its share of the sum can move into the bias: it must be the same at every border, and the
   bias must stay within int32.
3. Operators that treat every channel by itself, or only move channels (depthwise, add, pools,
   reshape, concatenation, ...), link channels of their tensors: both stay or both go.
4. No tensor loses its last channel; it keeps a constant one if it has one.

The result is the smallest set of channels that these rules allow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgegen.ir import DType, Graph, Op, OpIO
from edgegen.ops.add import Add
from edgegen.ops.concatenation import Concatenation
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.logistic import Logistic
from edgegen.ops.mean import Mean
from edgegen.ops.mul import Mul
from edgegen.ops.pad import Pad
from edgegen.ops.pool2d import Pool2D
from edgegen.ops.quantize import Quantize
from edgegen.ops.relu import Relu
from edgegen.ops.same_bytes import SameBytes
from edgegen.passes.intervals import Interval, channels
from edgegen.passes.weighted import Bool, weighted
from edgegen.quant.fixed_point import INT32_MAX, Int64

Needs = Mapping[str, Bool]
"""Masks [channels] by tensor: the channels that must stay. Rules set elements in place."""


class Rule(ABC):
    """What an operator demands of the channels of its tensors."""

    @abstractmethod
    def apply(self, needs: Needs) -> None:
        """Adds to `needs` what follows from it."""


@dataclass(frozen=True, eq=False)
class Link(Rule):
    """Channels that stay or go together: `a_channels[i]` of tensor `a`, `b_channels[i]` of `b`."""

    a: str
    b: str
    a_channels: Int64
    b_channels: Int64

    def apply(self, needs: Needs) -> None:
        """See `Rule.apply`."""
        a, b = needs[self.a], needs[self.b]
        a[self.a_channels[b[self.b_channels]]] = True
        b[self.b_channels[a[self.a_channels]]] = True


@dataclass(frozen=True, eq=False)
class Reads(Rule):
    """Which channels of `source` each channel of `target` depends on, [target, source]."""

    source: str
    target: str
    matrix: Bool

    def apply(self, needs: Needs) -> None:
        """See `Rule.apply`."""
        needs[self.source][self.matrix[needs[self.target]].any(axis=0)] = True


@dataclass(frozen=True, eq=False)
class Pin(Rule):
    """A tensor that keeps all channels; constants that no other rule names need none."""

    name: str

    def apply(self, needs: Needs) -> None:
        """See `Rule.apply`."""
        if self.name in needs:
            needs[self.name][:] = True


def needed_channels(graph: Graph, intervals: Mapping[str, Interval]) -> Needs:
    """The channels that must stay.

    Args:
        graph: a verified graph.
        intervals: of all its tensors that hold data.

    Returns:
        Masks for every activation, and for every constant that is linked to one.
    """
    rules: list[Rule] = [Pin(n) for n in (*graph.inputs, *graph.outputs)]
    for op in graph.ops:
        rules += _rules(op, graph.io(op), intervals)
    # Users before producers: few sweeps are needed.
    rules.reverse()
    names = {t.name for t in graph.activations()}
    names |= {n for rule in rules if isinstance(rule, Link) for n in (rule.a, rule.b)}
    names |= {rule.source for rule in rules if isinstance(rule, Reads)}
    needs = {n: np.zeros(channels(graph.tensor(n).type), np.bool_) for n in sorted(names)}
    _settle(needs, rules)
    # One tensor at a time: the channel that it keeps may be one that others then keep.
    while empty := [n for n, need in needs.items() if not need.any()]:
        needs[empty[0]][np.argmax(intervals[empty[0]].constant)] = True
        _settle(needs, rules)
    return needs


def _settle(needs: Needs, rules: Sequence[Rule]) -> None:
    """Applies all rules until none adds anything."""
    before, now = -1, 0
    while now != before:
        for rule in rules:
            rule.apply(needs)
        before, now = now, sum(int(need.sum()) for need in needs.values())


def _rules(op: Op, io: OpIO, intervals: Mapping[str, Interval]) -> Sequence[Rule]:
    """What an operator demands."""
    if any(t is not None and t.type.dtype is DType.INT16 for t in (*io.inputs, *io.outputs)):
        return [Pin(n) for n in (*op.inputs, *op.outputs) if n is not None]
    if is_dense(op, io):
        return [_reads(op, io, intervals)]
    known = links(op, io)
    if known is not None:
        return known
    return [Pin(n) for n in (*op.inputs, *op.outputs) if n is not None]


def is_dense(op: Op, io: OpIO) -> bool:
    """Whether every output channel may read every input channel: rule 2 describes the operator."""
    if isinstance(op, Conv2D):
        return op.groups(io) == 1
    return isinstance(op, FullyConnected) and not repeats(io)[1]


def repeats(io: OpIO) -> tuple[int, int]:
    """How often the input's channels fill a row of a fully connected layer, and what is left."""
    return divmod(io.input(1).type.shape[1], channels(io.input(0).type))


def links(op: Op, io: OpIO) -> list[Link] | None:
    """The links that an operator makes; None where rule 3 does not describe it."""
    if isinstance(op, SameBytes):
        return _relaid(io)
    if isinstance(op, Concatenation) and op.dimension(io) == len(io.output.type.shape) - 1:
        return _side_by_side(io)
    if not _channelwise(op, io):
        return None
    target, count = io.output.name, channels(io.output.type)
    every = np.arange(count)
    sources = [io.input(i) for i in data_inputs(op, io)]
    # A single channel that is broadcast is no channel of the output; rule 4 keeps it.
    return [Link(t.name, target, every, every) for t in sources if channels(t.type) == count]


def data_inputs(op: Op, io: OpIO) -> range:
    """Indices of the inputs that hold data, as opposed to weights, shapes, axes and the like."""
    return range(len(io.inputs) if isinstance(op, (Add, Mul, Concatenation)) else 1)


def _channelwise(op: Op, io: OpIO) -> bool:
    """Whether an operator computes every channel of the output from that channel alone."""
    if isinstance(op, DepthwiseConv2D):
        return op.multiplier(io) == 1
    if isinstance(op, Mean):
        return len(io.input(0).type.shape) - 1 not in op.axes(io)
    if isinstance(op, Pad):
        return op.amounts(io)[-1] == (0, 0)
    return isinstance(op, (Add, Concatenation, Logistic, Mul, Pool2D, Quantize, Relu))


def _relaid(io: OpIO) -> list[Link] | None:
    """Links of a reshape: one side's channels repeat the other's, or nothing is known."""
    a, b = channels(io.input(0).type), channels(io.output.type)
    if 0 in (a, b) or max(a, b) % min(a, b):
        return None
    every = np.arange(max(a, b))
    return [Link(io.input(0).name, io.output.name, every % a, every % b)]


def _side_by_side(io: OpIO) -> list[Link]:
    """Links of a concatenation of channels."""
    found: list[Link] = []
    first = 0
    for i in range(len(io.inputs)):
        every = np.arange(channels(io.input(i).type))
        found.append(Link(io.input(i).name, io.output.name, every, first + every))
        first += every.size
    return found


def _reads(op: Op, io: OpIO, intervals: Mapping[str, Interval]) -> Reads:
    """Rule 2."""
    layer = weighted(op, io)
    assert layer is not None
    source, target = io.input(0), io.output
    out, depth = layer.weights.shape[:2]
    reads = np.asarray(layer.weights.any(axis=(2, 3)), np.bool_)
    known = intervals[source.name]
    # A row of a fully connected layer may hold the channels several times over.
    column = np.arange(depth) % channels(source.type)
    fixed = np.flatnonzero(known.constant[column])
    shares = layer.shares(fixed, known.low[column[fixed]])
    share = shares[:, :, 0]
    alike = (shares == share[:, :, np.newaxis]).all(axis=2)
    # Whichever of the shares move into the bias, no sum of them is larger than this.
    fits = np.abs(layer.bias) + np.abs(share).sum(axis=1) <= INT32_MAX
    reads[:, fixed] &= ~(alike & (fits[:, np.newaxis] | (share == 0)))
    reads[intervals[target.name].constant] = False
    per_channel = reads.reshape(out, -1, channels(source.type)).any(axis=1)
    return Reads(source.name, target.name, np.asarray(per_channel, np.bool_))
