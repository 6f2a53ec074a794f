"""Every requantisation form against TFLite's double rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.quant.fixed_point import INT32_MAX, INT32_MIN, Int64
from edgegen.quant.solve_branch import prove_branches, solve_late, solve_two_branch
from edgegen.quant.solve_direct import solve_direct, solve_generic
from edgegen.quant.solve_linear import prove_linear, solve_linear
from edgegen.quant.solve_m0 import (
    SplitProduct,
    apply_m0,
    greatest_shift,
    prove_m0,
    solve_m0,
    solve_m0_shift,
)
from edgegen.quant.solver import Solution, apply, prove
from edgegen.quant.staircase import Bools, Channels

Solver = Callable[[Channels], Solution]
SOLVERS: dict[str, Solver] = {
    "linear": lambda c: solve_linear(c, 12),
    "linear k=8 e=18": lambda c: solve_linear(c, 8, 18),
    "linear factor": lambda c: solve_linear(c, 0, 14, factor=576),
    "two branches": lambda c: solve_two_branch(c, 12),
    "two branches factor": lambda c: solve_two_branch(c, 0, 14, factor=576),
    "late": lambda c: solve_late(c, 12),
    "direct": solve_direct,
    "generic": solve_generic,
    "split": solve_m0,
    "split one-sided": lambda c: solve_m0_shift(c, greatest_shift(c)),
    "split two-sided": lambda c: solve_m0_shift(c, greatest_shift(c, two=True), two=True),
    "split fine": lambda c: solve_m0_shift(c, greatest_shift(c), fine=True),
    "split two-sided fine": lambda c: solve_m0_shift(
        c, greatest_shift(c, two=True), two=True, fine=True
    ),
}
OUTPUTS = [
    (-128, -128, 127),
    (5, -128, 127),
    (-128, -128, 72),
    (0, 0, 127),
    (-20, -40, 0),
    (0, 3, 3),
]


def solved(solution: Solution, channels: Channels) -> Bools:
    return getattr(solution, "solved", np.full(channels.count, True))


def kernel_acc(solution: Solution, acc: Int64) -> Int64:
    """Accumulators as the kernel sees them: 0 where it has to zero the weights."""
    constant = getattr(solution, "constant", None)
    return acc if constant is None else np.where(constant[:, np.newaxis], 0, acc)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", SOLVERS)
def test_exhaustive(name: str, output: tuple[int, int, int]) -> None:
    """All accumulators within +-2**16, for scales from 1/300 to 3 and one tiny one."""
    reach = 1 << 16
    mantissa = [2**31 - 1, 2**30, 1518500250, 1300000001, 1073741825, 2000000011, 1999999999]
    shift = [-7, -6, -5, -3, 1, 2, -31]
    bias = [0, -3000, 777, 12345, -1, 50, 2**30]
    channels = Channels.of(mantissa, shift, bias, (-reach, reach), output)
    solution = SOLVERS[name](channels)
    good = solved(solution, channels)
    assert (prove(channels, solution) == good).all()
    acc = np.broadcast_to(np.arange(-reach, reach + 1), (channels.count, 2 * reach + 1))
    same = apply(solution, kernel_acc(solution, acc)) == channels.exact(acc)
    assert same[good].all()
    assert good[channels.constant].all()
    if name in ("direct", "generic"):
        assert good[:5].all()
    # At k = 12, M < 2**31 allows factors up to 1/32.
    if name == "two branches" or (name in ("linear", "split") and output == OUTPUTS[0]):
        assert good[:3].all()


@st.composite
def layers(draw: st.DrawFn) -> Channels:
    """Channels of any kind: odd multipliers, dead ones, huge biases, narrow clamps."""
    count = draw(st.integers(1, 4))
    mantissas = st.integers(2**30, 2**31 - 1) | st.sampled_from(
        [2**30, 2**30 + 1, 2**31 - 1, 2**31 - 2, 0]
    )
    columns = []
    for _ in range(count):
        mantissa = draw(mantissas)
        shift = draw(st.integers(-12, -4) | st.integers(-31, 30))
        once = draw(st.booleans()) and shift < 0
        if once:
            mantissa >>= min(-shift, 31)
        width = draw(st.integers(0, 12))
        reach = min(int(2 ** (width - min(shift, 0))), 2**30)
        least = -draw(st.integers(0, reach))
        greatest = draw(st.integers(max(least, 0), reach))
        bias = draw(
            st.integers(-reach, reach) | st.sampled_from([2**30, -(2**30), 2**31 - 1, -(2**31)])
        )
        columns.append((mantissa, 0 if once else shift, bias, least, greatest))
    zero_point = draw(st.integers(-128, 127))
    kind = draw(st.sampled_from(["none", "relu", "relu6", "any"]))
    low, high = -128, 127
    if kind in ("relu", "relu6"):
        low = zero_point
    if kind == "relu6":
        high = min(127, zero_point + draw(st.integers(1, 255)))
    if kind == "any":
        low, high = sorted((draw(st.integers(-128, 127)), draw(st.integers(-128, 127))))
    m, s, b, first, last = np.array(columns).T
    return Channels.of(m, s, b, (first, last), (zero_point, low, high))


@settings(max_examples=120, deadline=None)
@given(
    channels=layers(),
    k=st.integers(0, 20),
    e=st.integers(0, 21),
    factor=st.sampled_from([1, 1, 4, 576]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_solution_is_proved_and_exact(
    channels: Channels, k: int, e: int, factor: int, seed: int
) -> None:
    own = Channels.of(
        channels.mantissa,
        channels.shift,
        channels.bias,
        (channels.acc_min, channels.acc_max),
        (channels.zero_point, channels.low, channels.high),
    )
    points = [*channels.thresholds.T, *(channels.thresholds.T - 1), -channels.bias]
    random = np.random.default_rng(seed).integers(
        channels.acc_min, channels.acc_max + 1, (200, channels.count)
    )
    first, last = channels.acc_min[:, np.newaxis], channels.acc_max[:, np.newaxis]
    acc = np.clip(np.concatenate([np.stack(points), random]).T, first, last)
    candidates: list[Solution] = [
        solve_linear(own, k, e, factor),
        solve_two_branch(own, k, e, factor),
        solve_late(own, k, e, factor),
        solve_direct(own),
        solve_generic(own),
        solve_m0(own),
        solve_m0_shift(own, e, two=True),
        solve_m0_shift(own, e, two=k % 2 == 0, fine=True),
    ]
    for solution in candidates:
        good = solved(solution, own)
        assert (prove(own, solution) == good).all()
        same = apply(solution, kernel_acc(solution, acc)) == own.exact(acc)
        assert same[good].all()


def test_split_of_a_channel_that_never_gets_down_to_zero() -> None:
    """One-sided, accumulators below a = 0 would give v = 0, which this channel never does."""
    channels = Channels.of(1 << 30, 10, 1, (-1, 0), (0, -128, 127))
    for fine in (False, True):
        form = solve_m0_shift(channels, 0, fine=fine)
        assert form.complete
        assert prove_m0(channels, form).all()


@settings(max_examples=60, deadline=None)
@given(channels=layers())
def test_constant_channels_are_always_solved(channels: Channels) -> None:
    flat = channels.constant
    for solution in (solve_linear(channels, 9), solve_two_branch(channels, 9), solve_m0(channels)):
        assert solution.solved[flat].all()
        u = apply(solution, np.zeros((channels.count, 1), np.int64))[:, 0]
        assert (u[flat] == channels.constant_v[flat] + channels.low + 128).all()
    assert not (channels.live & flat).any()


def sample_layer(zero_point: int = -128) -> Channels:
    rng = np.random.default_rng(5)
    mantissa = rng.integers(2**30, 2**31, 24)
    shift = rng.integers(-9, -6, 24)
    bias = rng.integers(-20000, 20000, 24)
    reach = rng.integers(60000, 200000, 24)
    return Channels.of(mantissa, shift, bias, (-reach, reach), (zero_point, -128, 127))


def test_linear_offsets_are_admissible_exactly_between_their_bounds() -> None:
    channels = sample_layer()
    form = solve_linear(channels, 11)
    assert form.complete
    for offset, exact in (
        (form.c0_min, True),
        (form.c0_max, True),
        (form.c0_min - 1, False),
        (form.c0_max + 1, False),
    ):
        assert (prove_linear(channels, replace(form, c0=offset)) == exact).all()
    coarse = replace(form, multiplier=form.multiplier + (form.multiplier >> 9))
    assert not prove_linear(channels, coarse).any()


def test_mutated_constants_are_not_proved() -> None:
    channels = sample_layer(7)
    form = solve_two_branch(channels, 11)
    assert prove_branches(channels, form).all()
    for field in ("plus", "minus"):
        for step in (1 << form.e, -(1 << form.e)):
            moved = replace(form, **{field: getattr(form, field) + step})
            assert not prove_branches(channels, moved).any()
    assert not prove_branches(channels, replace(form, b=form.b + (1 << form.k))).all()
    assert not prove_branches(channels, replace(form, minus=form.plus)).any()
    split = solve_m0(channels)
    assert prove_m0(channels, split).all()
    d = np.int64(1) << (split.shift + 2)
    for field in ("plus", "minus"):
        for change in (d, -d):
            moved_split = replace(split, **{field: getattr(split, field) + change})
            assert not prove_m0(channels, moved_split).any()
    assert not prove_m0(channels, replace(split, extra=split.extra + 1)).any()
    # One accumulator too early is wrong; too late need not be, as the formula goes on.
    for field, reached, sign in (
        ("t_low", split.t_low > INT32_MIN, 1),
        ("t_high", split.t_high < INT32_MAX, -1),
    ):
        early = replace(split, **{field: getattr(split, field) + sign})
        assert (prove_m0(channels, early) == ~reached).all()
    direct = solve_direct(channels)
    for moved_direct in (
        replace(direct, rounding=direct.rounding + 1),
        replace(direct, rounding=direct.rounding - 1),
        replace(direct, mantissa=direct.mantissa - (direct.mantissa >> 10)),
    ):
        assert not prove(channels, moved_direct).all()
    generic = solve_generic(channels)
    assert not prove(channels, replace(generic, bias=generic.bias + 1)).any()
    assert not prove(channels, replace(generic, high=5)).any()


def test_overflowing_constants_are_not_proved() -> None:
    """The right values with an addition that overflows on the way are no solution."""
    channels = Channels.of(1518500250, -9, 0, (-(2**19), 2**19))
    form = solve_linear(channels, 11)
    assert prove_linear(channels, form).all()
    wider = Channels.of(1518500250, -9, 0, (-(2**21), 2**21))
    assert not prove_linear(wider, form).any()
    assert not solve_linear(wider, 11).complete
    assert solve_linear(wider, 9).complete


def test_direct_conditions() -> None:
    """Uniform shifts are seen; constants that overflow are left out."""
    near = Channels.of(
        [1 << 30, 3 << 29, 1 << 30], -8, [0, 0, 9], ([-5000, -5000, 0], [5000, 5000, 0])
    )
    form = solve_direct(near)
    assert form.complete
    assert form.uniform
    assert not solve_direct(Channels.of(1 << 30, [-8, -9], 0, (-5000, 5000))).uniform
    limits = (-(2**29), [2**29, 2**30, 2**29])
    wide = Channels.of(1 << 30, [-20, -20, -23], 0, limits, (127, -128, 127))
    assert solve_direct(wide).solved.tolist() == [True, False, False]


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("zero_point", [-128, 40])
def test_split_products_stay_within_32_bits(zero_point: int, fine: bool) -> None:
    """No step of the formula needs a 33rd bit, whatever the accumulator."""
    channels = sample_layer(zero_point)
    two = zero_point > -128
    form = solve_m0_shift(channels, greatest_shift(channels, two=two), two=two, fine=fine)
    assert form.solved.sum() >= channels.count // 2
    column = np.s_[:, np.newaxis]
    acc = np.random.default_rng(3).integers(
        channels.acc_min, channels.acc_max + 1, (4000, channels.count)
    )
    a = acc.T + form.bias[column]
    inside = (a >= form.t_low[column]) & (a < form.t_high[column]) & form.solved[column]
    m = form.multiplier[column]
    fraction = a * form.extra[column]
    c = np.where(a >= 0, form.plus[column], form.minus[column])
    low = (a & 255) * m + (fraction >> 8) + c
    total = (a >> 8) * m + (low >> 8)
    assert (np.abs(fraction) < 1 << 31)[inside].all()
    assert ((low >= 0) & (low < 1 << 32))[inside].all()
    least, greatest = (-(1 << 31), 1 << 31) if two else (0, 1 << 32)
    assert ((total >= least) & (total < greatest))[inside].all()
    assert (form.extra > 0).any() == fine


def test_split_uses_a_shift_for_each_channel_where_one_is_not_enough() -> None:
    channels = Channels.of([1 << 30, 1900000011, 2000000011], [-3, -9, -8], 0, (-90000, 90000))
    form = solve_m0(channels)
    assert isinstance(form, SplitProduct)
    assert form.complete
    assert prove_m0(channels, form).all()
    acc = np.arange(-90000, 90001)[np.newaxis].repeat(3, axis=0)
    assert (apply_m0(form, acc) == channels.exact(acc)).all()


@pytest.mark.parametrize(("k", "e", "factor"), [(-1, 16, 1), (8, 22, 1), (8, -1, 1), (8, 16, 0)])
def test_impossible_shifts_are_refused(k: int, e: int, factor: int) -> None:
    channels = sample_layer()
    with pytest.raises(ValueError):
        solve_linear(channels, k, e, factor)
    with pytest.raises(ValueError):
        solve_two_branch(channels, k, e, factor)
    with pytest.raises(ValueError):
        solve_m0_shift(channels, 25)
    with pytest.raises(ValueError):
        solve_m0_shift(channels, 24, two=True)
