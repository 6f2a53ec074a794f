"""The demonstration: an application that runs a few inputs and prints what comes of them."""

from __future__ import annotations

from edgegen.codegen.environment import render
from edgegen.codegen.package import Package
from edgegen.codegen.views import ports, row_port
from edgegen.firmware.samples import Samples


def render_demo(package: Package, samples: Samples, *, sketch: bool = False) -> dict[str, str]:
    """The application's C files by name.

    Args:
        package: the network, placed.
        samples: what it runs, once; then it prints "done".
        sketch: whether it is an Arduino sketch: C++, `setup` and `loop` instead of `main`.
    """
    graph, layout = package.plan.program.graph, package.layout
    outputs = ports(package, graph.outputs, "output")
    named = bool(samples.labels or samples.names)
    view = {
        "name": package.name,
        "NAME": package.name.upper(),
        "layout": layout,
        "own_arena": layout.owner == "static",
        "arena": layout.arena_pointer(package.name),
        "inputs": ports(package, graph.inputs, "input"),
        "outputs": outputs,
        "rows_in": row_port(package),
        "samples": samples,
        "labelled": named and len(outputs) == 1,
        "sketch": sketch,
    }
    main = f"{package.name}_demo.ino" if sketch else "main.c"
    return {
        main: render("firmware/demo/main.c.j2", **view),
        "samples.h": render("firmware/demo/samples.h.j2", **view),
        "samples.c": render("firmware/demo/samples.c.j2", **view),
    }
