"""Selection within flash and RAM: monotone, deterministic, and within the budget if it can be."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from edgegen.ir import DType, Graph, Origin, Tensor, TensorKind, TensorType
from edgegen.ir.types import QuantParams
from edgegen.kernels.program import Program
from edgegen.ops.conv2d import Conv2D
from edgegen.plan.plan import plan
from edgegen.target.budget import cycles, select_within
from edgegen.target.budget import flash_bytes as flash
from edgegen.target.cores import CORES
from edgegen.target.select import select
from tests.support import data

M4 = CORES["m4"]
CHANNELS = (8, 8, 24, 32)


@functools.cache
def network() -> Graph:
    """A chain of 3x3 convolutions, in which Winograd's price per saved cycle differs."""
    tensors: dict[str, Tensor] = {}
    ops = []
    x = QuantParams((0.05,), (-128,))
    for i, depth in enumerate(CHANNELS):
        kind = TensorKind.ACTIVATION if i else TensorKind.INPUT
        tensors[f"t{i}"] = Tensor(f"t{i}", TensorType(DType.INT8, (1, 12, 12, depth), x), kind)
    for i, (depth, out) in enumerate(itertools.pairwise(CHANNELS)):
        w = data.integers(f"w{i}", (out, 3, 3, depth), -40, 40, "int8")
        bias = np.zeros(out, np.int32)
        quant = QuantParams((0.01,) * out, (0,) * out, 0)
        constant = TensorKind.CONSTANT
        tensors[f"w{i}"] = Tensor(f"w{i}", TensorType(DType.INT8, w.shape, quant), constant, w)
        tensors[f"b{i}"] = Tensor(f"b{i}", TensorType(DType.INT32, (out,)), constant, bias)
        operands = (f"t{i}", f"w{i}", f"b{i}")
        origin = Origin(i, "CONV_2D")
        ops.append(Conv2D(operands, (f"t{i + 1}",), origin, (1, 1), (1, 1), "SAME", "RELU"))
    return Graph("network", tensors, tuple(ops), ("t0",), (f"t{len(ops)}",))


def kernels(program: Program) -> list[str]:
    return [c.kernel.name for c in program.calls if c.op.stem == "conv2d"]


def test_without_a_budget_nothing_changes() -> None:
    free = select_within(network(), M4, "speed")
    assert kernels(free) == kernels(select(network(), M4, "speed"))
    assert set(kernels(free)) == {"dsp_winograd"}


def test_less_flash_costs_cycles_and_never_more_than_needed() -> None:
    free = select_within(network(), M4, "speed")
    least = select_within(network(), M4, "speed", 0)
    assert flash(least) < flash(free) / 2
    before = free
    for budget in np.linspace(flash(free), flash(least), 6).astype(int).tolist():
        program = select_within(network(), M4, "speed", budget)
        assert flash(program) <= budget
        assert cycles(program) >= cycles(before)
        again = select_within(network(), M4, "speed", budget)
        assert kernels(again) == kernels(program)
        before = program


def test_the_last_winograd_layers_are_the_cheapest_per_byte() -> None:
    free = select_within(network(), M4, "speed")
    tight = select_within(network(), M4, "speed", flash(free) - 1)
    assert 0 < kernels(tight).count("dsp_winograd") < len(CHANNELS) - 1


@pytest.mark.parametrize("optimize", ["size", "scalar"])
def test_plain_c_has_nothing_to_choose(optimize: str) -> None:
    program = select_within(network(), M4, optimize, 0, 0)
    # By rows as well, which is the same C.
    assert set(kernels(program)) <= {"scalar", "scalar_rows"}


def test_scratch_memory_is_given_up_for_ram() -> None:
    free = select_within(network(), M4, "speed")
    least = select_within(network(), M4, "speed", None, 0)
    assert plan(least).arena.size < plan(free).arena.size
    budget = (plan(least).arena.size + plan(free).arena.size) // 2
    between = select_within(network(), M4, "speed", None, budget)
    assert plan(between).arena.size <= budget
    assert cycles(free) <= cycles(between) <= cycles(least)
