"""Whole layers: the choice of form and shifts, and how much of a realistic population is solved."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgegen.quant.fixed_point import INT32_MAX, Int64, quantize_multiplier
from edgegen.quant.solve_branch import Branches
from edgegen.quant.solve_direct import Direct, Generic
from edgegen.quant.solve_linear import Linear
from edgegen.quant.solve_m0 import SplitProduct, solve_m0
from edgegen.quant.solver import (
    DEPTHWISE,
    FULLY_CONNECTED,
    GEMM,
    WINOGRAD_2X2,
    WINOGRAD_4X4,
    FormName,
    Shifts,
    admissible,
    apply,
    prove,
    solutions,
    solve,
)
from edgegen.quant.staircase import Channels, accumulator_range


def realistic(rng: np.random.Generator, taps: int, zero_point: int) -> Channels:
    """A layer as quantisation-aware training leaves it.

    Weights fill int8 in each channel; channel scales vary by a factor of 8; the output scale lets
    2 to 6 standard deviations of the most active channel fill the output range.
    """
    count = int(rng.integers(4, 64))
    weights = rng.normal(0, 1, (count, taps))
    weights = np.rint(weights * 127 / np.abs(weights).max(axis=1, keepdims=True)).astype(np.int64)
    spread = 2.0 ** rng.uniform(-3, 0, count)
    deviation = np.sqrt((weights**2).sum(axis=1)) * rng.uniform(20, 80)
    steps = 255 if zero_point == -128 else 128
    top = (deviation * spread).max() * rng.uniform(2, 6)
    parts = [quantize_multiplier(float(np.float32(s * steps / top))) for s in spread]
    bias = rng.normal(0, 1, count) * deviation
    return Channels.of(
        [p.mantissa for p in parts],
        [p.shift for p in parts],
        np.rint(bias).astype(np.int64),
        accumulator_range(weights),
        (zero_point, -128, 127),
    )


@pytest.mark.parametrize(
    ("taps", "shifts"),
    [
        (27, GEMM),
        (64, GEMM),
        (288, GEMM),
        (1152, FULLY_CONNECTED),
        (9, DEPTHWISE),
        (640, FULLY_CONNECTED),
    ],
)
def test_one_solved_form_serves_every_realistic_layer(taps: int, shifts: Shifts) -> None:
    """Linear with the zero point at the low clamp, else at most two branches."""
    rng = np.random.default_rng(taps)
    chosen: Counter[tuple[bool, str]] = Counter()
    for i in range(20):
        relu = i % 2 == 0
        channels = realistic(rng, taps, -128 if relu else int(rng.integers(-100, 100)))
        form = solve(channels, shifts=shifts)
        assert form is not None
        assert prove(channels, form).all()
        chosen[relu, type(form).__name__] += 1
        if isinstance(form, (Linear, Branches)):
            assert form.k in shifts.ks
            assert form.e in shifts.es
    assert chosen[True, "Linear"] == 10
    assert chosen[False, "Linear"] + chosen[False, "Branches"] == 10


def test_every_realistic_layer_has_a_32_bit_form() -> None:
    rng = np.random.default_rng(0)
    fine = 0
    for taps in (9, 64, 288):
        for zero_point in (-128, -128, 3):
            channels = realistic(rng, taps, zero_point)
            form = solve_m0(channels)
            assert form.complete
            assert form.uniform or not form.fine
            assert prove(channels, form).all()
            fine += form.fine
            plain = solve_m0(channels, fine=False)
            assert plain.complete != form.fine
            assert (prove(channels, plain) == plain.solved).all()
    assert 0 < fine < 9


@pytest.mark.parametrize("factor", [4, 576])
def test_winograd_scales(factor: int) -> None:
    rng = np.random.default_rng(factor)
    shifts = WINOGRAD_4X4 if factor == 576 else WINOGRAD_2X2
    for zero_point in (-128, 5):
        channels = realistic(rng, 144, zero_point)
        form = solve(channels, ("late", "linear", "two_branch"), shifts, factor)
        assert isinstance(form, (Linear, Branches))
        assert form.factor == factor
        assert (int(channels.magnitude.max()) * factor << form.k) < 2**31
        assert prove(channels, form).all()
        acc = accumulators(channels)
        assert (apply(form, acc) == channels.exact(acc)).all()


def accumulators(channels: Channels) -> Int64:
    rng = np.random.default_rng(1)
    size = (3000, channels.count)
    return rng.integers(channels.acc_min, channels.acc_max + 1, size).T.copy()


def with_dead_channels(channels: Channels) -> Channels:
    """Appends what pruning leaves behind: zero weights, absurd multipliers and biases."""

    def join(values: Int64, *more: int) -> Int64:
        return np.concatenate([values, np.array(more, np.int64)])

    return Channels.of(
        join(channels.mantissa, 2**30, 2**31 - 1, 0, 2**31 - 1),
        join(channels.shift, -31, 0, 0, -2),
        join(channels.bias, 2**30, -(2**30), 12, 2**29 - 1),
        (join(channels.acc_min, 0, 0, -(2**25), 0), join(channels.acc_max, 0, 0, 2**25, 0)),
        (channels.zero_point, channels.low, channels.high),
    )


@pytest.mark.parametrize("zero_point", [-128, 20])
def test_dead_channels_do_not_disturb_a_layer(zero_point: int) -> None:
    plain = realistic(np.random.default_rng(2), 64, zero_point)
    mixed = with_dead_channels(plain)
    alone, together = solve(plain), solve(mixed)
    assert type(alone) is type(together)
    assert isinstance(together, (Linear, Branches))
    assert isinstance(alone, (Linear, Branches))
    assert (together.k, together.e) == (alone.k, alone.e)
    assert prove(mixed, together).all()
    assert together.constant[-4:].all()
    direct = solve(mixed, ("direct",))
    assert isinstance(direct, Direct)
    assert prove(mixed, direct).all()


def test_larger_shifts_come_first_and_all_are_admissible() -> None:
    channels = realistic(np.random.default_rng(3), 64, -128)
    pairs = list(admissible(channels, GEMM))
    assert pairs == sorted(pairs, reverse=True)
    found = [(s.k, s.e) for s in solutions(channels, ("linear",)) if isinstance(s, Linear)]
    assert found
    assert set(found) <= set(pairs)
    for k, e in pairs:
        assert int(channels.magnitude.max()) << k <= INT32_MAX
        assert channels.scale.max() * 2.0 ** (32 + e - k) <= INT32_MAX


def test_the_order_of_forms_is_the_callers() -> None:
    channels = realistic(np.random.default_rng(4), 64, -128)
    kinds = [type(s) for s in solutions(channels, ("split", "direct", "linear"))]
    assert kinds[:2] == [SplitProduct, Direct]
    assert kinds[2] is Linear
    assert kinds[-1] is Generic
    assert isinstance(solve(channels, ()), Generic)
    assert solve(channels, ("direct", "split"), factor=576) is None


def test_wrapping_accumulators_have_only_the_definition() -> None:
    channels = Channels.of(1 << 30, 4, [0, 5], (-(2**28), 2**28))
    form = solve(channels, ("linear", "late", "two_branch", "direct", "split"))
    assert isinstance(form, Generic)
    assert prove(channels, form).all()
    acc = accumulators(channels)
    assert (apply(form, acc) == channels.exact(acc)).all()


@pytest.mark.parametrize("limits", [(-128, -128, 100), (-50, -50, 60), (0, -30, 30), (9, 9, 9)])
def test_narrow_clamps(limits: tuple[int, int, int]) -> None:
    """RELU6 and RELU_N1_TO_1 that end inside int8."""
    rng = np.random.default_rng(6)
    wide = realistic(rng, 64, -128)
    columns = (wide.mantissa, wide.shift, wide.bias)
    channels = Channels.of(*columns, (wide.acc_min, wide.acc_max), limits)
    names: tuple[FormName, ...] = ("linear", "two_branch", "direct", "split")
    for name in names:
        form = solve(channels, (name,))
        assert form is not None
        assert prove(channels, form).all()
        if isinstance(form, Generic):
            assert name == "linear"
            assert limits[0] > limits[1]
            continue
        acc = accumulators(channels)
        seen = np.where(form.constant[:, np.newaxis], 0, acc)
        assert (apply(form, seen) == channels.exact(acc)).all()
