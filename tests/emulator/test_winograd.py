"""Winograd kernels over many shapes: host C under sanitizers, and machine code on three cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgegen.codegen.package import pack
from edgegen.export.flatbuffer import TensorSpec
from edgegen.kernels.conv2d.winograd_layer import F2X2, F4X4, Transform
from edgegen.kernels.formats import DENSE, HWC, Format
from edgegen.pipeline import Compilation
from edgegen.plan.plan import plan
from edgegen.target.board import load_board
from edgegen.target.cores import CORES
from edgegen.target.select import select
from edgegen.verify.reference import evaluate
from tests.support import data
from tests.support.batch import Variant, case_graph, failures, run_emulated, run_on_host
from tests.support.cases import Case
from tests.support.data import Array

BOARDS = {"m4": "nucleo_l4r5zi", "m7": "mps2_an500", "m33": "mps2_an505"}
FORMATS = ((HWC, HWC), (HWC, DENSE), (DENSE, HWC), (DENSE, DENSE))


class Generated(Case):
    """A convolution made up here; the numpy reference is the oracle."""

    def inputs(self) -> tuple[tuple[Array, ...], ...]:
        """Random ones, and those that drive the transformed input to its ends."""
        (x,) = self.fed
        _, height, width, channels = x.shape
        rows, columns = np.indices((height, width))
        vectors = [data.random(f"{self.id}/{i}", x.shape, "int8") for i in range(2)]
        for phase in range(2):
            blocks = ((rows + phase) // 2 + (columns + phase) // 2) % 2
            high = np.where(blocks == 0, 127, -128)[..., np.newaxis]
            # Neighbouring channels share a word: one at its highest, the other at its lowest.
            sign = np.where(np.arange(channels) // 2 % 2 == 0, 1, -1)
            vectors.append(np.where(sign > 0, high, -1 - high).astype(np.int8)[np.newaxis])
        return tuple((v,) for v in vectors)

    def expected(self) -> tuple[tuple[Array, ...], ...]:
        graph = case_graph(self)
        (name,) = graph.inputs
        return tuple((evaluate(graph, {name: x})[graph.outputs[0]],) for (x,) in self.inputs())


def layer(
    name: str,
    size: tuple[int, int],
    channels: tuple[int, int],
    padding: str = "SAME",
    zero_points: tuple[int, int] = (-128, -128),
    activation: str = "RELU",
    weights: str = "weights",
    scale: float = 1.0,
) -> Generated:
    """A 3x3 convolution; `scale` is the output's in units of one that uses the whole range."""
    (high, wide), (depth, out) = size, channels
    shrink = 0 if padding == "SAME" else 2
    if weights == "small":  # 576 * accumulator has to fit
        most = min(25, 1800 // depth)
        w = data.integers(name, (out, 3, 3, depth), -most, most, "int8")
    else:
        w = data.constant(weights, name, (out, 3, 3, depth), "int8")
    bias = data.constant("bias", name, (out,), "int32")
    scales = data.seeded_scales(name, out, wild=False)
    # Sums of random signs grow with the square root of their number.
    typical = 0.03 * 2.0**-7 * 74 * 74 * (9 * depth) ** 0.5 / 64 * scale
    source, target = float(np.float32(0.03)), float(np.float32(typical))
    biases = tuple(float(np.float32(source * s)) for s in scales)
    return Generated(
        stem="conv2d",
        name=name,
        op="CONV_2D",
        version=1,
        options={
            "padding": padding,
            "stride_h": 1,
            "stride_w": 1,
            "fused_activation_function": activation,
        },
        options_table=None,
        tensors=(
            TensorSpec("x", "int8", (1, high, wide, depth), (source,), (zero_points[0],)),
            TensorSpec("w", "int8", w.shape, scales, (0,) * out, 0, w),
            TensorSpec("b", "int32", (out,), biases, (0,) * out, 0, bias),
        ),
        operands=(0, 1, 2),
        outputs=(
            TensorSpec(
                "y", "int8", (1, high - shrink, wide - shrink, out), (target,), (zero_points[1],)
            ),
        ),
        shaped=True,
    )


def variant(
    case: Generated, index: int, core: str, kernel: str, formats: tuple[Format, Format]
) -> Variant:
    """The case compiled with one kernel between two formats."""
    graph = case_graph(case)
    program = select(
        graph,
        CORES[core],
        "speed",
        allow=lambda op, choice: (
            op.stem != "conv2d"
            or (choice.kernel.name, choice.formats.inputs[0], choice.formats.output)
            == (kernel, *formats)
        ),
    )
    label = f"{kernel} {formats[0].text} to {formats[1].text}"
    name = f"w{index}"
    return Variant(name, case, label, Compilation(graph, graph, pack(plan(program), name), {}))


def sweep(count: int) -> list[Generated]:
    """Seeded layers: every remainder of the size and the channels modulo 4 comes up."""
    found = []
    for i in range(count):
        p = [int(v) for v in data.integers(f"winograd {i}", (9,), 0, 1 << 30, "int64")]
        # Large images have few channels and the other way round: the time goes into emulation.
        small = i % 3 > 0
        size = tuple(3 + v % (6 if small else 17) for v in p[:2])
        channels = tuple(1 + v % (36 if small else 9) for v in p[2:4])
        weights = ("weights", "weights", "small", "extreme", "low", "zeros")[p[4] % 6]
        if weights in ("weights", "extreme", "low"):
            channels = (channels[0] % 6 + 1, channels[1])  # 576 * accumulator has to fit
        activation, zero = (
            ("RELU", -128), ("NONE", 5), ("NONE", -7), ("RELU6", -100), ("RELU_N1_TO_1", 0),
        )[p[5] % 5]  # fmt: skip
        found.append(
            layer(
                f"{i} {size} {channels} {weights} {activation}",
                (size[0], size[1]),
                (channels[0], channels[1]),
                ("SAME", "SAME", "VALID")[p[6] % 3],
                ((-128, 127, -3, 40)[p[7] % 4], zero),
                activation,
                weights,
                (1.0, 1.0, 0.3, 3.0)[p[8] % 4],
            )
        )
    return found


SPECIAL = [
    layer("1 x 1", (1, 1), (4, 4)),
    layer("1 x 19", (1, 19), (5, 3), activation="NONE", zero_points=(-128, 3)),
    layer("loops over channels", (4, 3), (136, 5), weights="small", zero_points=(20, -128)),
    layer(
        "as in ResNet", (8, 8), (16, 16), weights="small", zero_points=(-128, 4), activation="NONE"
    ),
    layer("whole tiles", (10, 10), (8, 8), "VALID", zero_points=(7, 11), activation="NONE"),
]


def group_of(core: str) -> list[Variant]:
    """All layers with large tiles, every other one with small tiles too, the formats in turn."""
    found: list[Variant] = []
    for i, case in enumerate([*SPECIAL, *sweep(18)]):
        source, target = FORMATS[(i // 2 + len(core)) % 4]
        depth, out = case.tensors[0].shape[3], case.outputs[0].shape[3]
        formats = (HWC if depth % 4 else source, HWC if out % 4 else target)
        for kernel in ("dsp_winograd", "dsp_winograd_2x2")[: 1 + (i + len(core)) % 2]:
            found.append(variant(case, len(found), core, kernel, formats))
    return found


def test_transformed_bytes_fit_a_half_word() -> None:
    """The bias lifts every position of F(4x4, 3x3) into [0, 2**15)."""
    b = np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    )
    positions = np.kron(b, b)
    assert F4X4.bias + 255 * np.minimum(positions, 0).sum(axis=1).min() >= 0
    assert F4X4.bias + 255 * np.maximum(positions, 0).sum(axis=1).max() < 1 << 15
    corner = np.zeros((6, 6), int)
    corner[4:, 4:] = 1
    assert (positions @ corner.ravel() == 1).all()


@pytest.mark.parametrize("transform", [F4X4, F2X2])
def test_transformed_weights_fit_a_half_word(transform: Transform) -> None:
    g = np.abs(np.array(transform.filter)).sum(axis=1).max()
    assert 128 * g * g < 1 << 15


def test_portable_c_equals_the_reference(tmp_path: Path) -> None:
    group = group_of("m4")
    assert failures(group, run_on_host(group, tmp_path)) == []


@pytest.mark.parametrize("core", list(BOARDS))
def test_machine_code_equals_the_reference(core: str, tmp_path: Path) -> None:
    group = group_of(core)
    assert failures(group, run_emulated(group, load_board(BOARDS[core]), tmp_path)) == []


def test_portable_c_runs_on_the_core_too(tmp_path: Path) -> None:
    group = group_of("m4")[:6]
    defines = [f"{v.name.upper()}_PORTABLE" for v in group]
    assert failures(group, run_emulated(group, load_board(BOARDS["m4"]), tmp_path, defines)) == []
