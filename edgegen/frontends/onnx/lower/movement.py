"""Operators that move values: reshapes, transpositions, concatenation, slices, padding, resizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.lower.emitter import Emitter
from edgegen.frontends.onnx.lower.registry import lowers
from edgegen.frontends.onnx.model import Array, Node, Shape, Value, to_int8
from edgegen.ops.resize_nearest_neighbor import nearest
from edgegen.ops.slice import MAX_RANK as MAX_SLICED
from edgegen.ops.transpose import MAX_RANK as MAX_TRANSPOSED


@lowers("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
def reshape(emitter: Emitter, node: Node) -> None:
    """The same bytes in the shape that inference found."""
    x, name = node.inputs[0], node.outputs[0]
    written = emitter.target(name, None, emitter.value(x).quant)
    emitter.reshape(node, emitter.read(x), written)
    emitter.finish(node, written, name)


@lowers("Transpose")
def transpose(emitter: Emitter, node: Node) -> bool | None:
    """Another order of axes."""
    if len(emitter.shape(node.inputs[0])) > MAX_TRANSPOSED:
        return False
    x, name = node.inputs[0], node.outputs[0]
    order = node.integers("perm") or tuple(reversed(range(len(emitter.shape(x)))))
    written = emitter.target(name, None, emitter.value(x).quant)
    emitter.transpose(node, emitter.read(x), order, written)
    emitter.finish(node, written, name)
    return None


@lowers("Concat")
def concat(emitter: Emitter, node: Node) -> None:
    """Concatenation; all parts are brought to the result's quantisation."""
    name = node.outputs[0]
    quant = emitter.value(name).quant
    parts = [emitter.requantised(node, n, quant) for n in node.inputs]
    emitter.emit(
        node,
        "CONCATENATION",
        parts,
        emitter.target(name),
        axis=node.integer("axis", 0),
        fused_activation_function="NONE",
    )


@lowers("Slice")
def slice_rule(emitter: Emitter, node: Node) -> bool | None:
    """A slice with constant bounds and positive steps."""
    shape = emitter.shape(node.inputs[0])
    if len(shape) > MAX_SLICED:
        return False
    found = [_ints(emitter, node.input(i)) for i in range(1, 5)]
    starts, ends = found[0], found[1]
    if starts is None or ends is None:
        return False
    axes = found[2] or tuple(range(len(starts)))
    steps = found[3] or (1,) * len(starts)
    if min(steps, default=1) < 1:
        return False
    begin, stride = [0] * len(shape), [1] * len(shape)
    for start, axis, step in zip(starts, axes, steps, strict=True):
        size = shape[axis]
        begin[axis] = min(max(start + size if start < 0 else start, 0), size)
        stride[axis] = step
    _slice(emitter, node, node.outputs[0], begin, stride)
    return None


@lowers("Split")
def split(emitter: Emitter, node: Node) -> bool | None:
    """One slice for each part."""
    if len(emitter.shape(node.inputs[0])) > MAX_SLICED:
        return False
    axis = node.integer("axis", 0) % max(len(emitter.shape(node.inputs[0])), 1)
    begin = [0] * len(emitter.shape(node.inputs[0]))
    for name in node.outputs:
        if name:
            _slice(emitter, node, name, begin, [1] * len(begin))
            begin[axis] += emitter.shape(name)[axis]
    return None


def _slice(
    emitter: Emitter, node: Node, name: str, begin: Sequence[int], stride: Sequence[int]
) -> None:
    """Part of the first input; the result's shape says how much."""
    x = node.inputs[0]
    written = emitter.target(name, None, emitter.value(x).quant)
    size = emitter.shape(name)
    inputs: list[str | None] = [
        emitter.read(x),
        emitter.constant("begin", np.array(begin, np.int32)),
    ]
    if max(stride, default=1) == 1:
        inputs.append(emitter.constant("size", np.array(size, np.int32)))
        emitter.emit(node, "SLICE", inputs, written)
    else:
        ends = [b + (n - 1) * s + 1 for b, n, s in zip(begin, size, stride, strict=True)]
        inputs.append(emitter.constant("end", np.array(ends, np.int32)))
        inputs.append(emitter.constant("stride", np.array(stride, np.int32)))
        emitter.emit(node, "STRIDED_SLICE", inputs, written)
    emitter.finish(node, written, name)


def _ints(emitter: Emitter, name: str) -> Shape | None:
    """A constant's integers; None where there is none."""
    data = emitter.value(name).data if name else None
    return None if data is None else tuple(int(v) for v in data.ravel())


@lowers("Pad")
def pad(emitter: Emitter, node: Node) -> bool | None:
    """A constant border."""
    amounts = _ints(emitter, node.input(1))
    if amounts is None or node.text("mode", "constant") != "constant" or min(amounts) < 0:
        return False
    x, name = node.inputs[0], node.outputs[0]
    value = emitter.value(x)
    rank = value.rank
    axes = _ints(emitter, node.input(3))
    count = len(amounts) // 2
    pairs = np.zeros((rank, 2), np.int32)
    for i, axis in enumerate(range(rank) if axes is None else axes):
        pairs[axis] = amounts[i], amounts[i + count]
    inputs: list[str | None] = [emitter.read(x), emitter.constant("padding", pairs)]
    kind = "PAD"
    if node.input(2):
        border = _border(emitter.value(node.input(2)), value)
        if border is None:
            return False
        if border[0] != (0 if value.quant is None else value.quant.zero_point):
            kind = "PADV2"
            inputs.append(emitter.constant("border", border, value.quant))
    written = emitter.target(name, None, value.quant)
    emitter.emit(node, kind, inputs, written)
    emitter.finish(node, written, name)
    return None


def _border(fill: Value, value: Value) -> Array | None:
    """What a border is filled with, in the steps of the padded value; None if computed later."""
    if fill.data is None or fill.data.size != 1:
        return None
    border = fill.data.ravel()
    if value.quant is None:
        return border
    real = border.astype(np.float64)
    if fill.quant is not None:
        real = (real - fill.quant.zero_point) * fill.quant.scale
    steps = np.rint(real / value.quant.scale) + value.quant.zero_point
    return to_int8("the border's value", steps)


@lowers("Resize", "Upsample")
def resize(emitter: Emitter, node: Node) -> bool | None:
    """Resizing of images, nearest and bilinear, where TFLite defines the same coordinates."""
    x, name = node.inputs[0], node.outputs[0]
    before, after = emitter.shape(x), emitter.shape(name)
    if len(before) != 4 or before[:2] != after[:2]:
        return False
    mode = node.text("mode", "nearest")
    old = node.op == "Upsample"
    place = "asymmetric" if old else node.text("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        rounding = "floor" if old else node.text("nearest_mode", "round_prefer_floor")
        flags = _nearest(before[2:], after[2:], place, rounding)
        kind = "RESIZE_NEAREST_NEIGHBOR"
    elif mode == "linear":
        flags = _linear(after[2:], place)
        kind = "RESIZE_BILINEAR"
    else:
        flags = None
    whole = _whole_scales(emitter, node)
    if flags is None or node.integer("antialias", 0) or not whole:
        if emitter.is_integer(node):
            raise UnsupportedError(
                Problem(
                    f"{mode} resizing from {list(before[2:])} to {list(after[2:])} ({place})",
                    why="TFLite's resizing has no such coordinates",
                    hint='use coordinate_transformation_mode "half_pixel" or "asymmetric"',
                )
            )
        return False
    align, half = flags
    source = emitter.channels_last(node, x)
    size = emitter.constant("size", np.array(after[2:], np.int32))
    written = emitter.channels_last_target(name, emitter.value(x).quant)
    emitter.emit(node, kind, [source, size], written, align_corners=align, half_pixel_centers=half)
    emitter.finish_channels_last(node, written, name)
    return None


def _whole_scales(emitter: Emitter, node: Node) -> bool:
    """Whether scales, where they are given, lead to whole sizes: TFLite knows sizes only."""
    position = 1 if node.op == "Upsample" or emitter.model.opset < 11 else 2
    name = node.input(position)
    scales = emitter.value(name).data if name else node.attributes.get("scales")
    if scales is None or not np.size(scales):
        return True
    before, after = emitter.shape(node.inputs[0]), emitter.shape(node.outputs[0])
    axes = node.integers("axes") or tuple(range(len(before)))
    factors = np.ravel(np.asarray(scales, np.float64)).tolist()
    return all(before[a] * f == after[a] for a, f in zip(axes, factors, strict=True))


def _linear(after: Shape, place: str) -> tuple[bool, bool] | None:
    """`align_corners` and `half_pixel_centers` of TFLite for bilinear resizing."""
    if place == "half_pixel" or (place == "pytorch_half_pixel" and min(after) > 1):
        return False, True
    return {"align_corners": (True, False), "asymmetric": (False, False)}.get(place)


def _nearest(before: Shape, after: Shape, place: str, rounding: str) -> tuple[bool, bool] | None:
    """`align_corners` and `half_pixel_centers` under which TFLite takes the same pixels."""
    wanted = [_onnx_pixels(n, m, place, rounding) for n, m in zip(before, after, strict=True)]
    known = [w for w in wanted if w is not None]
    if len(known) != len(wanted):
        return None
    for flags in ((False, False), (False, True), (True, False)):
        found = [nearest(n, m, *flags) for n, m in zip(before, after, strict=True)]
        if all(np.array_equal(f, w) for f, w in zip(found, known, strict=True)):
            return flags
    return None


def _onnx_pixels(n: int, m: int, place: str, rounding: str) -> Array | None:
    """The source pixel of each output; source: ONNX's operator Resize."""
    i = np.arange(m, dtype=np.float64)
    scale = m / n
    at = {
        "half_pixel": (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel": (i + 0.5) / scale - 0.5 if m > 1 else i * 0,
        "asymmetric": i / scale,
        "align_corners": i * ((n - 1) / (m - 1)) if m > 1 else i * 0,
    }.get(place)
    if at is None:
        return None
    near = {
        "floor": np.floor(at),
        "ceil": np.ceil(at),
        "round_prefer_floor": np.ceil(at - 0.5),
        "round_prefer_ceil": np.floor(at + 0.5),
    }.get(rounding)
    return None if near is None else np.clip(near, 0, n - 1).astype(np.int64)
