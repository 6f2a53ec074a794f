"""What the kernels of gathering and scattering share; see `edgegen/ops/indexed.py`."""

from __future__ import annotations

from typing import Any

from edgegen.ir import OpIO
from edgegen.kernels.base import Cost
from edgegen.kernels.c_types import c_type, short_type
from edgegen.kernels.nest import Nest, nest
from edgegen.ops.indexed import Addressing

_CYCLES_PER_AXIS, _CYCLES_PER_VALUE = 16, 20
"""Rough; plain C has no rivals, the figures only rank layers."""


def indexed_cost(addressing: Addressing, values: int) -> Cost:
    """A rough cost."""
    cycles = values * (_CYCLES_PER_VALUE + _CYCLES_PER_AXIS * len(addressing.axis_sizes))
    return Cost(cycles * 3 // 4, cycles)


def indexed_nest(addressing: Addressing) -> Nest:
    """The loops with the steps of data and indices."""
    return nest(addressing.sizes, addressing.data_steps, addressing.index_steps)


def indexed_call(addressing: Addressing, io: OpIO) -> dict[str, Any]:
    """Variables of `call`."""
    return {
        "nest": indexed_nest(addressing),
        "axis_sizes": addressing.axis_sizes,
        "axis_steps": addressing.axis_steps,
        "type": c_type(io.output.type.dtype),
        "index": c_type(io.input(1).type.dtype),
    }


def indexed_routine(addressing: Addressing, io: OpIO) -> dict[str, Any]:
    """Variables of `routine`."""
    return {
        "depth": indexed_nest(addressing).depth,
        "axes": len(addressing.axis_sizes),
        "type": c_type(io.output.type.dtype),
        "index": c_type(io.input(1).type.dtype),
    }


def indexed_variant(addressing: Addressing, io: OpIO) -> str:
    """Tells routines with different variables apart."""
    kinds = f"{short_type(io.output.type.dtype)}_{short_type(io.input(1).type.dtype)}"
    return f"{kinds}_{indexed_nest(addressing).depth}d_{len(addressing.axis_sizes)}a"
