"""What becomes of an operator when the axes of its tensors are put in another order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgegen.ir.types import Array

if TYPE_CHECKING:
    from edgegen.ir.graph import Op


@dataclass(frozen=True)
class Permuted:
    """The same operator on tensors with their axes in another order.

    Attributes:
        op: with its attributes changed; names of tensors as before.
        output: the order of the output's axes: axis k is axis `output[k]` of the output before.
        data: indices of the inputs whose axes are permuted.
        constants: new values of other inputs, such as axes and paddings, by index.
    """

    op: Op
    output: tuple[int, ...]
    data: tuple[int, ...] = (0,)
    constants: Mapping[int, Array] = field(default_factory=dict)
