"""Compares tensors, integers byte for byte, and names the first difference in the user's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgegen.errors import Problem, VerificationError
from edgegen.ir.types import Array
from edgegen.kernels.program import Program
from edgegen.verify.tolerance import differing


@dataclass(frozen=True)
class Difference:
    """The first wrong element of a run."""

    batch: int
    layer: int | None
    tensor: str
    index: tuple[int, ...]
    expected: float
    actual: float
    count: int
    place: str

    def problem(self) -> Problem:
        """The difference as an error message."""
        layer = "graph output" if self.layer is None else f"layer {self.layer}"
        return Problem(
            f"{layer} is the first to differ, input {self.batch}: {self.count} elements of "
            f"{self.tensor!r}, the first at {list(self.index)}: expected {self.expected}, "
            f"got {self.actual}",
            where=self.place,
        )


def first_difference(
    program: Program,
    expected: Sequence[Mapping[str, Array]],
    actual: Sequence[Mapping[str, Array]],
) -> Difference | None:
    """The first differing tensor in execution order of the first input that differs.

    Args:
        program: names layers and tensors.
        expected: for each inference, arrays by tensor name; a superset of `actual`'s.
        actual: for each inference, arrays by tensor name.
    """
    places: list[tuple[int | None, str, str]] = []
    for i, call in enumerate(program.calls):
        places.append((i, call.io.output.name, program.graph.where(call.op)))
    places += [(None, name, "") for name in program.graph.outputs]
    for batch, (want, got) in enumerate(zip(expected, actual, strict=True)):
        for layer, name, place in places:
            if name not in got:
                continue
            wrong = np.argwhere(differing(want[name], got[name]))
            if len(wrong):
                index = tuple(int(i) for i in wrong[0])
                return Difference(
                    batch,
                    layer,
                    name,
                    index,
                    want[name][index].item(),
                    got[name][index].item(),
                    len(wrong),
                    place,
                )
    return None


def require_equal(
    program: Program,
    expected: Sequence[Mapping[str, Array]],
    actual: Sequence[Mapping[str, Array]],
) -> int:
    """Checks that all recorded bytes agree, float32 within `tolerance.RELATIVE`.

    Returns:
        The number of bytes compared.

    Raises:
        VerificationError: naming the first wrong layer, tensor, index and values.
    """
    difference = first_difference(program, expected, actual)
    if difference is not None:
        raise VerificationError(difference.problem())
    return sum(value.nbytes for run in actual for value in run.values())
