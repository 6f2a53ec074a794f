"""What compiled kernels really read and write, and in which order: seen on emulated cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgegen.emulate.access_log import AccessLog
from edgegen.emulate.firmware import build_runner, input_file
from edgegen.emulate.machine import run_elf
from edgegen.emulate.memory import MemoryReader
from edgegen.kernels.program import KernelCall
from edgegen.target.board import Board
from tests.support.batch import Variant, model_libraries

Ints = npt.NDArray[np.int64]
NEVER = 1 << 60


@dataclass(frozen=True, eq=False)
class Touch:
    """When the bytes of one call's buffers were touched.

    Attributes:
        variant: the model.
        call: the call.
        first_write: for each byte of the output the time of its first write, or `NEVER`.
        last_read: for each input in the arena, by index, the times of its bytes' last reads, or -1.
        stray: what the call touched besides, as text; empty if all is well.
    """

    variant: Variant
    call: KernelCall
    first_write: Ints
    last_read: dict[int, Ints]
    stray: str

    @property
    def label(self) -> str:
        """Kernel and formats."""
        io = self.call.io
        formats = [*(f.text for f, n in zip(io.input_formats, self.call.inputs, strict=True) if n)]
        return f"{self.call.kernel.path} {' + '.join(formats)} -> {io.output_format.text}"


def record(group: Sequence[Variant], board: Board, folder: Path) -> list[Touch]:
    """Runs one inference of every variant and follows every call's accesses to the arena."""
    libraries = model_libraries(group, folder)
    elf = build_runner(libraries, board, workdir=folder / "image", optimize="-O2")
    files = {
        input_file(i, len(group)): b"".join(a.tobytes() for a in v.case.inputs()[0])
        for i, v in enumerate(group)
    }
    calls = [
        (variant, layer.index, layer.function_name(variant.name))
        for variant in group
        for layer in variant.compilation.package.layers
    ]
    log = AccessLog()
    marks: list[tuple[int, int]] = []
    base = 0

    def observe(number: int, memory: MemoryReader) -> None:
        nonlocal base
        base = memory.address("arena")
        marks.append((number, len(log)))

    names = [name for _, _, name in calls]
    run_elf(elf, board, files=files, layers=names, observe=observe, accesses=log).check()
    found = []
    for (number, first), (_, end) in zip(marks, [*marks[1:], (0, len(log))], strict=True):
        if number < len(calls):
            variant, index, _ = calls[number]
            found.append(_touch(variant, index, log.entries(first, end), base))
    assert len(found) == len(calls)
    return found


def _touch(variant: Variant, index: int, entries: npt.NDArray[np.void], base: int) -> Touch:
    plan = variant.compilation.plan
    call = plan.program.calls[index]
    arena = plan.arena.size
    last = np.full(arena, -1, np.int64)
    first = np.full(arena, NEVER, np.int64)
    times = np.arange(len(entries), dtype=np.int64)
    address = entries["address"].astype(np.int64) - base
    for byte in range(int(entries["size"].max(initial=0))):
        wide = entries["size"] > byte
        reads, writes = wide & (entries["written"] == 0), wide & (entries["written"] == 1)
        # Times rise, so that the last assignment to a place is the latest time.
        last[address[reads] + byte] = np.maximum(last[address[reads] + byte], times[reads])
        np.minimum.at(first, address[writes] + byte, times[writes])
    spans = {}
    for k, name in enumerate(call.inputs):
        if name is not None:
            at = plan.offset(name)
            spans[k] = slice(at, at + plan.program.buffers[name].size)
    at = plan.offset(call.output)
    output = slice(at, at + plan.program.buffers[call.output].size)
    return Touch(
        variant,
        call,
        first[output].copy(),
        {k: last[span].copy() for k, span in spans.items()},
        "",
    )
