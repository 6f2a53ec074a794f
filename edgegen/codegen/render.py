"""Package to the text of every generated file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from edgegen import __version__
from edgegen.codegen.environment import render
from edgegen.codegen.filters import wrap_values
from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.codegen.views import ArrayView, model_view
from edgegen.plan.plan import ALIGNMENT
from edgegen.verify.reference import RAMP_OFFSET, evaluate, ramp


def render_library(package: Package) -> dict[str, str]:
    """The C library and its packaging files, text by file name."""
    files = _sources(package)
    title = f'The neural network "{package.name}"'
    return {**files, **_packaging(package.name, title, files)}


def bundle_files(name: str, packages: Sequence[Package], layout: Layout) -> dict[str, str]:
    """Several libraries with what they share, text by file name.

    Args:
        name: prefix of what they share.
        packages: the models.
        layout: the shared arena's section and owner.
    """
    files: dict[str, str] = {}
    for package in packages:
        files |= _sources(package)
    names = [package.name for package in packages]
    view = {
        "name": name,
        "NAME": name.upper(),
        "version": __version__,
        "layout": layout,
        "models": [(n, Layout(owner=layout.owner, group=name).arena_pointer(n)) for n in names],
        "arena_bytes": max(package.plan.arena.size for package in packages),
        "alignment": ALIGNMENT,
    }
    files[f"{name}.h"] = render("bundle.h.j2", **view)
    files[f"{name}.c"] = render("bundle.c.j2", **view)
    return {**files, **_packaging(name, f"The neural networks {', '.join(names)}", files)}


def _packaging(name: str, title: str, files: Iterable[str]) -> dict[str, str]:
    view = {
        "name": name,
        "title": title,
        "version": __version__,
        "sources": [f for f in files if f.endswith(".c")],
    }
    return {
        "CMakeLists.txt": render("packaging/CMakeLists.txt.j2", **view),
        "library.json": render("packaging/library.json.j2", **view),
    }


def _sources(package: Package) -> dict[str, str]:
    view = model_view(package)
    name = package.name
    return {
        f"{name}.h": render("model.h.j2", **view),
        f"{name}.c": render("model.c.j2", **view),
        f"{name}_weights.h": render("weights.h.j2", **view),
        f"{name}_weights.c": render("weights.c.j2", **view),
        f"{name}_selftest.c": render("selftest.c.j2", **view, **_selftest(package)),
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
