"""Package to the text of every generated file."""

from __future__ import annotations

import numpy as np

from edgegen.codegen.environment import render
from edgegen.codegen.filters import wrap_values
from edgegen.codegen.package import Package
from edgegen.codegen.views import ArrayView, model_view
from edgegen.verify.reference import RAMP_OFFSET, evaluate, ramp


def render_library(package: Package) -> dict[str, str]:
    """The C library and its packaging files, text by file name."""
    view = model_view(package)
    name = package.name
    return {
        f"{name}.h": render("model.h.j2", **view),
        f"{name}.c": render("model.c.j2", **view),
        f"{name}_weights.h": render("weights.h.j2", **view),
        f"{name}_weights.c": render("weights.c.j2", **view),
        f"{name}_selftest.c": render("selftest.c.j2", **view, **_selftest(package)),
        "CMakeLists.txt": render("packaging/CMakeLists.txt.j2", **view),
        "library.json": render("packaging/library.json.j2", **view),
    }


def _selftest(package: Package) -> dict[str, object]:
    """The golden vector: outputs of the numpy reference for the ramp input."""
    graph = package.plan.program.graph
    values = evaluate(graph, {n: ramp(graph.tensor(n).type) for n in graph.inputs})
    expected = []
    for name in graph.outputs:
        raw = np.frombuffer(values[name].tobytes(), np.uint8)
        values_text = wrap_values(map(str, raw.tolist()), indent=8)
        expected.append(ArrayView(name, "uint8_t", raw.size, name, values_text))
    return {"selftest": expected, "selftest_offset": RAMP_OFFSET}
