"""Histograms and observers against brute force on the values themselves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegen.quantise.histogram import MAX_BINS, Histogram
from edgegen.quantise.layers import Float64, dequantised, quantised
from edgegen.quantise.observers import OBSERVERS, PERCENTILE, Range, parameters, real_range

FINITE = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1e-7, -1e-30, 1e-300])


def histogram_of(*parts: Float64) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(part)
    return histogram


def real_error(values: Float64, span: Range) -> float:
    """The squared error of int8 with a range, value by value."""
    quant = parameters(span)
    image = dequantised(quantised(values, quant), quant).astype(np.float64)
    return float(np.sum((values - image) ** 2))


def distributions() -> list[tuple[str, Float64]]:
    random = np.random.default_rng(3)
    normal = random.normal(size=20_000)
    tailed = random.standard_t(2, size=20_000)
    return [
        ("normal", normal),
        ("rectified", np.maximum(normal, 0)),
        ("one sided", np.abs(normal) + 1),
        ("negative", -np.abs(tailed)),
        ("heavy tails", tailed),
        ("rectified heavy tails", np.maximum(tailed, 0)),
        ("uniform", random.uniform(-3, 5, 20_000)),
    ]


@given(st.lists(st.lists(FINITE, min_size=1, max_size=20), min_size=1, max_size=8))
@settings(deadline=None)
def test_a_histogram_depends_on_the_values_alone(parts: list[list[float]]) -> None:
    arrays = [np.array(p) for p in parts]
    forwards, backwards = histogram_of(*arrays), histogram_of(*arrays[::-1])
    at_once = histogram_of(np.concatenate(arrays))
    for other in (backwards, at_once):
        assert forwards.width == other.width
        np.testing.assert_array_equal(forwards.centres, other.centres)
        np.testing.assert_array_equal(forwards.bins, other.bins)


@given(st.lists(FINITE, min_size=1, max_size=200))
@settings(deadline=None)
def test_every_value_is_in_its_bin(values: list[float]) -> None:
    array = np.array(values)
    histogram = histogram_of(array)
    assert len(histogram.bins) <= MAX_BINS
    assert (histogram.low, histogram.high) == (array.min(), array.max())
    assert histogram.count == histogram.bins.sum() == array.size
    assert histogram.zeros == np.count_nonzero(array == 0)
    edges = (
        histogram.centres[0]
        - histogram.width / 2
        + histogram.width * np.arange(len(histogram.bins) + 1)
    )
    inside = [np.count_nonzero((array >= a) & (array < b)) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(histogram.bins, inside)


def test_bins_are_fine_enough_for_eight_bits() -> None:
    for _, values in distributions():
        histogram = histogram_of(values)
        assert (values.max() - values.min()) / histogram.width > 1024


@given(FINITE, FINITE)
def test_parameters_represent_zero_and_the_range(a: float, b: float) -> None:
    span = (min(a, b), max(a, b))
    quant = parameters(span)
    assert quant.scale == float(np.float32(quant.scale)) > 0
    assert -128 <= quant.zero_point <= 127
    low, high = real_range(quant)
    assert low <= 0 <= high
    # The zero point's rounding shifts the range by at most half a step.
    assert low <= min(span[0], 0) + 0.5001 * quant.scale
    assert high >= max(span[1], 0) - 0.5001 * quant.scale


def test_a_range_of_zeros_has_harmless_parameters() -> None:
    assert parameters((0.0, 0.0)).scale == 1.0


@pytest.mark.parametrize(("name", "values"), distributions(), ids=lambda v: str(v)[:24])
def test_mse_is_near_the_best_of_all_ranges(name: str, values: Float64) -> None:
    del name
    found = real_error(values, OBSERVERS["mse"](histogram_of(values)))
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    shares = np.linspace(0.2, 1, 33)
    best = min(real_error(values, (low * a, high * b)) for a in shares for b in shares)
    assert found <= best * 1.02
    assert found <= real_error(values, OBSERVERS["minmax"](histogram_of(values)))


@pytest.mark.parametrize(("name", "values"), distributions(), ids=lambda v: str(v)[:24])
def test_percentile_is_that_of_the_values(name: str, values: Float64) -> None:
    del name
    histogram = histogram_of(values)
    low, high = OBSERVERS["percentile"](histogram)
    want = np.percentile(values, [100 - PERCENTILE, PERCENTILE], method="inverted_cdf")
    assert low == pytest.approx(min(want[0], 0), abs=histogram.width)
    assert high == pytest.approx(max(want[1], 0), abs=histogram.width)


def test_entropy_gives_up_rare_outliers_for_the_bulk() -> None:
    random = np.random.default_rng(5)
    values = np.concatenate([random.normal(size=50_000), [40.0, -40.0]])
    low, high = OBSERVERS["entropy"](histogram_of(values))
    assert -20 < low < -2
    assert 2 < high < 20
    assert real_error(values[:-2], (low, high)) < real_error(values[:-2], (-40.0, 40.0)) / 4


def test_entropy_keeps_a_uniform_distribution_whole() -> None:
    values = np.linspace(-1, 1, 40_001)
    low, high = OBSERVERS["entropy"](histogram_of(values))
    assert low == pytest.approx(-1, abs=0.02)
    assert high == pytest.approx(1, abs=0.02)
