"""Plain C addition with broadcasting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.additive import ScalarAdditive
from edgegen.ops.add import Add


class ScalarAdd(ScalarAdditive[Add]):
    """See `ScalarAdditive`."""

    op: ClassVar[type[Op]] = Add

    @property
    def words(self) -> Mapping[str, str]:
        """See `ScalarAdditive.words`."""
        return {"word": "sum", "operator": "+", "title": "Adds"}
