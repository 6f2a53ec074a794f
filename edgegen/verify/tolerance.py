"""How far float32 results may be apart: reference and C sum in different orders."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgegen.ir.types import Array

RELATIVE = 1e-4
"""Allowed difference of float32 values, relative to the tensor's largest finite magnitude."""


def allowed(expected: Array) -> float:
    """The largest difference from `expected`, a float32 tensor, that counts as equal."""
    finite = np.abs(expected[np.isfinite(expected)].astype(np.float64))
    return RELATIVE * float(finite.max(initial=0.0))


def differing(expected: Array, actual: Array) -> npt.NDArray[np.bool_]:
    """Where two tensors differ: integers at all, float32 by more than `allowed`; NaN equals NaN."""
    if expected.dtype != np.float32:
        return np.asarray(expected != actual)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(expected.astype(np.float64) - actual.astype(np.float64)) <= allowed(expected)
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    return np.asarray(~(near | same))
