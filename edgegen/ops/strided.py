"""Loops over strided operands as attributes of operators, and whether they stay inside tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.errors import Problem
from edgegen.ir import Tensor
from edgegen.ir.types import Array

Steps = tuple[int, ...]


def strides(shape: Sequence[int]) -> Steps:
    """Elements between neighbours along each dimension of a dense tensor.

    >>> strides((2, 3, 4))
    (12, 4, 1)
    """
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> Steps:
    """`strides` of a tensor that is broadcast to `target`: 0 where it repeats.

    >>> broadcast_strides((3, 1), (2, 3, 4))
    (0, 1, 0)
    """
    lead = len(target) - len(shape)
    own = (0,) * lead + strides(shape)
    padded = (1,) * lead + tuple(shape)
    return tuple(0 if p == 1 and t != 1 else s for p, t, s in zip(padded, target, own, strict=True))


def reach(sizes: Sequence[int], steps: Sequence[int]) -> tuple[int, int]:
    """The lowest and the highest offset that a nest of loops visits.

    >>> reach((2, 3), (3, -1))
    (-2, 3)
    """
    ends = [(size - 1) * step for size, step in zip(sizes, steps, strict=True)]
    return sum(min(e, 0) for e in ends), sum(max(e, 0) for e in ends)


def nest_problems(tensor: Tensor, sizes: Sequence[int], steps: Sequence[int]) -> list[Problem]:
    """Checks that loops have steps and visit elements of a tensor only."""
    if len(sizes) != len(steps) or min(sizes, default=1) < 1:
        return [Problem(f"loops {list(sizes)} with steps {list(steps)}")]
    low, high = reach(sizes, steps)
    if low < 0 or high >= tensor.type.elements:
        return [Problem(f"elements {low} to {high} are not all in {tensor.name!r} {tensor.type}")]
    return []


def view(x: Array, sizes: Sequence[int], steps: Sequence[int]) -> npt.NDArray[Any]:
    """The elements of a dense tensor that a nest of loops visits, one axis a loop; read-only."""
    flat = np.ascontiguousarray(x).ravel()
    strides = tuple(step * flat.itemsize for step in steps)
    return np.lib.stride_tricks.as_strided(flat, tuple(sizes), strides, writeable=False)


def offsets(sizes: Sequence[int], steps: Sequence[int]) -> npt.NDArray[np.int64]:
    """The offset of every iteration of a nest of loops, in order, [product of sizes]."""
    at = np.zeros(1, np.int64)
    for size, step in zip(sizes, steps, strict=True):
        at = (at[:, np.newaxis] + np.arange(size, dtype=np.int64) * step).ravel()
    return at
