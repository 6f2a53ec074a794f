"""What gathering and scattering share: addresses made of loops and of indices read at run time.

Along a nest of loops, an address in the data is a sum of steps, and of one index for each of some
axes times that axis' step. Indices count from the end when negative; what is out of range is taken
as the nearest valid index, so that no input can make the code read or write outside its tensors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgegen.errors import Problem
from edgegen.ir import DType, Tensor
from edgegen.ir.raw import RawNode
from edgegen.ir.types import Array
from edgegen.ops.strided import nest_problems, offsets
from edgegen.quant.fixed_point import Int64


@dataclass(frozen=True)
class Addressing:
    """Where each iteration of a nest of loops finds its element of the data.

    Attributes:
        sizes: of the loops, outermost first.
        data_steps: elements of the data from one iteration to the next.
        index_steps: the same for the indices.
        axis_sizes: how many places each indexed axis has.
        axis_steps: elements of the data from one place to the next along it; the indices of all
            axes lie side by side.
    """

    sizes: tuple[int, ...]
    data_steps: tuple[int, ...]
    index_steps: tuple[int, ...]
    axis_sizes: tuple[int, ...]
    axis_steps: tuple[int, ...]

    @classmethod
    def parse(cls, node: RawNode) -> Addressing:
        """From attributes of these names."""
        names = ("sizes", "data_steps", "index_steps", "axis_sizes", "axis_steps")
        return cls(*(node.integers(name) for name in names))

    def problems(self, data: Tensor, indices: Tensor) -> list[Problem]:
        """Whether all addresses lie in the data, whatever the indices."""
        problems = []
        if indices.type.dtype not in (DType.INT32, DType.INT64):
            problems.append(Problem(f"indices are {indices.type.dtype.value}"))
        if len(self.axis_sizes) != len(self.axis_steps) or min(self.axis_sizes, default=1) < 1:
            return [*problems, Problem(f"axes {list(self.axis_sizes)} {list(self.axis_steps)}")]
        whole = (*self.sizes, *self.axis_sizes)
        problems += nest_problems(data, whole, (*self.data_steps, *self.axis_steps))
        count = max(len(self.axis_sizes), 1)
        return problems + nest_problems(indices, (*self.sizes, count), (*self.index_steps, 1))

    def addresses(self, indices: Array) -> Int64:
        """The address of every iteration, [product of sizes]."""
        at = offsets(self.sizes, self.data_steps)
        first = offsets(self.sizes, self.index_steps)
        flat = indices.ravel().astype(np.int64)
        for k, (size, step) in enumerate(zip(self.axis_sizes, self.axis_steps, strict=True)):
            index = flat[first + k]
            index = np.where(index < 0, index + size, index)
            at = at + np.clip(index, 0, size - 1) * step
        return at
