"""For every kernel that a core has, a small program that uses it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from edgegen.ir import Op
from edgegen.kernels.program import Program
from edgegen.kernels.registry import AnyKernel, kernels
from edgegen.target.choices import Choice, Objective, choices
from edgegen.target.cores import Core
from edgegen.target.select import select
from tests.support.batch import case_graph
from tests.support.cases import load_cases, stems


def each_kernel(core: Core, names: str = "") -> Iterator[tuple[AnyKernel, Program]]:
    """Each kernel with a program of the first operator case that it accepts.

    Kernels of operators without such cases, which only ONNX models have, are left out; so are those
    whose names do not begin as the regular expression `names` says.
    """
    for kernel in kernels():
        if not kernel.requires <= core.features or kernel.op.stem not in stems():
            continue
        if not re.match(names, kernel.name):
            continue
        for case in (c for c in load_cases(kernel.op.stem) if not c.error):
            graph = case_graph(case)
            offers = choices(graph.ops[0], graph.io(graph.ops[0]), core, Objective())[0]
            if any(choice.kernel.path == kernel.path for choice in offers):
                allow = functools.partial(_is, kernel)
                yield kernel, select(graph, core, "speed", allow=allow)
                break


def _is(kernel: AnyKernel, op: Op, choice: Choice) -> bool:
    return op.stem != kernel.op.stem or choice.kernel.path == kernel.path
