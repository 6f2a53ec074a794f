"""Package to the text of every generated file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgegen import __version__
from edgegen.codegen.environment import render
from edgegen.codegen.layout import Layout
from edgegen.codegen.package import Package
from edgegen.codegen.selftest import selftest_view
from edgegen.codegen.views import model_view


def render_library(package: Package) -> dict[str, str]:
    """The C library and its packaging files, text by file name."""
    files = _sources(package)
    title = f'The neural network "{package.name}"'
    return {**files, **_packaging(package.name, title, files, real=_real([package]))}


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
        "alignment": max(package.plan.problem.alignment for package in packages),
        "real": _real(packages),
    }
    files[f"{name}.h"] = render("bundle.h.j2", **view)
    files[f"{name}.c"] = render("bundle.c.j2", **view)
    title = f"The neural networks {', '.join(names)}"
    return {**files, **_packaging(name, title, files, real=_real(packages))}


def _real(packages: Sequence[Package]) -> bool:
    """Whether any of the models computes on float32."""
    return any(package.plan.program.graph.computes_float for package in packages)


def _packaging(name: str, title: str, files: Iterable[str], *, real: bool) -> dict[str, str]:
    view = {
        "name": name,
        "title": title,
        "version": __version__,
        "real": real,
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
        f"{name}_selftest.c": render("selftest.c.j2", **view, **selftest_view(package)),
    }
