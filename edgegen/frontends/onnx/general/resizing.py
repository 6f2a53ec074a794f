"""Resize and Upsample: nearest values as moves, linear and cubic ones axis by axis.

Source: the ONNX operator Resize and its attributes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general.index_tables import OUTSIDE
from edgegen.frontends.onnx.general.movement import need_small
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.ir import DType
from edgegen.ops.strided import strides

Float64 = npt.NDArray[np.float64]


@generally("Resize", "Upsample")
def resize(w: Writer) -> None:
    """Another size of any axes."""
    mode = w.node.text("mode", "nearest")
    if mode == "nearest":
        _resize_nearest(w, _all_coordinates(w))
    elif w.kind(w.read(0)).dtype is DType.FLOAT32:
        _interpolate(w, mode, _all_coordinates(w))
    else:
        raise UnsupportedError(Problem(f"{mode} resizing of {w.kind(w.read(0)).dtype.value}"))


def _all_coordinates(w: Writer) -> list[Float64]:
    """For each axis, where each output lies on the input's axis."""
    sizes = zip(w.value(0).shape, w.result().shape, _scales(w), strict=True)
    return [_coordinates(w, axis, n, m, scale) for axis, (n, m, scale) in enumerate(sizes)]


def _resize_nearest(w: Writer, coordinates: list[Float64]) -> None:
    shape, target = w.value(0).shape, w.result().shape
    need_small(target)
    index = np.zeros((1,) * len(shape), np.int64)
    for axis, (at, n, step) in enumerate(zip(coordinates, shape, strides(shape), strict=True)):
        index = index + _along(_nearest(w, at, n) * step, axis, len(shape))
    if _crops(w):
        index = np.where(_outside(coordinates, shape), OUTSIDE, index)
    whole = np.ascontiguousarray(np.broadcast_to(index, target))
    fill = w.node.number("extrapolation_value", 0.0)
    w.rearrange(w.read(0), whole, out=w.out(), fill=fill)


def _interpolate(w: Writer, mode: str, coordinates: list[Float64]) -> None:
    shape, target = w.value(0).shape, w.result().shape
    scales = _scales(w)
    moved = [
        axis
        for axis, (at, n, m) in enumerate(zip(coordinates, shape, target, strict=True))
        if n != m or not np.array_equal(at, np.arange(n))
    ]
    current = w.read(0)
    for axis in moved:
        places, weights = _taps(w, coordinates[axis], shape[axis], scales[axis], mode)
        last = axis == moved[-1] and not _crops(w)
        grown = (*target[: axis + 1], *shape[axis + 1 :])
        tables = (w.constant(places, DType.INT32), w.constant(weights, DType.FLOAT32))
        current = w.write(
            "resample",
            [current, *tables],
            w.out() if last else w.temporary(DType.FLOAT32, grown),
            axis=axis,
        )
    if _crops(w):
        fill = w.constant(w.node.number("extrapolation_value", 0.0), DType.FLOAT32)
        mask = w.constant(np.broadcast_to(_outside(coordinates, shape), target).copy())
        w.pointwise("where", mask, fill, current, out=w.out())
    elif not moved:
        w.pointwise("identity", current, out=w.out())


def _crops(w: Writer) -> bool:
    """Whether outputs outside the input take a value of their own."""
    return w.node.text("coordinate_transformation_mode", "") == "tf_crop_and_resize"


def _along(values: npt.NDArray[Any], axis: int, rank: int) -> npt.NDArray[Any]:
    """A vector along one of `rank` axes."""
    return values.reshape((-1,) + (1,) * (rank - axis - 1))


def _scales(w: Writer) -> list[float]:
    """How much longer each axis becomes."""
    shape, target = w.value(0).shape, w.result().shape
    axes = w.node.integers("axes") or tuple(range(len(shape)))
    position = 1 if w.node.op == "Upsample" else 2
    if w.node.op == "Resize" and w.opset < 11:
        position = 1
    given: npt.NDArray[np.generic] | None = w.data(position) if w.has(position) else None
    if given is None and "scales" in w.node.attributes:
        given = np.array(w.node.attributes["scales"], np.float64)
    scales = [m / n for n, m in zip(shape, target, strict=True)]
    if given is not None and given.size:
        for axis, scale in zip(axes, given.ravel().tolist(), strict=True):
            scales[axis] = float(scale)
        return scales
    policy = w.node.text("keep_aspect_ratio_policy", "stretch")
    sizes = w.integers(3, "sizes") if w.has(3) else None
    if policy != "stretch" and sizes:
        ratios = [m / shape[a] for a, m in zip(axes, sizes, strict=True)]
        common = min(ratios) if policy == "not_larger" else max(ratios)
        for axis in axes:
            scales[axis] = common
    return scales


def _coordinates(w: Writer, axis: int, n: int, m: int, scale: float) -> Float64:
    """Where each output lies on the input's axis."""
    i = np.arange(m, dtype=np.float64)
    # The sizes of opset 10 and of Upsample say nothing of coordinates.
    default = "asymmetric" if w.node.op == "Upsample" or w.opset < 11 else "half_pixel"
    mode = w.node.text("coordinate_transformation_mode", default)
    # The length may not be a whole number.
    length = scale * n
    if mode == "align_corners":
        return i * (n - 1) / (length - 1) if length != 1 else i * 0
    if mode == "asymmetric":
        return i / scale
    if mode == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if mode == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if length > 1 else i * 0 - 0.5
    if mode == "half_pixel_symmetric":
        offset = n / 2 * (1 - m / length)
        return offset + (i + 0.5) / scale - 0.5
    if mode == "tf_crop_and_resize":
        return _cropped(w, axis, n, m, i)
    if mode != "half_pixel":
        raise UnsupportedError(Problem(f"coordinates {mode!r}"))
    return (i + 0.5) / scale - 0.5


def _cropped(w: Writer, axis: int, n: int, m: int, i: Float64) -> Float64:
    """Coordinates within a region of interest, in shares of the axis."""
    roi = w.data(1)
    if roi is None:
        raise UnsupportedError("a region of interest that is computed at run time")
    axes = w.node.integers("axes") or tuple(range(w.value(0).rank))
    if axis not in axes:
        return i
    place = axes.index(axis)
    first, last = float(roi.ravel()[place]), float(roi.ravel()[place + len(axes)])
    if m == 1:
        return i * 0 + 0.5 * (first + last) * (n - 1)
    return first * (n - 1) + i * (last - first) * (n - 1) / (m - 1)


def _outside(coordinates: list[Float64], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which outputs lie outside the input, in a shape that broadcasts."""
    found = np.zeros((1,) * len(shape), np.bool_)
    for axis, (at, n) in enumerate(zip(coordinates, shape, strict=True)):
        found = found | _along((at < 0) | (at > n - 1), axis, len(shape))
    return found


def _nearest(w: Writer, at: Float64, n: int) -> npt.NDArray[np.int64]:
    old = w.node.op == "Upsample" or w.opset < 11
    mode = w.node.text("nearest_mode", "floor" if old else "round_prefer_floor")
    rounded = {
        "round_prefer_floor": np.ceil(at - 0.5),
        "round_prefer_ceil": np.floor(at + 0.5),
        "floor": np.floor(at),
        "ceil": np.ceil(at),
    }.get(mode)
    if rounded is None:
        raise UnsupportedError(Problem(f"rounding {mode!r}"))
    return np.clip(rounded, 0, n - 1).astype(np.int64)


def _taps(
    w: Writer, at: Float64, n: int, scale: float, mode: str
) -> tuple[npt.NDArray[np.int64], Float64]:
    """The elements that each output is made of, and their weights, both [outputs, taps]."""
    reach = {"linear": 1.0, "cubic": 2.0}.get(mode)
    if reach is None:
        raise UnsupportedError(Problem(f"resizing by {mode!r}"))
    # Antialiasing makes the kernel as wide as an output of a smaller image.
    shrink = min(scale, 1.0) if w.node.integer("antialias", 0) else 1.0
    wide = math.ceil(reach / shrink)
    first = np.floor(at).astype(np.int64) - wide + 1
    places = first[:, np.newaxis] + np.arange(2 * wide)
    distance = (places - at[:, np.newaxis]) * shrink
    if mode == "linear":
        weights = np.maximum(1.0 - np.abs(distance), 0.0)
    else:
        weights = _cubic(np.abs(distance), w.node.number("cubic_coeff_a", -0.75))
    inside = (places >= 0) & (places < n)
    if w.node.integer("exclude_outside", 0):
        weights = np.where(inside, weights, 0.0)
    if w.node.integer("exclude_outside", 0) or shrink < 1.0:
        weights = weights / weights.sum(axis=1, keepdims=True)
    return np.clip(places, 0, n - 1), weights


def _cubic(d: Float64, a: float) -> Float64:
    """The cubic convolution kernel (Keys, 1981) at distances `d`."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
