"""Thresholds, accumulator ranges and the instruction models, against plain definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegen.quant.fixed_point import Int64, multiply
from edgegen.quant.form import Form, agrees, saturation
from edgegen.quant.staircase import Channels, accumulator_range
from edgegen.quant.word32 import smmla, smmlar, smmul, wrap

INT32 = st.integers(-(2**31), 2**31 - 1)


def row(*values: int) -> Int64:
    return np.array([values], np.int64)


def scan(channels: Channels) -> Int64:
    """All outputs of one channel."""
    acc = np.arange(int(channels.acc_min[0]), int(channels.acc_max[0]) + 1)[np.newaxis]
    total = (acc + channels.bias[:, np.newaxis]).astype(np.int32)
    q = multiply(total, channels.mantissa[0], channels.shift[0]) + channels.zero_point
    u: Int64 = np.clip(q, channels.low, channels.high)[0] + 128
    return u


@given(
    mantissa=st.integers(2**30, 2**31 - 1)
    | st.sampled_from([2**30, 2**30 + 1, 2**31 - 1, 0])
    | st.integers(0, 30).map(lambda bits: 2**bits + 1),
    shift=st.integers(-14, 6),
    bias=st.integers(-5000, 5000) | st.sampled_from([2**30, -(2**30)]),
    start=st.integers(-6000, 3000),
    zero_point=st.integers(-128, 127),
    limits=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
)
def test_thresholds_are_where_a_scan_finds_them(
    mantissa: int, shift: int, bias: int, start: int, zero_point: int, limits: tuple[int, int]
) -> None:
    near = start if abs(bias) < 2**29 or shift > 0 else start - bias
    output = (zero_point, min(limits), max(limits))
    channels = Channels.of(mantissa, shift, bias, (near, near + 3000), output)
    if not channels.monotone[0]:
        return
    v = scan(channels) - (channels.low + 128)
    wanted = near + np.searchsorted(v, np.arange(1, channels.steps + 1), side="left")
    assert (channels.thresholds[0] == wanted).all()
    assert bool(channels.constant[0]) == (v.min() == v.max())
    assert channels.constant_v[0] == v[0]


@pytest.mark.parametrize("zero_point", [-128, 0, 100])
def test_rounding_is_away_from_zero_on_both_sides(zero_point: int) -> None:
    """A factor of exactly 1/2: ties at every odd accumulator."""
    channels = Channels.of(1 << 30, 0, 0, (-600, 600), (zero_point, -128, 127))
    acc = np.arange(-600, 601)
    half = np.sign(acc) * ((np.abs(acc) + 1) // 2)
    single = np.floor(acc / 2 + 0.5).astype(np.int64)
    # With a shift of 0 there is one rounding only, half up; with -1, the second one is away from 0.
    assert (
        channels.exact(acc[np.newaxis])[0] == np.clip(single + zero_point, -128, 127) + 128
    ).all()
    twice = replace(channels, mantissa=row((1 << 31) - 1)[0], shift=row(-1)[0])
    assert (twice.exact(acc[np.newaxis])[0] == np.clip(half + zero_point, -128, 127) + 128).all()


def test_wrapping_channels_are_found() -> None:
    edge = 2**31 - 1
    bias = [edge - 10, edge - 9, -(2**31) + 5, -(2**31) + 4, 0, 0]
    shift = [0, 0, -5, -5, 3, 3]
    top = [10, 10, 0, 0, 2**28 - 1, 2**28]
    channels = Channels.of(1 << 30, shift, bias, ([-5, -5, -5, -5, 0, 0], top))
    assert channels.monotone.tolist() == [True, False, True, False, True, False]


def test_accumulator_range() -> None:
    weights = [[1, -2, 3], [0, 0, 0], [-1, -1, -1]]
    least, greatest = accumulator_range(weights)
    assert least.tolist() == [-510, 0, -765]
    assert greatest.tolist() == [1020, 0, 0]
    least, greatest = accumulator_range(weights, [5, 0, 1], [5, 2, 4])
    assert least.tolist() == [5 - 4 + 3, 0, -5 - 2 - 4]
    assert greatest.tolist() == [5 + 12, 0, -5 - 1]


def test_channels_are_checked() -> None:
    with pytest.raises(ValueError, match="out of range"):
        Channels.of(-5, 0, 0, (0, 1))
    with pytest.raises(ValueError, match="out of range"):
        Channels.of(1 << 30, 31, 0, (0, 1))
    with pytest.raises(ValueError, match="empty"):
        Channels.of(1 << 30, 0, 0, (1, 0))
    with pytest.raises(ValueError, match="empty"):
        Channels.of(1 << 30, 0, 0, (0, 1), (0, 5, 4))
    with pytest.raises(ValueError, match="32-bit"):
        Channels.of(1 << 30, 0, 0, (0, 1 << 40))
    with pytest.raises(ValueError, match="one length"):
        Channels(row(1 << 30)[0], row(0, 0)[0], row(0)[0], row(0)[0], row(1)[0])


def test_padding_and_selecting() -> None:
    channels = Channels.of(1 << 30, -3, [1, 2, 3], (-9, 9))
    padded = channels.padded(4)
    assert padded.count == 4
    assert padded.constant.tolist() == [False, False, False, True]
    assert padded.padded(4).count == 4
    assert padded.select(np.array([2])).bias.tolist() == [3]


@pytest.mark.parametrize(
    ("limits", "greatest", "expected"),
    [
        ((-128, 127), None, (8, None, 0)),
        ((0, 127), None, (7, None, 128)),
        ((-28, 3), None, (5, None, 100)),
        ((-128, 100), None, (8, 228, 0)),
        ((-128, 100), 228, (8, None, 0)),
        ((-128, 100), 229, (8, 228, 0)),
        ((5, 5), None, (8, 0, 133)),
    ],
)
def test_saturation(
    limits: tuple[int, int], greatest: int | None, expected: tuple[int, int | None, int]
) -> None:
    s = saturation(*limits, greatest)
    assert (s.bits, s.ceiling, s.offset) == expected
    x = np.arange(-300, (greatest or 600) + 1)
    assert (s.apply(x) == np.clip(x, 0, limits[1] - limits[0]) + limits[0] + 128).all()


@given(x=INT32, y=INT32, add=INT32)
def test_instructions(x: int, y: int, add: int) -> None:
    def signed(value: int) -> int:
        return (value + 2**31) % 2**32 - 2**31

    a, b, c = np.array([x]), np.array([y]), np.array([add])
    assert wrap(a + c)[0] == signed(x + add)
    assert smmul(a, b)[0] == (x * y) >> 32
    assert smmla(a, b, c)[0] == signed(((add << 32) + x * y) >> 32)
    assert smmlar(a, b, c)[0] == signed(((add << 32) + x * y + 2**31) >> 32)


def test_the_proof_sees_a_single_wrong_accumulator() -> None:
    """Wrong by one at one threshold, anywhere, or with a false claim of constancy."""
    channels = Channels.of(1518500250, -4, 37, (-4000, 5000), (-3, -128, 127))
    none = np.zeros((1, 0), np.int64)
    form = Form(constant=np.array([False]), solved=np.array([True]))
    assert agrees(channels, form, channels.exact, none).all()
    some = channels.thresholds[0, ::12]
    for wrong in [*some, *(some - 1), -4000, 5000]:

        def kernel(acc: Int64, wrong: int = int(wrong)) -> Int64:
            return np.where(acc == wrong, channels.exact(acc) + 1, channels.exact(acc))

        reached = -4000 <= wrong <= 5000
        assert bool(agrees(channels, form, kernel, none).all()) != reached
    constant = Form(constant=np.array([True]), solved=np.array([True]))
    assert not agrees(channels, constant, channels.exact, none).any()
