"""Many compiled models in few C programs: the host rung of ONNX's node tests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgegen.codegen.render import render_library
from edgegen.codegen.views import ports
from edgegen.pipeline import Compilation
from edgegen.verify.host import SANITIZERS, WARNINGS
from tests.support.data import Array
from tests.support.node_tests import Prepared

UNIT = 24
"""Models in one translation unit: compilers are slow to start, and slow with huge files."""

_HEAD = """#include <stdint.h>
#include <stdio.h>
static FILE *test_in, *test_out;
static int test_get(void *p, size_t n) { return n == 0 || fread(p, 1, n, test_in) == n; }
static void test_put(const void *p, size_t n) { fwrite(p, 1, n, test_out); }
"""


def run_models(
    group: Sequence[Prepared], folder: Path, *, jobs: int = 2, sanitize: bool = True
) -> list[tuple[Array, ...]]:
    """Compiles all models with the project's warnings and runs each on its test's inputs.

    Args:
        group: models with distinct names.
        folder: an empty folder for sources and programs.
        jobs: compilers that run at a time.
        sanitize: whether address and undefined behaviour sanitizers watch.

    Returns:
        The outputs of each model.
    """
    units = [group[i : i + UNIT] for i in range(0, len(group), UNIT)]
    flags = [*WARNINGS, *(SANITIZERS if sanitize else ()), "-O1", "-c"]
    commands = []
    for number, unit in enumerate(units):
        text = [_HEAD]
        for prepared in unit:
            text += _sources(prepared.compilation, folder)
        (folder / f"unit{number}.c").write_text("\n".join(text), encoding="utf-8")
        commands.append(["gcc", *flags, f"unit{number}.c"])
    for start in range(0, len(commands), jobs):
        running = [
            subprocess.Popen(c, cwd=folder, stderr=subprocess.PIPE, text=True)
            for c in commands[start : start + jobs]
        ]
        for process in running:
            _, problems = process.communicate()
            assert process.returncode == 0, problems[:4000]
    for prepared in group:
        feed = b"".join(np.ascontiguousarray(f).tobytes() for f in prepared.feeds)
        (folder / f"{prepared.compilation.name}.in").write_bytes(feed)
    declared = [f"extern void run_{p.compilation.name}(void);" for p in group]
    calls = [f"    run_{p.compilation.name}();" for p in group]
    main = [*declared, "int main(void)", "{", *calls, "    return 0;", "}", ""]
    (folder / "main.c").write_text("\n".join(main), encoding="utf-8")
    objects = [f"unit{number}.o" for number in range(len(units))]
    extra = SANITIZERS if sanitize else ()
    link = ["gcc", *extra, "-o", "program", "main.c", *objects, "-lm"]
    for command in (link, ["./program"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
    return [_outputs(p.compilation, folder) for p in group]


def _sources(compilation: Compilation, folder: Path) -> list[str]:
    """Writes a model's headers; returns the lines that include its code and run it."""
    name, package = compilation.name, compilation.package
    for file, text in render_library(package).items():
        if file.startswith(name) and not file.endswith("_selftest.c"):
            (folder / file).write_text(text, encoding="utf-8")
    gets = " && ".join(
        f"test_get({p.accessor}(&arena), {p.macro}_BYTES)"
        for p in ports(package, compilation.graph.inputs, "input")
    )
    puts = " ".join(
        f"test_put({p.accessor}(&arena), {p.macro}_BYTES);"
        for p in ports(package, compilation.graph.outputs, "output")
    )
    return [
        f'#include "{name}.c"',
        f'#include "{name}_weights.c"',
        f"void run_{name}(void);",
        f"void run_{name}(void)",
        "{",
        f"    static {name}_arena_t arena;",
        f'    test_in = fopen("{name}.in", "rb"); test_out = fopen("{name}.out", "wb");',
        f"    if ({gets or 1}) {{ {name}_run(&arena); {puts} }}",
        "    fclose(test_in); fclose(test_out);",
        "}",
    ]


def _outputs(compilation: Compilation, folder: Path) -> tuple[Array, ...]:
    raw = (folder / f"{compilation.name}.out").read_bytes()
    found, position = [], 0
    for name in compilation.graph.outputs:
        kind = compilation.graph.tensor(name).type
        part = np.frombuffer(raw, kind.dtype.numpy, kind.elements, position)
        found.append(part.reshape(kind.shape))
        position += kind.bytes
    assert position == len(raw)
    return tuple(found)
