"""Compiles a generated library with the host's C compiler and runs it, every layer recorded."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgegen.codegen.environment import render
from edgegen.codegen.package import Package
from edgegen.codegen.render import render_library
from edgegen.codegen.views import model_view
from edgegen.errors import ToolError, VerificationError
from edgegen.ir import Graph, TensorType
from edgegen.ir.types import Array
from edgegen.kernels.formats import DENSE, Format
from edgegen.kernels.program import Program

WARNINGS = (
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wdouble-promotion",
    "-Werror",
)
HEAD = struct.Struct("=ii")
"""What the harness puts before each part: the layer's number and the part's bytes."""
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


@dataclass(frozen=True)
class HostProgram:
    """A compiled library with the recording harness around it."""

    executable: Path
    program: Program

    def run(self, batches: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
        """Runs one inference for each batch of graph inputs.

        Returns:
            For each inference every layer's output and every graph output, by tensor name.

        Raises:
            VerificationError: the program failed, for example under a sanitizer.
        """
        graph = self.program.graph
        stdin = b"".join(b[n].tobytes() for b in batches for n in graph.inputs)
        done = subprocess.run(
            [str(self.executable)], input=stdin, capture_output=True, check=False, timeout=600
        )
        if done.returncode:
            raise VerificationError(
                f"the compiled library failed with code {done.returncode}: "
                + done.stderr.decode(errors="replace")[-2000:]
            )
        return list(_split(self.program, done.stdout, len(batches)))


def _split(program: Program, raw: bytes, count: int) -> Iterator[dict[str, Array]]:
    """Puts the harness's output together again: layers, by rows or whole, and graph outputs."""
    graph = program.graph
    position = 0
    for _ in range(count):
        layers = [bytearray() for _ in program.calls]
        outputs: list[bytes] = []
        while len(outputs) < len(graph.outputs):
            if position + HEAD.size > len(raw):
                raise VerificationError("the compiled library wrote too little output")
            layer, size = HEAD.unpack_from(raw, position)
            position += HEAD.size
            part = raw[position : position + size]
            position += size
            if layer < 0:
                outputs.append(part)
            else:
                layers[layer] += part
        values: dict[str, Array] = {}
        for call, stored in zip(program.calls, layers, strict=True):
            form = program.buffers[call.output].format
            values[call.io.output.name] = _decode(form, bytes(stored), call.io.output.type)
        for name, part in zip(graph.outputs, outputs, strict=True):
            values[name] = _decode(DENSE, part, graph.tensor(name).type)
        yield values
    if position != len(raw):
        raise VerificationError("the compiled library wrote too much output")


def _decode(form: Format, stored: bytes, kind: TensorType) -> Array:
    if not form.size(kind) - form.slack <= len(stored) <= form.size(kind):
        raise VerificationError(f"a layer wrote {len(stored)} bytes of {form.size(kind)}")
    return form.decode(stored, kind)


def find_compiler(wanted: str | None = None) -> str:
    """The host's C compiler: `wanted`, else $CC, else cc, gcc or clang.

    Raises:
        ToolError: there is none.
    """
    candidates = [wanted] if wanted else [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    for name in candidates:
        if name and shutil.which(name):
            return name
    raise ToolError(
        f"no C compiler {' or '.join(filter(None, candidates))} found; "
        "on Debian or Ubuntu: apt-get install gcc"
    )


@contextmanager
def host_program(
    package: Package, *, compiler: str | None = None, flags: Sequence[str] = ("-O2",)
) -> Iterator[HostProgram]:
    """Compiles `package` in a temporary folder that lives as long as the context.

    Args:
        package: what to compile.
        compiler: a C compiler's name; the host's default when None.
        flags: optimisation and sanitizer flags; `WARNINGS` are always added.

    Raises:
        ToolError: no compiler, or the code does not compile clean.
    """
    command = find_compiler(compiler)
    with tempfile.TemporaryDirectory(prefix="edgegen-host-") as folder:
        root = Path(folder)
        view = model_view(package)
        for name, text in render_library(package).items():
            (root / name).write_text(text, encoding="utf-8")
        (root / "harness.c").write_text(render("verify/harness.c.j2", **view), encoding="utf-8")
        executable = root / "harness"
        done = subprocess.run(
            [
                command,
                *WARNINGS,
                *flags,
                f"-D{package.name.upper()}_TRACE",
                f"-D{package.name.upper()}_FRAME",
                "-o",
                str(executable),
                "harness.c",
                *(f"{package.name}{part}.c" for part in ("", "_weights", "_selftest")),
                "-lm",
            ],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ToolError(f"{command} rejects the generated C:\n{done.stderr[:4000]}")
        yield HostProgram(executable, package.plan.program)


def graph_inputs(graph: Graph, first: Array) -> dict[str, Array]:
    """A batch for a graph of one input."""
    (name,) = graph.inputs
    return {name: first}
