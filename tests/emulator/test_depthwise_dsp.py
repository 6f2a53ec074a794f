"""DSP depthwise kernels over many shapes: portable C under sanitizers, and three cores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgegen.kernels.base import KernelIO
from edgegen.kernels.depthwise_conv2d.dsp_general import DspGeneralDepthwiseConv2D
from edgegen.kernels.depthwise_conv2d.dsp_planes import DspPlanesDepthwiseConv2D
from edgegen.kernels.depthwise_conv2d.plane_layer import solved_layer
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE
from edgegen.target.cores import CORES
from tests.emulator.depthwise_kit import Layer, differences, run_emulated, run_on_host
from tests.support import data


def _picks(key: str, count: int) -> list[int]:
    return [int(v) for v in data.integers(key, (count,), 0, 1 << 30, "int64")]


def planes_sweep(count: int) -> list[Layer]:
    """Seeded 3x3 layers: attributes mixed, sizes random."""
    outputs = (("RELU", -128), ("RELU", -128), ("NONE", 5), ("RELU6", -100), ("RELU_N1_TO_1", 0))
    weights = ("weights", "weights", "low", "high", "extreme", "zeros")
    layers = []
    for i in range(count):
        p = _picks(f"depthwise planes {i}", 10)
        # Small sizes matter most: every remainder modulo 4, one word, two words.
        sizes = 7 if p[1] % 3 else 47
        activation, zero_point = outputs[p[3] % 5]
        layers.append(
            Layer(
                3 + p[4] % sizes,
                3 + p[5] % sizes,
                1 + p[6] % (33 if sizes == 7 else 6),
                ((1, 1), (2, 2))[p[0] % 2],
                ("SAME", "SAME", "VALID")[p[7] % 3],
                zero_points=((-128, 127, -3, 40)[p[2] % 4] if p[2] % 3 else -128, zero_point),
                activation=activation,
                weights=weights[p[8] % 6],
                scale=(1.0, 1.0, 0.2, 4.0)[p[9] % 4],
                source=(PLANES_WIDE, PLANES_HIGH)[p[8] % 2],
                target=(HWC, HWC, DENSE)[p[0] // 2 % 3],
            )
        )
    return layers


def special_planes() -> list[Layer]:
    """Shapes and constants that a sweep would hardly meet."""
    tiny = [
        Layer(h, w, 3, zero_points=(9, -128), source=source)
        for h, w in ((1, 1), (1, 2), (2, 1), (2, 5), (1, 29), (33, 2))
        for source in (PLANES_WIDE, PLANES_HIGH)
    ]
    strides = [
        Layer(h, w, 3, stride, padding, zero_points=(20, -128), source=source)
        for h, w in ((7, 7), (10, 34))
        for padding in ("SAME", "VALID")
        for stride, source in (
            ((2, 1), PLANES_WIDE), ((3, 1), PLANES_WIDE), ((1, 3), PLANES_HIGH),
            ((4, 2), PLANES_WIDE), ((1, 2), PLANES_HIGH),
        )
    ]  # fmt: skip
    # The last words of a loop, offsets beyond an immediate, nearly dead channels.
    long = [Layer(3, w, 2, padding=p) for w in (28, 29, 30, 37, 200) for p in ("SAME", "VALID")]
    far = [Layer(4, 13, 700), Layer(9, 9, 500), Layer(4, 30, 300, source=PLANES_HIGH)]
    dead = [
        Layer(7, 7, 16, bias="large_bias", scale=scale, activation=act, zero_points=(-128, zero))
        for scale in (700.0, 1500.0, 3000.0)
        for act, zero in (("RELU", -128), ("NONE", 5))
    ]
    return [*tiny, *strides, *long, *far, *dead]


def general_sweep(count: int) -> list[Layer]:
    """Seeded layers of any filter."""
    filters = ((5, 5), (7, 7), (1, 5), (7, 1), (3, 3), (4, 2), (2, 3), (1, 1), (3, 9))
    strides = ((1, 1), (1, 1), (2, 2), (3, 3), (1, 2), (3, 1))
    layers = []
    for i in range(count):
        p = _picks(f"depthwise general {i}", 12)
        size = filters[p[0] % len(filters)]
        dilation = ((1, 1), (1, 1), (2, 2), (1, 3))[p[1] % 4]
        extent = [(s - 1) * d + 1 for s, d in zip(size, dilation, strict=True)]
        layers.append(
            Layer(
                extent[0] + p[4] % 20,
                extent[1] + p[5] % 20,
                1 + p[6] % 7,
                strides[p[2] % 6] if dilation == (1, 1) else (1, 1),
                ("SAME", "VALID")[p[7] % 2],
                size,
                dilation,
                multiplier=(1, 1, 2, 3)[p[8] % 4],
                zero_points=((-128, 127, -3)[p[9] % 3], (-128, 4)[p[10] % 2]),
                activation=("RELU", "NONE")[p[10] % 2],
                weights=("weights", "low", "high", "extreme")[p[11] % 4],
                kernel="dsp_general",
                source=(PLANES_WIDE, PLANES_HIGH, HWC, DENSE)[p[3] % 4],
                target=(HWC, DENSE)[p[11] // 4 % 2],
            )
        )
    return layers


def test_sweep_covers_every_code_path() -> None:
    layers = planes_sweep(60)
    solved = [solved_layer(layer.op, layer.io) for layer in layers]
    assert None not in solved
    known = [s.solved for s in solved if s is not None]
    assert {s.form for s in known} == {"linear", "two_branch"}
    assert any(s.saturation.ceiling is not None for s in known)
    assert any(s.saturation.offset for s in known)
    assert {layer.target for layer in layers} == {HWC, DENSE}
    padded = [layer for layer in layers if layer.padding == "SAME" and layer.zero_points[0] != -128]
    assert {layer.stride for layer in padded} == {(1, 1), (2, 2)}


@pytest.mark.parametrize(
    "layers",
    [planes_sweep(40), special_planes(), general_sweep(30)],
    ids=["planes", "special", "general"],
)
def test_portable_c_equals_the_reference(layers: list[Layer], tmp_path: Path) -> None:
    assert differences(layers, run_on_host(layers, tmp_path)) == []


@pytest.mark.parametrize(
    ("core", "layers"),
    [
        ("m4", planes_sweep(60)),
        ("m4", special_planes()),
        ("m4", general_sweep(40)),
        ("m7", planes_sweep(12) + general_sweep(6)),
        ("m33", planes_sweep(24)[12:] + general_sweep(12)[6:]),
    ],
    ids=["m4-planes", "m4-special", "m4-general", "m7", "m33"],
)
def test_machine_code_equals_the_reference(core: str, layers: list[Layer], tmp_path: Path) -> None:
    assert differences(layers, run_emulated(layers, core, tmp_path)[0]) == []


def test_portable_c_runs_on_an_arm_core(tmp_path: Path) -> None:
    layers = planes_sweep(6) + general_sweep(4)
    assert differences(layers, run_emulated(layers, "m4", tmp_path, portable=True)[0]) == []


# Layers of the reference models and others, with the most cycles an output may take.
TIMED = [
    (Layer(25, 5, 64, source=PLANES_HIGH), 13.5),
    (Layer(48, 48, 8), 14.2),
    (Layer(24, 24, 16), 14.0),
    (Layer(12, 12, 16), 13.3),
    (Layer(6, 6, 32), 14.7),
    (Layer(3, 3, 32), 14.3),
    (Layer(48, 48, 8, (2, 2)), 17.5),
    (Layer(24, 24, 8, (2, 2)), 16.9),
    (Layer(12, 12, 16, (2, 2)), 17.1),
    (Layer(6, 6, 32, (2, 2)), 20.3),
    (Layer(24, 24, 8, filter=(5, 5), kernel="dsp_general"), 38.0),
    (Layer(12, 12, 16, filter=(5, 5), kernel="dsp_general"), 40.0),
    (Layer(12, 12, 8, filter=(7, 7), kernel="dsp_general"), 64.0),
]


def test_cycles_are_few_and_as_predicted(tmp_path: Path) -> None:
    layers = [layer for layer, _ in TIMED]
    outputs, counts = run_emulated(layers, "m4", tmp_path, optimize="-O2")
    assert differences(layers, outputs) == []
    for (layer, most), count in zip(TIMED, counts, strict=True):
        assert count.cycles is not None
        cycles = count.cycles / len(layer.inputs)
        assert cycles / layer.graph.tensor("y").type.elements < most, layer
        (call,) = [
            c for c in layer.package("d", "m4").plan.program.calls if c.op.stem != "reformat"
        ]
        tolerance = 0.02 if layer.kernel == "dsp_planes" else 0.06
        assert call.cost.cycles == pytest.approx(cycles, rel=tolerance), layer


def _site(layer: Layer) -> KernelIO:
    rest = tuple(DENSE for _ in layer.io.inputs[1:])
    return KernelIO(
        layer.io.inputs, layer.io.outputs, (layer.source, *rest), layer.target, CORES["m4"]
    )


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_small_planes_share_code_whatever_their_channels(stride: tuple[int, int]) -> None:
    one, other = (
        DspPlanesDepthwiseConv2D().pack(layer.op, _site(layer))
        for layer in (Layer(6, 6, 8, stride), Layer(6, 6, 56, stride))
    )
    assert one.variant == other.variant
    assert one.routine == other.routine
    assert one.call["arguments"] != other.call["arguments"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"filter": (5, 5)}, "not 3x3"),
        ({"multiplier": 2}, "multiplier"),
        ({"dilation": (2, 2)}, "dilated"),
        ({"stride": (3, 3)}, "stride of 1 or 2"),
        # An output step is less than an accumulator's: no M below 2**31 for k = 8.
        ({"scale": 1e-4}, "proved"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_planes_reject_with_a_reason(change: dict[str, Any], reason: str) -> None:
    layer = replace(Layer(9, 9, 4), **change)
    assert reason in DspPlanesDepthwiseConv2D().rejects(layer.op, layer.io, CORES["m4"])


def test_general_rejects_filters_beyond_reach() -> None:
    layer = Layer(24, 24, 2, filter=(21, 21))
    kernel = DspGeneralDepthwiseConv2D()
    assert kernel.rejects(layer.op, layer.io, CORES["m4"]) == "the filter is too large"
    layer = Layer(1200, 1200, 1, filter=(5, 5))
    reason = "the rows under a filter are too far apart"
    assert kernel.rejects(layer.op, layer.io, CORES["m4"]) == reason
