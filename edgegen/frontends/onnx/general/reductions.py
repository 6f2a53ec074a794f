"""Reductions, orders along an axis, and the softmax family."""

from __future__ import annotations

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.frontends.onnx.model import Shape
from edgegen.ir import DType

FUNCTIONS = {
    "ReduceSum": "sum",
    "ReduceMean": "mean",
    "ReduceProd": "product",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceL1": "norm1",
    "ReduceL2": "norm2",
    "ReduceLogSum": "log_sum",
    "ReduceSumSquare": "sum_square",
}


def reduced_axes(w: Writer) -> Shape | None:
    """The axes of a reduction; None where nothing is reduced."""
    rank = w.value(0).rank
    axes = w.integers(1, "axes") if w.has(1) else w.node.integers("axes")
    if axes:
        return w.real_axes(rank, axes)
    return None if w.node.integer("noop_with_empty_axes", 0) else tuple(range(rank))


@generally(*FUNCTIONS)
def reduce(w: Writer) -> None:
    """Sums, extremes and norms."""
    x, axes = w.read(0), reduced_axes(w)
    function = FUNCTIONS[w.node.op]
    if axes is None or not w.shape(x):
        # Each value by itself.
        one = {"norm1": "abs", "norm2": "abs", "log_sum": "log"}.get(function, "identity")
        if function == "sum_square":
            w.pointwise("mul", x, x, out=w.out())
        else:
            w.pointwise(one, x, out=w.out())
        return
    boolean = w.kind(x).dtype is DType.BOOL
    if boolean and function not in ("max", "min"):
        raise UnsupportedError(Problem(f"{w.node.op} of bools"))
    w.reduce(function, x, axes, out=w.out())


@generally("ReduceLogSumExp")
def log_sum_exp(w: Writer) -> None:
    """log(sum(exp(x))), relative to the largest value so that nothing overflows."""
    x, axes = w.read(0), reduced_axes(w)
    if axes is None or not w.shape(x):
        w.pointwise("identity", x, out=w.out())
        return
    largest = w.reduce("max", x, axes)
    total = w.reduce("log_sum", w.pointwise("exp", w.pointwise("sub", x, largest)), axes)
    shape = w.result().shape
    w.pointwise("add", w.reshape(total, shape), w.reshape(largest, shape), out=w.out())


@generally("ArgMax", "ArgMin")
def arg(w: Writer) -> None:
    """Where the extreme is."""
    function = "arg_max" if w.node.op == "ArgMax" else "arg_min"
    if w.node.integer("select_last_index", 0):
        function = f"last_{function}"
    axes = w.real_axes(w.value(0).rank, (w.node.integer("axis", 0),))
    w.reduce(function, w.read(0), axes, out=w.out())


@generally("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(w: Writer) -> None:
    """One value for each channel."""
    axes = tuple(range(2, w.value(0).rank))
    if w.node.op == "GlobalLpPool":
        lp_norm(w, w.read(0), axes, w.node.integer("p", 2), out=w.out())
        return
    function = "mean" if w.node.op == "GlobalAveragePool" else "max"
    w.reduce(function, w.read(0), axes, out=w.out())


def lp_norm(w: Writer, x: str, axes: Shape, power: int, *, out: str | None = None) -> str:
    """(sum |x|^p)^(1/p) over axes, which stay as ones."""
    if power in (1, 2):
        return w.reduce(f"norm{power}", x, axes, out=out)
    exponent, root = (w.constant(v, DType.FLOAT32) for v in (power, 1.0 / power))
    powers = w.pointwise("power", w.pointwise("abs", x), exponent)
    return w.pointwise("power", w.reduce("sum", powers, axes), root, out=out)


@generally("LpNormalization")
def lp_normalization(w: Writer) -> None:
    """Each value over the norm along an axis; 0 where that is 0."""
    x = w.read(0)
    axes = w.real_axes(w.value(0).rank, (w.node.integer("axis", -1),))
    norm = lp_norm(w, x, axes, w.node.integer("p", 2))
    zero = w.constant(0.0, DType.FLOAT32)
    quotient = w.pointwise("div", x, norm)
    w.pointwise("where", w.pointwise("equal", norm, zero), zero, quotient, out=w.out())


def _softmax_axes(w: Writer) -> Shape:
    """The axis, and up to opset 12 all that follow it."""
    rank = w.value(0).rank
    old = w.opset < 13
    axis = w.node.integer("axis", 1 if old else -1)
    if old:
        return tuple(range(axis % max(rank, 1), rank))
    return w.real_axes(rank, (axis,))


@generally("Softmax", "LogSoftmax")
def softmax(w: Writer) -> None:
    """Exponentials over their sum, relative to the largest value, or its logarithm."""
    x, axes = w.read(0), _softmax_axes(w)
    shifted = w.pointwise("sub", x, w.reduce("max", x, axes))
    powers = w.pointwise("exp", shifted)
    if w.node.op == "Softmax":
        w.pointwise("div", powers, w.reduce("sum", powers, axes), out=w.out())
    else:
        w.pointwise("sub", shifted, w.reduce("log_sum", powers, axes), out=w.out())


@generally("Hardmax")
def hardmax(w: Writer) -> None:
    """1 at the first largest value, 0 elsewhere."""
    x, axes = w.read(0), _softmax_axes(w)
    shape = w.shape(x)
    # Several axes are one long axis.
    count = int(np.prod([shape[a] for a in axes]))
    flat = w.reshape(x, (*shape[: axes[0]], count, *shape[axes[-1] + 1 :]))
    rank = len(w.shape(flat))
    best = w.reduce("arg_max", flat, (axes[0],))
    places = np.arange(count, dtype=np.int64).reshape(-1, *(1,) * (rank - axes[0] - 1))
    hit = w.pointwise("equal", best, w.constant(places))
    ones = w.cast(hit, w.kind(x).dtype)
    w.reshape(ones, shape, out=w.out())


@generally("CumSum", "CumProd")
def cumulative(w: Writer) -> None:
    """Running sums and products."""
    axis = w.integers(1, "axis")
    assert axis is not None
    (place,) = w.real_axes(w.value(0).rank, axis)
    w.write(
        "cumulative",
        [w.read(0)],
        w.out(),
        function="sum" if w.node.op == "CumSum" else "product",
        axis=place,
        exclusive=w.node.integer("exclusive", 0),
        reverse=w.node.integer("reverse", 0),
    )


@generally("TopK")
def top_k(w: Writer) -> None:
    """The best values along an axis and where they are."""
    (axis,) = w.real_axes(w.value(0).rank, (w.node.integer("axis", -1),))
    w.integers(1, "number of elements")
    for position, name in enumerate(w.node.outputs):
        if name:
            w.write(
                "top_k",
                [w.read(0)],
                w.out(position),
                axis=axis,
                largest=w.node.integer("largest", 1),
                places=position,
            )
