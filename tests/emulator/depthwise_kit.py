"""Single depthwise layers: built from attributes, compiled in batches, run on host and emulator."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegen.codegen.package import Package, pack
from edgegen.codegen.render import render_library
from edgegen.emulate.firmware import ModelLibrary, build_runner, input_file, output_file
from edgegen.emulate.machine import run_elf
from edgegen.emulate.result import LayerCount
from edgegen.ir import DType, Graph, OpIO, Origin, Tensor, TensorKind, TensorType
from edgegen.ir.types import QuantParams
from edgegen.kernels.formats import HWC, PLANES_WIDE, Format
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
STEM = DepthwiseConv2D.stem


@dataclass(frozen=True)
class Layer:
    """One depthwise layer; `scale` is the output's in units of a typical one."""

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
        """A model of this layer alone."""
        out = self.channels * self.multiplier
        shape = (1, *self.filter, out)
        weights = data.constant(self.weights, f"{self}", shape, "int8")
        bias = data.constant(self.bias, f"{self}", (out,), "int32")
        scales = data.seeded_scales(f"{self}", out, wild=False)
        size = (1, self.height, self.width, self.channels)
        x = TensorType(DType.INT8, size, _quant(0.03, self.zero_points[0]))
        w = TensorType(DType.INT8, shape, QuantParams(scales, (0,) * out, 3))
        tensors = [
            Tensor("x", x, TensorKind.INPUT),
            Tensor("w", w, TensorKind.CONSTANT, weights),
            Tensor("b", TensorType(DType.INT32, (out,)), TensorKind.CONSTANT, bias),
        ]
        op = DepthwiseConv2D(
            ("x", "w", "b"),
            ("y",),
            Origin(0, "DEPTHWISE_CONV_2D"),
            self.stride,
            self.dilation,
            self.padding,
            self.activation,
        )
        vertical, horizontal = op.window(OpIO(tuple(tensors), ()))
        size = (1, vertical.outputs(self.height), horizontal.outputs(self.width), out)
        y = TensorType(DType.INT8, size, _quant(0.03 * self.scale, self.zero_points[1]))
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
    def io(self) -> OpIO:
        return self.graph.io(self.op)

    @functools.cached_property
    def inputs(self) -> tuple[Array, ...]:
        """Random vectors around the extremes, so that what was in memory before varies."""
        shape = self.graph.tensor("x").type.shape
        first, last = (data.random(f"{self}/{i}", shape, "int8") for i in range(2))
        high, low = (data.constant(kind, "", shape, "int8") for kind in ("high", "low"))
        return (first, high, low, last)

    @functools.cached_property
    def expected(self) -> bytes:
        """The numpy reference's outputs."""
        return b"".join(evaluate(self.graph, {"x": x})["y"].tobytes() for x in self.inputs)

    def package(self, name: str, core: str) -> Package:
        """Packed with the wanted kernel and formats, and reformat steps around it."""
        wanted = (self.kernel, self.source, self.target)
        program = select(
            self.graph,
            CORES[core],
            "speed",
            allow=lambda op, choice: (
                op.stem != STEM
                or (choice.kernel.name, choice.formats.inputs[0], choice.formats.output) == wanted
            ),
        )
        return pack(plan(program), name)


def _quant(scale: float, zero_point: int) -> QuantParams:
    return QuantParams((float(np.float32(scale)),), (zero_point,))


def differences(layers: Sequence[Layer], outputs: Sequence[bytes]) -> list[str]:
    """One line for each layer whose bytes are wrong."""
    found = []
    for layer, raw in zip(layers, outputs, strict=True):
        if len(raw) != len(layer.expected):
            found.append(f"{layer}: {len(raw)} bytes instead of {len(layer.expected)}")
        elif raw != layer.expected:
            pairs = enumerate(zip(raw, layer.expected, strict=True))
            wrong = [i for i, (a, b) in pairs if a != b]
            found.append(f"{layer}: {len(wrong)} bytes differ, the first is {wrong[0]}")
    return found


def write_all(packages: Sequence[Package], folder: Path) -> Path:
    """All libraries in one C file, which compiles ten times as fast as one by one."""
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
    """Outputs of the portable C, compiled with sanitizers; memory is garbage before each run."""
    packages = [layer.package(f"d{i}", "m4") for i, layer in enumerate(layers)]
    everything = write_all(packages, folder)
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
        yield raw[at : at + len(layer.expected)]
        at += len(layer.expected)


def run_emulated(
    layers: Sequence[Layer], core: str, folder: Path, optimize: str = "-O1", portable: bool = False
) -> tuple[list[bytes], list[LayerCount]]:
    """Outputs of the machine code, and counts of the depthwise layers over all inputs."""
    packages = [layer.package(f"d{i}", core) for i, layer in enumerate(layers)]
    everything = write_all(packages, folder)
    models = [
        ModelLibrary.single(p.name, [everything] if i == 0 else [], folder)
        for i, p in enumerate(packages)
    ]
    board = load_board(BOARDS[core])
    defines = [f"{p.name.upper()}_PORTABLE" for p in packages] if portable else []
    elf = build_runner(models, board, workdir=folder / "image", optimize=optimize, defines=defines)
    count = len(layers)
    inputs = [b"".join(x.tobytes() for x in layer.inputs) for layer in layers]
    names = [step.function_name(p.name) for p in packages for step in p.layers]
    result = run_elf(
        elf,
        board,
        files={input_file(i, count): raw for i, raw in enumerate(inputs)},
        layers=names,
    ).check()
    counts = [c for c in result.layers if c.symbol.endswith(STEM)]
    return [result.files[output_file(i, count)] for i in range(count)], counts
