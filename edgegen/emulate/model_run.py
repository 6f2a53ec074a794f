"""`edgegen run`: a compiled model on an emulated board, outputs checked, every layer counted."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edgegen.codegen.layers import stream_function
from edgegen.codegen.package import Package
from edgegen.codegen.render import render_library
from edgegen.codegen.views import ports
from edgegen.emulate.firmware import ModelLibrary, Port, build_runner
from edgegen.emulate.machine import run_elf
from edgegen.emulate.memory import MemoryReader
from edgegen.emulate.result import RunResult
from edgegen.emulate.sizes import object_sizes
from edgegen.emulate.stack_bound import StackBound, stack_bound
from edgegen.emulate.toolchain import Sections
from edgegen.errors import VerificationError
from edgegen.ir.types import Array
from edgegen.kernels.program import SOURCE, Buffer, KernelCall
from edgegen.pipeline import Compilation
from edgegen.plan.liveness import Liveness
from edgegen.target.board import Board
from edgegen.verify.compare import require_equal

_IN_FLASH: Final = (".text", ".rodata", ".weights", ".vectors", ".data", ".ramfunc")
"""Sections whose bytes are in flash."""


@dataclass(frozen=True)
class FlashUse:
    """Bytes of flash in the image.

    Attributes:
        constants: the model's weights and requantisation constants.
        code: the library's instructions and read-only data besides.
        rest: start-up code, test firmware and C library.
        copied: the part of it that start-up code copies to RAM, to run there.
    """

    constants: int
    code: int
    rest: int
    copied: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.constants + self.code + self.rest


@dataclass(frozen=True)
class LayerRow:
    """What one layer did in one inference; cycles are None where the core has no cycle model."""

    index: int
    op: str
    kernel: str
    macs: int
    instructions: float
    cycles: float | None
    predicted: int


@dataclass(frozen=True)
class ModelRun:
    """The outcome of running a model on an emulated board; every output byte was right.

    Attributes:
        inferences: how many were run; the figures are means over them.
        compared: bytes compared with the reference, of all layers.
        instructions: of one inference, from the call of NAME_run to its return.
        cycles: the same, modelled at zero wait states.
        layers: by layer.
        flash: by purpose.
        arena_bytes: the library's arena.
        stack_bytes: deepest use of the stack below the caller of NAME_run, measured.
        stack: the worst case that the linked code allows.
        on_board: least and most cycles with the board's wait states, modelled; None where they
            were not asked for or cannot be modelled.
        exact: whether every byte was to be equal; float32 need only be close.
    """

    inferences: int
    compared: int
    instructions: float
    cycles: float | None
    layers: tuple[LayerRow, ...]
    flash: FlashUse
    arena_bytes: int
    stack_bytes: int
    stack: StackBound
    on_board: tuple[float, float] | None = None
    exact: bool = True


def write_library(compilation: Compilation, folder: Path) -> ModelLibrary:
    """Writes the C sources into `folder` and describes them to the test firmware."""
    folder.mkdir(parents=True, exist_ok=True)
    name = compilation.name
    for file, text in render_library(compilation.package).items():
        if file.endswith((".c", ".h")):
            (folder / file).write_text(text, encoding="utf-8")
    inputs, outputs = library_ports(compilation)
    return ModelLibrary(
        name,
        (folder / f"{name}.c", folder / f"{name}_weights.c"),
        folder,
        inputs,
        outputs,
        own_arena(compilation.package),
        sections(compilation.package),
    )


def library_ports(compilation: Compilation) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and the outputs of a library as the test firmware sees them."""
    graph = compilation.graph

    def views(names: tuple[str, ...], kind: str) -> tuple[Port, ...]:
        found = ports(compilation.package, names, kind)
        return tuple(Port(p.accessor, f"{p.macro}_BYTES") for p in found)

    return views(graph.inputs, "input"), views(graph.outputs, "output")


def own_arena(package: Package) -> str:
    """C expression of the library's own arena; empty where the caller has it."""
    return f"&{package.name}_arena" if package.layout.owner == "static" else ""


def sections(package: Package) -> Sections:
    """The linker sections that a library names."""
    layout = package.layout

    def some(name: str) -> tuple[str, ...]:
        return (name,) if name else ()

    return Sections(some(layout.arena), some(layout.weights), some(package.code_section))


def run_model(
    compilation: Compilation,
    board: Board,
    batches: Sequence[Mapping[str, Array]],
    expected: Sequence[Mapping[str, Array]],
    *,
    optimize: str = "-O2",
    wait_states: bool = False,
    compiler: str = "gcc",
) -> ModelRun:
    """Builds the firmware, runs it in Unicorn, and compares every layer's bytes.

    Args:
        compilation: what to run.
        board: where.
        batches: inputs by graph input name, one entry an inference.
        expected: the reference's tensors by name, as many.
        optimize: GCC's optimisation option.
        wait_states: also model the wait states of the board's flash.
        compiler: "gcc" or "clang".

    Raises:
        VerificationError: a byte of a layer or output differs.
        EmulationError: the firmware faulted.
        ToolError: the cross compiler or the emulator is missing.
    """
    graph = compilation.graph
    with tempfile.TemporaryDirectory(prefix="edgegen-run-") as root:
        library = write_library(compilation, Path(root) / "library")
        elf = build_runner(
            [library],
            board,
            workdir=Path(root) / "image",
            optimize=optimize,
            compiler=compiler,
            ram_code=compilation.package.kernels_in_ram,
            defines=(f"{compilation.name.upper()}_FRAME",) if graph.by_rows else (),
        )
        layers = [x.function_name(compilation.name) for x in compilation.package.layers]
        stack = stack_bound(elf, compilation.name, layers)
        recorder = _Recorder(compilation, batches)
        stdin = b"".join(b[n].tobytes() for b in batches for n in graph.inputs)
        result = run_elf(
            elf,
            board,
            files={"input.bin": stdin},
            layers=layers,
            streams=[stream_function(compilation.name, s) for s in compilation.program.streams],
            observe=recorder.observe,
            wait_states=wait_states,
        ).check()
        sizes = object_sizes(elf)
    recorder.add_outputs(result.files["output.bin"])
    compared = require_equal(compilation.program, expected, recorder.runs)
    mine = [s for s in sizes if s.section in _IN_FLASH]
    constants = sum(s.bytes for s in mine if s.name == f"{compilation.name}_weights")
    code = sum(s.bytes for s in mine if s.name == compilation.name)
    copied = sum(s.bytes for s in mine if s.section == ".ramfunc")
    flash = FlashUse(constants, code, sum(s.bytes for s in mine) - constants - code, copied)
    return _summary(compilation, result, len(batches), compared, flash, stack)


POISON: Final = 0x9D
"""Odd, so that neighbouring bytes of poison differ and all values occur."""


class _Recorder:
    """Reads each layer's output from the emulated arena when the layer has ended.

    Before a layer, or a row of one, begins, it overwrites all that the plan takes for dead: a plan
    that is wrong about it gives wrong results.
    """

    def __init__(self, compilation: Compilation, batches: Sequence[Mapping[str, Array]]) -> None:
        self.compilation = compilation
        self.batches = batches
        self.runs: list[dict[str, Array]] = [{} for _ in batches]
        self.arena = own_arena(compilation.package).removeprefix("&") or "arena"
        steps = compilation.program.steps
        self.positions = [i for i, step in enumerate(steps) if step != SOURCE]
        self.steps = [steps[i] for i in self.positions]
        self.liveness = Liveness(compilation.plan)
        self.inference, self.step = -1, 0
        self.parts: list[bytearray] = []

    def observe(self, _number: int, memory: MemoryReader) -> None:
        """A layer is about to begin, or all have ended: the step before has ended."""
        if memory.inference >= len(self.runs):
            return
        if memory.inference != self.inference:
            self.inference, self.step = memory.inference, 0
            self.parts = [bytearray() for _ in self.compilation.program.calls]
            self._poison(memory)
            return
        program = self.compilation.program
        index = self.steps[self.step]
        self.step += 1
        call, buffer = program.calls[index], program.buffers[program.calls[index].output]
        start, size = self._written(index, call, buffer)
        if size:
            address = memory.address(self.arena) + self.compilation.plan.offset(buffer.name) + start
            self.parts[index] += memory.read(address, size)
        if self.step == len(self.steps):
            self._decode()
            self._require_kept(memory)
        else:
            self._poison(memory)

    def _poison(self, memory: MemoryReader) -> None:
        """Overwrites what holds nothing that is needed from the next step on."""
        arena = memory.address(self.arena)
        for first, end in self.liveness.dead(self.positions[self.step]):
            values = np.arange(self.step, self.step + end - first, dtype=np.uint32) * POISON
            memory.write(arena + first, values.astype(np.uint8).tobytes())

    def _written(self, index: int, call: KernelCall, buffer: Buffer) -> tuple[int, int]:
        """First byte and number of bytes of what the last step added to a buffer."""
        if call.rows is None:
            return 0, buffer.size
        row = self.program_row(index)
        if call.rows.accumulates:
            return 0, buffer.size if row == call.rows.steps - 1 else 0
        return row % (buffer.ring or buffer.rows) * buffer.pitch, buffer.pitch

    def program_row(self, index: int) -> int:
        """The row that a call has just computed."""
        return self.steps[: self.step].count(index) - 1

    def _decode(self) -> None:
        program = self.compilation.program
        for call, part in zip(program.calls, self.parts, strict=True):
            form = program.buffers[call.output].format
            value = form.decode(bytes(part), call.io.output.type)
            self.runs[self.inference][call.io.output.name] = value

    def _require_kept(self, memory: MemoryReader) -> None:
        """Compares the inputs that are to survive an inference with what they were."""
        graph, program = self.compilation.graph, self.compilation.program
        for name in set(graph.inputs) & set(graph.kept):
            wanted = self.batches[memory.inference][name].tobytes()
            offset = self.compilation.plan.offset(program.buffer_of[name])
            if memory.read(memory.address(self.arena) + offset, len(wanted)) != wanted:
                raise VerificationError(f"input {name!r} was not kept")

    def add_outputs(self, raw: bytes) -> None:
        """Takes the graph outputs from what the firmware wrote."""
        graph = self.compilation.graph
        position = 0
        for run in self.runs:
            for name in graph.outputs:
                kind = graph.tensor(name).type
                part = raw[position : position + kind.bytes]
                if len(part) != kind.bytes:
                    raise VerificationError("the firmware wrote too little output")
                run[name] = np.frombuffer(part, kind.dtype.numpy).reshape(kind.shape)
                position += kind.bytes
        if position != len(raw):
            raise VerificationError("the firmware wrote too much output")


def _summary(
    compilation: Compilation,
    result: RunResult,
    inferences: int,
    compared: int,
    flash: FlashUse,
    stack: StackBound,
) -> ModelRun:
    rows = []
    for layer, count in zip(compilation.package.layers, result.layers, strict=True):
        call = layer.call
        rows.append(
            LayerRow(
                layer.index,
                call.op.origin.type,
                call.kernel.path,
                call.op.macs(call.io),
                count.instructions / inferences,
                None if count.cycles is None else count.cycles / inferences,
                call.cost.cycles,
            )
        )
    return ModelRun(
        inferences,
        compared,
        result.instructions / inferences,
        None if result.cycles is None else result.cycles / inferences,
        tuple(rows),
        flash,
        compilation.plan.arena.size,
        result.run_stack_bytes,
        stack,
        None
        if result.on_board is None
        else (result.on_board.low / inferences, result.on_board.high / inferences),
        not compilation.graph.computes_float,
    )
