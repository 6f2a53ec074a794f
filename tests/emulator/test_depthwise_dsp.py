"""DSP depthwise kernels over many shapes: host C under sanitizers, and machine code on three cores."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from edgegen.codegen.package import Package, pack
from edgegen.codegen.render import render_library
from edgegen.emulate.firmware import ModelLibrary, build_runner, input_file, output_file
from edgegen.emulate.machine import run_elf
from edgegen.emulate.result import RunResult
from edgegen.ir import DType, Graph, OpIO, Origin, Tensor, TensorKind, TensorType
from edgegen.ir.types import QuantParams
from edgegen.kernels.base import Cost
from edgegen.kernels.depthwise_conv2d.dsp_planes import DspPlanesDepthwiseConv2D
from edgegen.kernels.depthwise_conv2d.plane_layer import solved_layer
from edgegen.kernels.formats import DENSE, HWC, PLANES_HIGH, PLANES_WIDE, Format
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.plan.plan import plan
from edgegen.target.board import load_board
from edgegen.target.cores import CORES
from edgegen.target.select import select
from edgegen.verify.host import SANITIZERS, WARNINGS
from edgegen.verify.reference import evaluate
from tests.support import data
from tests.support.data import Array

BOARDS = {"m4": "nrf52840dk", "m7": "mps2_an500", "m33": "mps2_an505"}
DEPTHWISE = "depthwise_conv2d"


@dataclass(frozen=True)
class Layer:
    """One depthwise layer; sizes in pixels."""

    height: int
    width: int
    channels: int
    stride: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    filter: tuple[int, int] = (3, 3)
    dilation: tuple[int, int] = (1, 1)
    multiplier: int = 1
    zero_points: tuple[int, int] = (-128, -128)
    activation: str = "RELU"
    weights: str = "weights"
    bias: str = "bias"
    scale: float = 1.0
    kernel: str = "dsp_planes"
    source: Format = PLANES_WIDE
    target: Format = HWC

    @functools.cached_property
    def graph(self) -> Graph:
        """A model of this layer alone; `scale` is the output's in units of a typical one."""
        out = self.channels * self.multiplier
        shape = (1, *self.filter, out)
        low = {"low": -128, "high": 127}.get(self.weights)
        weights = (
            data.constant(self.weights, f"{self}", shape, "int8")
            if low is None
            else np.full(shape, low, np.int8)
        )
        scales = data.seeded_scales(f"{self}", out, wild=False)
        x = TensorType(DType.INT8, (1, self.height, self.width, self.channels), _quant(0.03, self, 0))
        op = DepthwiseConv2D(
            ("x", "w", "b"), ("y",), Origin(0, "DEPTHWISE_CONV_2D"),
            self.stride, self.dilation, self.padding, self.activation,
        )  # fmt: skip
        tensors = [
            Tensor("x", x, TensorKind.INPUT),
            Tensor(
                "w",
                TensorType(DType.INT8, shape, QuantParams(scales, (0,) * out, 3)),
                TensorKind.CONSTANT,
                weights,
            ),
            Tensor(
                "b",
                TensorType(DType.INT32, (out,)),
                TensorKind.CONSTANT,
                data.constant(self.bias, f"{self}", (out,), "int32"),
            ),
        ]
        vertical, horizontal = op.window(OpIO(tuple(tensors), ()))
        size = (1, vertical.outputs(self.height), horizontal.outputs(self.width), out)
        y = TensorType(DType.INT8, size, _quant(0.03 * self.scale, self, 1))
        tensors.append(Tensor("y", y, TensorKind.ACTIVATION))
        graph = Graph("layer", {t.name: t for t in tensors}, (op,), ("x",), ("y",))
        assert op.check(graph.io(op)) == []
        return graph

    @property
    def op(self) -> DepthwiseConv2D:
        (op,) = self.graph.ops
        assert isinstance(op, DepthwiseConv2D)
        return op

    @property
    def inputs(self) -> tuple[Array, ...]:
        """Two random vectors around the extremes: the bytes of pads and of other layers vary."""
        shape = self.graph.tensor("x").type.shape
        first, last = (data.random(f"{self}/{i}", shape, "int8") for i in range(2))
        extremes = [data.constant(kind, "", shape, "int8") for kind in ("high", "low")]
        return (first, *extremes, last)

    @property
    def expected(self) -> bytes:
        """The numpy reference's outputs."""
        return b"".join(evaluate(self.graph, {"x": x})["y"].tobytes() for x in self.inputs)

    def package(self, name: str, core: str) -> Package:
        """Packed with the wanted kernel and formats, and reformat steps around it."""
        program = select(
            self.graph,
            CORES[core],
            "speed",
            allow=lambda op, choice: op.stem != DEPTHWISE
            or (choice.kernel.name, choice.formats.inputs[0], choice.formats.output)
            == (self.kernel, self.source, self.target),
        )
        return pack(plan(program), name)


def _quant(scale: float, layer: Layer, which: int) -> QuantParams:
    return QuantParams((float(np.float32(scale)),), (layer.zero_points[which],))


def _write(packages: Sequence[Package], folder: Path) -> Path:
    """All libraries in one C file: that compiles ten times as fast as one by one."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for package in packages:
        for file, text in render_library(package).items():
            if file.endswith((".c", ".h")):
                (folder / file).write_text(text, encoding="utf-8")
        lines += [f'#include "{package.name}{part}.c"' for part in ("", "_weights")]
    path = folder / "all.c"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


_RUN = """
static int run_{n}(FILE *in, FILE *out)
{{
    static {n}_arena_t arena;
    for (int i = 0; i < 4; i++) {{
        memset(arena.bytes, 0x5a + 60 * i, sizeof arena.bytes);
        if (fread({n}_input(&arena), 1, {N}_INPUT_BYTES, in) != {N}_INPUT_BYTES) {{ return 1; }}
        {n}_run(&arena);
        fwrite({n}_output(&arena), 1, {N}_OUTPUT_BYTES, out);
    }}
    return 0;
}}
"""


def run_on_host(layers: Sequence[Layer], folder: Path) -> list[bytes]:
    packages = [layer.package(f"d{i}", "m4") for i, layer in enumerate(layers)]
    everything = _write(packages, folder)
    main = ["#include <stdio.h>", f'#include "{everything.name}"']
    main += [_RUN.format(n=p.name, N=p.name.upper()) for p in packages]
    calls = " || ".join(f"run_{p.name}(stdin, stdout)" for p in packages)
    main.append(f"int main(void) {{ return {calls}; }}")
    (folder / "main.c").write_text("\n".join(main), encoding="utf-8")
    command = ["gcc", *WARNINGS, *SANITIZERS, "-O1", "-o", "program", "main.c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    stdin = b"".join(x.tobytes() for layer in layers for x in layer.inputs)
    ran = subprocess.run([str(folder / "program")], input=stdin, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return list(_split(layers, ran.stdout))


def _split(layers: Sequence[Layer], raw: bytes) -> Iterator[bytes]:
    at = 0
    for layer in layers:
        size = len(layer.expected)
        yield raw[at : at + size]
        at += size


def run_emulated(
    layers: Sequence[Layer], core: str, folder: Path, defines: Sequence[str] = ()
) -> tuple[list[bytes], RunResult]:
    packages = [layer.package(f"d{i}", core) for i, layer in enumerate(layers)]
    everything = _write(packages, folder)
    models = [
        ModelLibrary.single(p.name, [everything] if i == 0 else [], folder)
        for i, p in enumerate(packages)
    ]
    elf = build_runner(
        models, load_board(BOARDS[core]), workdir=folder / "image", optimize="-O1", defines=defines
    )
    count = len(layers)
    files = {
        input_file(i, count): b"".join(x.tobytes() for x in layer.inputs)
        for i, layer in enumerate(layers)
    }
    result = run_elf(elf, load_board(BOARDS[core]), files=files).check()
    return [result.files[output_file(i, count)] for i in range(count)], result


def differences(layers: Sequence[Layer], outputs: Sequence[bytes]) -> list[str]:
    return [
        f"{layer}: {_first_difference(raw, layer.expected)}"
        for layer, raw in zip(layers, outputs, strict=True)
        if raw != layer.expected
    ]


def _first_difference(raw: bytes, expected: bytes) -> str:
    if len(raw) != len(expected):
        return f"{len(raw)} bytes instead of {len(expected)}"
    wrong = [i for i, (a, b) in enumerate(zip(raw, expected, strict=True)) if a != b]
    return f"{len(wrong)} bytes differ, the first is {wrong[0]}"


def _pick(key: str, count: int) -> list[int]:
    return [int(v) for v in data.integers(key, (count,), 0, 1 << 30, "int64")]


def sweep(count: int) -> list[Layer]:
    """Seeded layers: every combination of attributes comes up, sizes are random."""
    layers = []
    for i in range(count):
        p = _pick(f"depthwise planes {i}", 10)
        stride = (1, 2)[p[0] % 2]
        # Small sizes matter most: every remainder modulo 4, one word, two words.
        high = 9 if p[1] % 3 else 49
        zero_point = (-128, 127, -3, 40)[p[2] % 4] if p[2] % 3 else -128
        activation, out_zero = (
            ("RELU", -128), ("RELU", -128), ("NONE", 5), ("RELU6", -100), ("RELU_N1_TO_1", 0),
        )[p[3] % 5]  # fmt: skip
        layers.append(
            Layer(
                3 + p[4] % (high - 2),
                3 + p[5] % (high - 2),
                1 + p[6] % (33 if high == 9 else 6),
                (stride, stride),
                ("SAME", "SAME", "VALID")[p[7] % 3],
                zero_points=(zero_point, out_zero),
                activation=activation,
                weights=("weights", "weights", "low", "high", "extreme", "zeros")[p[8] % 6],
                scale=(1.0, 1.0, 0.2, 4.0)[p[9] % 4],
                source=(PLANES_WIDE, PLANES_HIGH)[p[8] % 2],
                target=(HWC, HWC, DENSE)[p[0] // 2 % 3],
            )
        )
    return layers


def general_sweep(count: int) -> list[Layer]:
    """Seeded layers of any filter."""
    layers = []
    filters = ((5, 5), (7, 7), (1, 5), (7, 1), (3, 3), (4, 2), (2, 3), (1, 1), (3, 9))
    for i in range(count):
        p = _pick(f"depthwise general {i}", 12)
        size = filters[p[0] % len(filters)]
        dilation = ((1, 1), (1, 1), (2, 2), (1, 3))[p[1] % 4]
        stride = ((1, 1), (1, 1), (2, 2), (3, 3), (1, 2), (3, 1))[p[2] % 6]
        if dilation != (1, 1):
            stride = (1, 1)
        source = (PLANES_WIDE, PLANES_HIGH, HWC, DENSE)[p[3] % 4]
        extent = [(s - 1) * d + 1 for s, d in zip(size, dilation, strict=True)]
        layers.append(
            Layer(
                extent[0] + p[4] % 20,
                extent[1] + p[5] % 20,
                1 + p[6] % 7,
                stride,
                ("SAME", "VALID")[p[7] % 2],
                size,
                dilation,
                multiplier=(1, 1, 2, 3)[p[8] % 4],
                zero_points=((-128, 127, -3)[p[9] % 3], (-128, 4)[p[10] % 2]),
                activation=("RELU", "NONE")[p[10] % 2],
                weights=("weights", "low", "high", "extreme")[p[11] % 4],
                kernel="dsp_general",
                source=source,
                target=(HWC, DENSE)[p[11] // 4 % 2],
            )
        )
    return layers
