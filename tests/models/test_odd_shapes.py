"""A model of awkward shapes: exact on every core, and no layer falls off a performance cliff."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edgegen.emulate.model_run import ModelRun, run_model
from edgegen.export.flatbuffer import OperatorSpec, OptionValue, TensorSpec, write_model
from edgegen.pipeline import Options, compile_model
from edgegen.target.board import load_board
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import reference_runs, verify_host
from tests.emulator.test_cases import BOARDS
from tests.support import data


@dataclass
class Builder:
    """Chains operators; shapes are given, weights are seeded."""

    tensors: list[TensorSpec] = field(default_factory=list)
    operators: list[OperatorSpec] = field(default_factory=list)

    def tensor(self, shape: tuple[int, ...], scale: float, zero: int = -128) -> int:
        name = f"t{len(self.tensors)}"
        self.tensors.append(TensorSpec(name, "int8", shape, (scale,), (zero,)))
        return len(self.tensors) - 1

    def weights(self, shape: tuple[int, ...], axis: int) -> int:
        key = f"odd {len(self.tensors)}"
        channels = shape[axis]
        values = data.integers(key, shape, -127, 127, "int8")
        scales = data.seeded_scales(key, channels, wild=False)
        self.tensors.append(TensorSpec(key, "int8", shape, scales, (0,) * channels, axis, values))
        return len(self.tensors) - 1

    def bias(self, channels: int) -> int:
        key = f"odd bias {len(self.tensors)}"
        values = data.integers(key, (channels,), -3000, 3000, "int32")
        self.tensors.append(TensorSpec(key, "int32", (channels,), (0.01,), (0,), 0, values))
        return len(self.tensors) - 1

    def layer(
        self,
        op: str,
        source: int,
        weights: tuple[int, ...],
        out: tuple[int, ...],
        options: dict[str, OptionValue],
    ) -> int:
        axis = 3 if op == "DEPTHWISE_CONV_2D" else 0
        w, b = self.weights(weights, axis), self.bias(out[-1])
        target = self.tensor(out, 0.05)
        self.operators.append(OperatorSpec(op, 3, (source, w, b), (target,), options))
        return target


def options(stride: int, dilation: int = 1, **more: OptionValue) -> dict[str, OptionValue]:
    return {
        "padding": "SAME",
        "stride_h": stride,
        "stride_w": stride,
        "dilation_h_factor": dilation,
        "dilation_w_factor": dilation,
        "fused_activation_function": "RELU",
        **more,
    }


def odd_model() -> bytes:
    b = Builder()
    x = b.tensor((1, 21, 19, 7), 0.03, 5)
    y = b.layer("CONV_2D", x, (13, 5, 3, 7), (1, 21, 19, 13), options(1))
    y = b.layer(
        "DEPTHWISE_CONV_2D", y, (1, 3, 3, 26), (1, 7, 7, 26), options(3, depth_multiplier=2)
    )
    y = b.layer("CONV_2D", y, (13, 3, 3, 26), (1, 7, 7, 13), options(1, 2))
    y = b.layer(
        "DEPTHWISE_CONV_2D", y, (1, 5, 3, 13), (1, 7, 7, 13), options(1, depth_multiplier=1)
    )
    y = b.layer("CONV_2D", y, (7, 1, 1, 13), (1, 7, 7, 7), options(1))
    return write_model(b.tensors, b.operators, [x], [y])


# Cycles per MAC of the nearest first-class shape on Cortex-M4, from docs/cycle-model.md's ruler:
# 3x3 convolution, 3x3 depthwise of stride 2 and 1, small pointwise.
NEAREST = (1.1, 2.3, 1.1, 1.6, 2.4)


def run(core: str) -> ModelRun:
    board = load_board(BOARDS[core])
    compilation = compile_model(odd_model(), "odd", board.core, Options(optimize="speed"))
    vectors = standard_vectors(compilation.source, random=1)
    return run_model(compilation, board, vectors.batches, reference_runs(compilation, vectors))


@pytest.mark.parametrize("core", list(BOARDS))
def test_it_is_exact(core: str) -> None:
    assert run(core).compared > 0


def test_it_is_exact_on_the_host_under_sanitizers() -> None:
    for core in ("m0+", "m4"):
        board = load_board(BOARDS[core])
        compilation = compile_model(odd_model(), "odd", board.core)
        flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        verify_host(compilation, standard_vectors(compilation.source), flags=flags)


def test_no_layer_falls_off_a_cliff() -> None:
    """Twice the first-class neighbour at most, as a whole and by layer.

    The exception is the depthwise layer of stride 3: it widens nine inputs for every output.
    """
    layers = [row for row in run("m4").layers if row.macs]
    assert len(layers) == len(NEAREST)
    for row, nearest in zip(layers, NEAREST, strict=True):
        assert row.cycles is not None
        allowed = 2.7 if row.index == 1 else 2.0
        assert row.cycles / row.macs <= allowed * nearest, f"{row.op} with {row.kernel}"
    whole = sum(row.cycles or 0 for row in layers)
    assert whole <= 2 * sum(n * row.macs for n, row in zip(NEAREST, layers, strict=True))
