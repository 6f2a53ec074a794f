"""The golden vector of NAME_selftest.c: outputs of the numpy reference for the ramp input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgegen.codegen.filters import wrap_values
from edgegen.codegen.package import Package
from edgegen.codegen.views import ArrayView
from edgegen.ir.types import Array
from edgegen.kernels.c_types import float_literal
from edgegen.verify.reference import RAMP_OFFSET, evaluate, ramp
from edgegen.verify.tolerance import RELATIVE, allowed


@dataclass(frozen=True)
class Expected:
    """An output of the self-test; `tolerance` is the literal of a float32 output's, else None."""

    array: ArrayView
    tolerance: str | None


def selftest_view(package: Package) -> dict[str, object]:
    """Variables of the template `selftest.c.j2`."""
    graph = package.plan.program.graph
    values = evaluate(graph, {n: ramp(graph.tensor(n).type) for n in graph.inputs})
    return {
        "selftest": [_expected(name, values[name]) for name in graph.outputs],
        "selftest_offset": RAMP_OFFSET,
        "selftest_tolerance": f"{RELATIVE:g}",
    }


def _expected(name: str, value: Array) -> Expected:
    """An output of the golden vector."""
    if value.dtype == np.float32:
        text = wrap_values(map(float_literal, value.ravel().tolist()), indent=8)
        # Rounded up: what the reference's own comparison accepts must pass.
        tolerance = float_literal(allowed(value) * (1 + 1e-6))
        return Expected(ArrayView(name, "float", value.size, name, text), tolerance)
    raw = np.frombuffer(value.tobytes(), np.uint8)
    text = wrap_values(map(str, raw.tolist()), indent=8)
    return Expected(ArrayView(name, "uint8_t", raw.size, name, text), None)
