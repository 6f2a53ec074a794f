"""`edgegen run --shared-arena`: several models of one image on an emulated board, in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegen.bundle import Bundle
from edgegen.emulate.firmware import ModelLibrary, build_runner, input_file, output_file
from edgegen.emulate.machine import run_elf
from edgegen.emulate.model_run import library_ports, sections
from edgegen.emulate.toolchain import Sections
from edgegen.errors import VerificationError
from edgegen.ir.types import Array
from edgegen.pipeline import Compilation


@dataclass(frozen=True)
class BundleRow:
    """One model's part of a run; every output byte was right.

    Attributes:
        name: the model's C prefix.
        inferences: how many were run; the figures are means over them.
        compared: output bytes compared with the reference.
        instructions: of one inference.
        cycles: the same, modelled at zero wait states; None for a core without a model.
    """

    name: str
    inferences: int
    compared: int
    instructions: float
    cycles: float | None


def bundle_libraries(bundle: Bundle, folder: Path) -> tuple[ModelLibrary, ...]:
    """Writes a bundle's C sources into `folder` and describes them to the test firmware."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in bundle.files.items():
        if file.endswith((".c", ".h")):
            (folder / file).write_text(text, encoding="utf-8")
    found = []
    for index, c in enumerate(bundle.compilations):
        layout, used = c.package.layout, sections(c.package)
        sources = [folder / f"{c.name}.c", folder / f"{c.name}_weights.c"]
        if index == 0:
            sources.append(folder / f"{bundle.name}.c")
            used = Sections.union((used, Sections(arena=(bundle.layout.arena,))))
        inputs, outputs = library_ports(c)
        own = layout.arena_pointer(c.name) if layout.owner == "static" else ""
        found.append(
            ModelLibrary(
                c.name, tuple(sources), folder, inputs, outputs, own, used, f"{bundle.name}.h"
            )
        )
    return tuple(found)


def run_bundle(
    bundle: Bundle,
    batches: Sequence[Sequence[Mapping[str, Array]]],
    expected: Sequence[Sequence[Mapping[str, Array]]],
    *,
    optimize: str = "-O2",
) -> tuple[BundleRow, ...]:
    """Runs each model's inputs, one model after the other, and compares the outputs.

    Args:
        bundle: what to run.
        batches: for each model its inputs by graph input name, one entry an inference.
        expected: for each model the reference's tensors by name, as many.
        optimize: GCC's optimisation option.

    Raises:
        VerificationError: an output byte differs.
        EmulationError: the firmware faulted.
        ToolError: the cross compiler or the emulator is missing.
    """
    count = len(bundle.compilations)
    stdin = {
        input_file(i, count): b"".join(b[n].tobytes() for b in batches[i] for n in c.graph.inputs)
        for i, c in enumerate(bundle.compilations)
    }
    with tempfile.TemporaryDirectory(prefix="edgegen-run-") as root:
        libraries = bundle_libraries(bundle, Path(root) / "library")
        ram = any(p.kernels_in_ram for p in bundle.packages)
        elf = build_runner(
            libraries, bundle.board, workdir=Path(root) / "image", optimize=optimize, ram_code=ram
        )
        result = run_elf(elf, bundle.board, files=stdin).check()
    counts = {model.index: model for model in result.models}
    rows = []
    for i, c in enumerate(bundle.compilations):
        inferences, spent = len(batches[i]), counts[i].cycles
        rows.append(
            BundleRow(
                c.name,
                inferences,
                _require_outputs(c, expected[i], result.files[output_file(i, count)]),
                counts[i].instructions / inferences,
                None if spent is None else spent / inferences,
            )
        )
    return tuple(rows)


def _require_outputs(
    compilation: Compilation, expected: Sequence[Mapping[str, Array]], raw: bytes
) -> int:
    """Compares a model's output file with the reference; returns the number of bytes."""
    names = compilation.graph.outputs
    wanted = b"".join(run[name].tobytes() for run in expected for name in names)
    got, right = np.frombuffer(raw, np.uint8), np.frombuffer(wanted, np.uint8)
    if len(got) != len(right):
        raise VerificationError(
            f"{compilation.name}: {len(got)} bytes of output instead of {len(right)}"
        )
    wrong = np.flatnonzero(got != right)
    if len(wrong):
        raise VerificationError(
            f"{compilation.name}: {len(wrong)} bytes of output differ; the first is {wrong[0]}"
        )
    return len(got)
