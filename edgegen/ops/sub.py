"""SUB on int8, int16 and float32, with broadcasting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgegen.ops.additive import Additive


@dataclass(frozen=True)
class Sub(Additive):
    """The first tensor less the second."""

    has_int16: ClassVar[bool] = True
    stem: ClassVar[str] = "sub"
    sources: ClassVar[tuple[str, ...]] = ("SUB",)
    sign: ClassVar[int] = -1
    max_rank: ClassVar[int] = 5
