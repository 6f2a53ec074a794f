"""ADD on int8, int16 and float32, with broadcasting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgegen.ops.additive import LEFT_SHIFT, Additive

__all__ = ["LEFT_SHIFT", "Add"]


@dataclass(frozen=True)
class Add(Additive):
    """Sum of two tensors."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "add"
    sources: ClassVar[tuple[str, ...]] = ("ADD",)
    sign: ClassVar[int] = 1
    max_rank: ClassVar[int] = 6
