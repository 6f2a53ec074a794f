"""Many small models compiled and run in one program: the host and emulated rungs of operator cases.

Every case is compiled once for each kernel and combination of formats that accepts it, with
`reformat` steps at its borders, so that all kernels meet all cases and not just the cheapest does.
"""

from __future__ import annotations

import collections
import functools
import subprocess
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegen.codegen.package import Package, pack
from edgegen.codegen.render import render_library
from edgegen.codegen.views import ports
from edgegen.emulate.firmware import ModelLibrary, Port, build_runner, input_file, output_file
from edgegen.emulate.machine import run_elf
from edgegen.frontends import tflite
from edgegen.frontends.build import build
from edgegen.ir import Graph, Op, OpIO
from edgegen.kernels.formats import DENSE, Format
from edgegen.kernels.program import Program
from edgegen.kernels.rows import ByRows
from edgegen.pipeline import Compilation
from edgegen.plan.plan import plan
from edgegen.target.board import Board
from edgegen.target.choices import Choice, Objective, choices
from edgegen.target.cores import CORES, Core
from edgegen.target.lay_out import Builder, Step
from edgegen.target.select import owners, select
from edgegen.target.streams import row_choices
from edgegen.verify.host import SANITIZERS, WARNINGS
from edgegen.verify.tolerance import differing
from tests.support.cases import Case, load_cases
from tests.support.data import Array


@dataclass(frozen=True, eq=False)
class Variant:
    """A case compiled with one kernel and combination of formats."""

    name: str
    case: Case
    label: str
    compilation: Compilation


@functools.cache
def case_graph(case: Case) -> Graph:
    return build(tflite.read(case.model_bytes()), "case")


Combination = tuple[str, tuple[Format, ...], Format]
"""A kernel's path, the formats of its inputs and of its output."""


def variants(
    stem: str,
    core_name: str,
    kernel: str | None = None,
    cases: Sequence[Case] | None = None,
    graph_of: Callable[[Case], Graph] = case_graph,
    limit: int | None = None,
) -> list[Variant]:
    """Variants of a stem's cases for a core.

    Args:
        stem: the operator's.
        core_name: the core.
        kernel: only variants of this one.
        cases: the cases; all that the oracle accepts when None.
        graph_of: makes the graph of a case.
        limit: at most so many of each kernel and output format.
    """
    if cases is None:
        cases = [c for c in load_cases(stem) if not c.error]
    seen: collections.Counter[str] = collections.Counter()
    found = []
    for number, case in enumerate(cases):
        keys = combinations(case, core_name, graph_of)
        if not keys and kernel is None:  # an alias: nothing to choose
            keys = {("", (), DENSE): None}
        for i, key in enumerate(keys):
            if kernel is not None and key[0] != f"{stem}/{kernel}":
                continue
            seen[_label(key)] += 1
            if limit is None or seen[_label(key)] <= limit:
                found.append(variant(f"c{number:03d}_{i}", case, core_name, key, graph_of))
    return found


@functools.cache
def combinations(
    case: Case, core_name: str, graph_of: Callable[[Case], Graph] = case_graph
) -> Mapping[Combination, Choice | None]:
    """Every kernel and combination of formats that a core has for a case.

    Kernels that are made for rows come with their choice, the others with None.
    """
    graph, core = graph_of(case), CORES[core_name]
    found: dict[Combination, Choice | None] = {}
    for op in graph.ops:
        io = graph.io(op)
        found |= {_key(choice): None for choice in choices(op, io, core, Objective())[0]}
        turn = zlib.crc32(case.id.encode())
        found |= {_key(choice): choice for choice in row_kernel_choices(op, io, core, turn)}
    return found


def variant(
    name: str,
    case: Case,
    core_name: str,
    key: Combination,
    graph_of: Callable[[Case], Graph] = case_graph,
) -> Variant:
    """A case compiled with one of its combinations."""
    graph, core = graph_of(case), CORES[core_name]
    by_rows = combinations(case, core_name, graph_of).get(key)
    if by_rows is not None:
        program = program_by_rows(graph, core, by_rows)
    else:
        program = select(graph, core, "speed", Objective(), functools.partial(_is, key))
    compilation = Compilation(graph, graph, pack(plan(program), name), {})
    return Variant(name, case, _label(key), compilation)


def row_kernel_choices(op: Op, io: OpIO, core: Core, turn: int) -> Iterator[Choice]:
    """The kernels that are made for rows, each in one of its formats, which take turns."""
    offers: dict[str, list[Choice]] = {}
    for choice in row_choices(op, io, core, Objective()):
        if not isinstance(choice.kernel, ByRows):
            offers.setdefault(choice.kernel.path, []).append(choice)
    for formats in offers.values():
        yield formats[turn % len(formats)]


def program_by_rows(graph: Graph, core: Core, choice: Choice) -> Program:
    """A graph of one operator, run row by row, with conversions around it."""
    (op,) = graph.ops
    builder = Builder(graph, owners(graph), core)
    builder.call(op, Step(choice, DENSE, (), stream=0), ())
    return builder.program("speed")


def _label(key: Combination) -> str:
    return f"{key[0]} {key[2].text}" if key[0] else "alias"


def _key(choice: Choice) -> Combination:
    return choice.kernel.path, choice.formats.inputs, choice.formats.output


def _is(key: Combination, _op: Op, choice: Choice) -> bool:
    return key == _key(choice)


def _write(variant: Variant, folder: Path) -> None:
    for file, text in render_library(variant.compilation.package).items():
        if file.endswith((".c", ".h")):
            (folder / file).write_text(text, encoding="utf-8")


def _input_bytes(case: Case) -> bytes:
    return b"".join(a.tobytes() for vector in case.inputs() for a in vector)


def failures(group: Sequence[Variant], outputs: Sequence[bytes]) -> list[str]:
    """Compares raw outputs with the oracle's; one line for each variant that differs."""
    return differences(group, outputs, [v.case.expected() for v in group])


def differences(
    group: Sequence[Variant],
    outputs: Sequence[bytes],
    wanted: Sequence[Sequence[Sequence[Array]]],
) -> list[str]:
    """Compares raw outputs with arrays [variant][vector][output]."""
    wrong = []
    for variant, raw, vectors in zip(group, outputs, wanted, strict=True):
        arrays = [a for found in vectors for a in found]
        if any(a.dtype == np.float32 for a in arrays):
            wrong += _float_failures(variant, raw, arrays)
            continue
        expected = b"".join(a.tobytes() for a in arrays)
        if raw != expected:
            a, b = np.frombuffer(raw, np.uint8), np.frombuffer(expected, np.uint8)
            detail = f"{a.size} bytes instead of {b.size}"
            if a.size == b.size:
                first = int(np.flatnonzero(a != b)[0])
                detail = f"{int((a != b).sum())} bytes differ, the first is {first}"
            wrong.append(f"{variant.case.id} [{variant.label}]: {detail}")
    return wrong


def _float_failures(variant: Variant, raw: bytes, arrays: Sequence[Array]) -> list[str]:
    """Compares float32 outputs with the oracle's, each within `tolerance.RELATIVE`."""
    if len(raw) != sum(a.nbytes for a in arrays):
        return [f"{variant.case.id} [{variant.label}]: {len(raw)} bytes"]
    found, position = [], 0
    for number, wanted in enumerate(arrays):
        got = np.frombuffer(raw, wanted.dtype, wanted.size, position).reshape(wanted.shape)
        position += wanted.nbytes
        if differing(wanted, got).any():
            found.append(f"{variant.case.id} [{variant.label}]: output {number} differs")
    return found


_MAIN = """
#include <stdio.h>
static FILE *in, *out;
static int get(void *p, size_t n) { return fread(p, 1, n, in) == n; }
static void put(const void *p, size_t n) { fwrite(p, 1, n, out); }
"""


def run_on_host(
    group: Sequence[Variant], folder: Path, compiler: str = "gcc", flags: Sequence[str] = SANITIZERS
) -> list[bytes]:
    """Compiles all variants into one program and returns what each wrote."""
    main = [_MAIN]
    calls = []
    for variant in group:
        _write(variant, folder)
        name, graph = variant.name, variant.compilation.graph
        (folder / f"{name}.in").write_bytes(_input_bytes(variant.case))
        gets = " && ".join(
            f"get({p.accessor}(&arena), {p.macro}_BYTES)"
            for p in ports(variant.compilation.package, graph.inputs, "input")
        )
        puts = " ".join(
            f"put({p.accessor}(&arena), {p.macro}_BYTES);"
            for p in ports(variant.compilation.package, graph.outputs, "output")
        )
        main.append(
            f'#include "{name}.h"\n'
            f"static void run_{name}(void) {{ {name}_arena_t arena;\n"
            f'in = fopen("{name}.in", "rb"); out = fopen("{name}.out", "wb");\n'
            f"while ({gets}) {{ {name}_run(&arena); {puts} }}\n"
            f"fclose(in); fclose(out); }}\n"
        )
        calls.append(f"run_{name}();")
    main.append(f"int main(void) {{ {' '.join(calls)} return 0; }}\n")
    (folder / "main.c").write_text("\n".join(main), encoding="utf-8")
    sources = ["main.c", *(f"{v.name}{part}.c" for v in group for part in ("", "_weights"))]
    # Warnings are errors in the generated code; the harness above is no part of it.
    command = [compiler, *WARNINGS, "-O1", *flags, "-o", "program", *sources, "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    done = subprocess.run(["./program"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [(folder / f"{v.name}.out").read_bytes() for v in group]


def _views(package: Package, names: tuple[str, ...], kind: str) -> tuple[Port, ...]:
    found = ports(package, names, kind)
    return tuple(Port(p.accessor, f"{p.macro}_BYTES") for p in found)


def model_libraries(group: Sequence[Variant], folder: Path) -> list[ModelLibrary]:
    """Renders all variants into `folder`, ready for one firmware image."""
    library = folder / "library"
    library.mkdir()
    models = []
    for variant in group:
        _write(variant, library)
        name, graph, package = variant.name, variant.compilation.graph, variant.compilation.package
        sources = (library / f"{name}.c", library / f"{name}_weights.c")
        models.append(
            ModelLibrary(
                name,
                sources,
                library,
                _views(package, graph.inputs, "input"),
                _views(package, graph.outputs, "output"),
            )
        )
    return models


def run_emulated(
    group: Sequence[Variant], board: Board, folder: Path, defines: Sequence[str] = ()
) -> list[bytes]:
    """Builds one firmware image of all variants, runs it in Unicorn, returns what each wrote."""
    models = model_libraries(group, folder)
    elf = build_runner(models, board, workdir=folder / "image", optimize="-O1", defines=defines)
    count = len(group)
    files = {input_file(i, count): _input_bytes(v.case) for i, v in enumerate(group)}
    result = run_elf(elf, board, files=files).check()
    return [result.files[output_file(i, count)] for i in range(count)]


def same(a: Array, b: Array) -> bool:
    return bool(np.array_equal(a, b))
