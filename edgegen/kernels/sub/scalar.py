"""Plain C subtraction with broadcasting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgegen.ir import Op
from edgegen.kernels.additive import ScalarAdditive
from edgegen.ops.sub import Sub


class ScalarSub(ScalarAdditive[Sub]):
    """See `ScalarAdditive`."""

    op: ClassVar[type[Op]] = Sub

    @property
    def words(self) -> Mapping[str, str]:
        """See `ScalarAdditive.words`."""
        return {"word": "difference", "operator": "-", "title": "Subtracts"}
