"""Normalisations that ONNX does not define by a function of its own."""

from __future__ import annotations

from edgegen.errors import UnsupportedError
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.frontends.onnx.model import Shape
from edgegen.ir import DType


def _channelwise(w: Writer, position: int) -> str:
    """One value for each channel in a shape that broadcasts."""
    rank = w.value(0).rank
    tensor = w.read(position)
    return w.reshape(tensor, (*w.shape(tensor), *(1,) * (rank - 2)))


def normalised(w: Writer, x: str, mean: str, variance: str, epsilon: float) -> str:
    """(x - mean) / sqrt(variance + epsilon)."""
    small = w.constant(epsilon, DType.FLOAT32)
    deviation = w.pointwise("sqrt", w.pointwise("add", variance, small))
    return w.pointwise("div", w.pointwise("sub", x, mean), deviation)


@generally("BatchNormalization")
def batch(w: Writer) -> None:
    """BatchNormalization with statistics that may be computed at run time, or in training."""
    x, epsilon = w.read(0), w.node.number("epsilon", 1e-5)
    scale, bias, mean, variance = (_channelwise(w, i) for i in range(1, 5))
    if w.node.integer("training_mode", 0):
        rank = w.value(0).rank
        axes = (0, *range(2, rank))
        old_mean, old_variance = mean, variance
        mean, variance = moments(w, x, axes)
        momentum = w.node.number("momentum", 0.9)
        _running(w, 1, old_mean, mean, momentum)
        _running(w, 2, old_variance, variance, momentum)
    elif any(w.node.outputs[1:]):
        raise UnsupportedError("running statistics without training")
    whole = normalised(w, x, mean, variance, epsilon)
    w.pointwise("add", w.pointwise("mul", whole, scale), bias, out=w.out())


def moments(w: Writer, x: str, axes: Shape) -> tuple[str, str]:
    """Mean and variance over axes, which stay as ones."""
    mean = w.reduce("mean", x, axes)
    distance = w.pointwise("sub", x, mean)
    return mean, w.reduce("mean", w.pointwise("mul", distance, distance), axes)


def _running(w: Writer, position: int, old: str, new: str, momentum: float) -> None:
    """A running statistic: the old one and the new one in shares."""
    if len(w.node.outputs) <= position or not w.node.outputs[position]:
        return
    shape = w.result(position).shape
    share, rest = (w.constant(v, DType.FLOAT32) for v in (momentum, 1.0 - momentum))
    parts = (w.pointwise("mul", t, s) for t, s in ((old, share), (new, rest)))
    total = w.pointwise("add", *(w.reshape(p, shape) for p in parts))
    w.pointwise("identity", total, out=w.out(position))


@generally("InstanceNormalization")
def instance(w: Writer) -> None:
    """Each image's channel by its own mean and variance."""
    x = w.read(0)
    mean, variance = moments(w, x, tuple(range(2, w.value(0).rank)))
    whole = normalised(w, x, mean, variance, w.node.number("epsilon", 1e-5))
    scale, bias = (_channelwise(w, i) for i in (1, 2))
    w.pointwise("add", w.pointwise("mul", whole, scale), bias, out=w.out())
