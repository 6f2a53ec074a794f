"""The golden vector of NAME_selftest.c: what the numpy reference computes for the ramp input."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from edgegen.codegen.filters import wrap_values
from edgegen.codegen.package import Layer, Package
from edgegen.codegen.views import ArrayView
from edgegen.ir import TensorType
from edgegen.ir.types import Array
from edgegen.kernels.c_types import float_literal
from edgegen.kernels.formats import WORD_ORDER, Format, Layout, image, round_up
from edgegen.verify.reference import RAMP_OFFSET, evaluate, ramp
from edgegen.verify.tolerance import RELATIVE, allowed


@dataclass(frozen=True)
class Expected:
    """An output of the self-test; `tolerance` is the literal of a float32 output's, else None."""

    array: ArrayView
    tolerance: str | None


@dataclass(frozen=True)
class LayerCheck:
    """What a layer's output must be, as it lies in memory.

    Attributes:
        type: its operator's type in the source model.
        bytes: what its CRC is over, in pieces of `piece` bytes.
        piece: a pixel's channels or a plane's row, padded to whole words.
        mask: which bytes of a piece's last word are values; padding counts as zero.
        crc: CRC-32 of the reference's values in this form.
    """

    type: str
    bytes: int
    piece: int
    mask: int
    crc: int


def selftest_view(package: Package) -> dict[str, object]:
    """Variables of the template `selftest.c.j2`."""
    graph = package.plan.program.graph
    values = evaluate(graph, {n: ramp(graph.tensor(n).type) for n in graph.inputs})
    return {
        "selftest": [_expected(name, values[name]) for name in graph.outputs],
        "selftest_layers": [
            _layer_check(package, layer, values[layer.call.io.output.name])
            for layer in package.layers
        ],
        "selftest_offset": RAMP_OFFSET,
        "selftest_tolerance": f"{RELATIVE:g}",
    }


def _expected(name: str, value: Array) -> Expected:
    """An output of the golden vector."""
    if value.dtype == np.float32:
        text = wrap_values(map(float_literal, value.ravel().tolist()), indent=8)
        # Rounded up: what the reference's own comparison accepts must pass.
        tolerance = float_literal(allowed(value) * (1 + 1e-6))
        return Expected(ArrayView(name, "float", value.size, name, text), tolerance)
    raw = np.frombuffer(value.tobytes(), np.uint8)
    text = wrap_values(map(str, raw.tolist()), indent=8)
    return Expected(ArrayView(name, "uint8_t", raw.size, name, text), None)


def _layer_check(package: Package, layer: Layer, value: Array) -> LayerCheck:
    """The stored form of a layer's output, and its CRC."""
    call = layer.call
    form, kind = package.plan.program.buffers[call.output].format, call.io.output.type
    stored = stored_bytes(form, value, kind)
    piece, mask = _piece(form, kind)
    return LayerCheck(call.op.origin.type, len(stored), piece, mask, zlib.crc32(stored))


def _piece(form: Format, kind: TensorType) -> tuple[int, int]:
    """Bytes of a piece, and which bytes of its last word are values."""
    if form.layout is Layout.DENSE:
        return kind.bytes, 15
    if form.layout is Layout.HWC:
        channels = image(kind)[2]
        rest, order = channels % 4, (0, 1, 2, 3)
        piece = round_up(channels, 4)
    else:
        rest, order = form.rows(kind)[1] % 4, WORD_ORDER
        piece = form.pitch(kind)
    return piece, sum(1 << i for i, pixel in enumerate(order) if not rest or pixel < rest)


def stored_bytes(form: Format, value: Array, kind: TensorType) -> bytes:
    """A tensor as a buffer of a format holds it, padding zero, without slack and dummy planes."""
    if form.layout is Layout.DENSE:
        return value.tobytes()
    height, width, channels = image(kind)
    u = value.astype(np.int64).reshape(height, width, channels) + 128
    size = form.size(kind) - form.slack
    if form.layout is not Layout.HWC:
        size = channels * form.plane(kind)
    return form.spread(u, kind, 0)[:size].astype(np.uint8).tobytes()
