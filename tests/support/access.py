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
from tests.support.overlap import Distances, declared_reads

Ints = npt.NDArray[np.int64]
NEVER = 1 << 60


@dataclass(frozen=True, eq=False)
class Touch:
    """When a call touched the bytes of one input and of its output.

    Attributes:
        variant: the model.
        call: the call.
        name: the input's buffer.
        last_read: time of each input byte's last read, -1 for none.
        first_write: time of each output byte's first write, `NEVER` for none.
    """

    variant: Variant
    call: KernelCall
    name: str
    last_read: Ints
    first_write: Ints

    @property
    def label(self) -> str:
        """Case, kernel and formats."""
        io = self.call.io
        formats = [f.text for f, n in zip(io.input_formats, self.call.inputs, strict=True) if n]
        path = f"{self.call.kernel.path} {' + '.join(formats)} -> {io.output_format.text}"
        return f"{self.variant.case.id} {path}"

    @property
    def distances(self) -> Distances:
        """What the order of accesses demands, no more and no less."""
        read, written = self.last_read, self.first_write
        return Distances(
            len(read),
            len(written),
            _distance(read, written),
            _distance(read[::-1], written[::-1]),
            bool((_cut(written, read, NEVER) >= _cut(read, written, -1)).all()),
        )

    def broken_promises(self) -> Ints:
        """Input bytes that were read after a write that the kernel's declared order puts later."""
        reads, accesses = declared_reads(self.call, self.name), self.call.order.accesses
        assert reads is not None
        assert accesses is not None
        last = np.full(len(self.last_read), -1)
        first = np.full(len(self.first_write), NEVER)
        for time, begin, end in reads.tolist():
            np.maximum(last[begin:end], time, out=last[begin:end])
        for time, begin, end in accesses.writes.tolist():
            np.minimum(first[begin:end], time, out=first[begin:end])
        # Of all writes that came before a read, the one that is declared last.
        order = np.argsort(self.first_write, kind="stable")
        before = np.searchsorted(self.first_write[order], self.last_read)
        latest = np.append(-1, np.maximum.accumulate(first[order]))[before]
        broken: Ints = np.flatnonzero((before > 0) & (latest >= last))
        return broken


def _distance(read: Ints, written: Ints) -> int | None:
    """1 + max(i - j) over output bytes i written before input byte j was last read."""
    order = np.argsort(written, kind="stable")
    before = np.searchsorted(written[order], read)
    if not before.any():
        return None
    highest = np.append(0, np.maximum.accumulate(order))[before]
    return int((highest - np.arange(len(read)))[before > 0].max()) + 1


def _cut(values: Ints, other: Ints, fill: int) -> Ints:
    """Cut or filled up to the other's length, so that bytes at equal offsets can be compared."""
    size = max(len(values), len(other))
    return np.pad(values, (0, size - len(values)), constant_values=fill)


def record(group: Sequence[Variant], board: Board, folder: Path) -> list[Touch]:
    """Runs one inference of every variant and follows its calls' accesses to the arena.

    Kernels are compiled without knowing where their buffers lie: where a compiler can see that two
    of them do not overlap, it may change the order of accesses, and may not where they do.
    """
    libraries = model_libraries(group, folder)
    flags = "-O2 -fno-inline -fno-ipa-cp"
    elf = build_runner(libraries, board, workdir=folder / "image", optimize=flags)
    files = {
        input_file(i, len(group)): b"".join(a.tobytes() for a in v.case.inputs()[0])
        for i, v in enumerate(group)
    }
    calls = [(v, layer) for v in group for layer in v.compilation.package.layers]
    log = AccessLog()
    marks: list[tuple[int, int]] = []
    base = 0

    def observe(number: int, memory: MemoryReader) -> None:
        nonlocal base
        base = memory.address("arena")
        marks.append((number, len(log)))

    names = [layer.function_name(v.name) for v, layer in calls]
    run_elf(elf, board, files=files, layers=names, observe=observe, accesses=log).check()
    ran = [number for number, _ in marks if number < len(calls)]
    assert ran == list(range(len(calls)))
    found = []
    for (number, first), (_, end) in zip(marks, [*marks[1:], (0, len(log))], strict=True):
        if number < len(calls):
            one, layer = calls[number]
            found += _touches(one, layer.index, log.entries(first, end), base)
    return found


def _touches(one: Variant, index: int, entries: npt.NDArray[np.void], base: int) -> list[Touch]:
    plan = one.compilation.plan
    call = plan.program.calls[index]
    last = np.full(plan.arena.size, -1, np.int64)
    first = np.full(plan.arena.size, NEVER, np.int64)
    times = np.arange(len(entries), dtype=np.int64)
    address = entries["address"].astype(np.int64) - base
    for byte in range(int(entries["size"].max(initial=0))):
        for written, rule, found in ((0, np.maximum, last), (1, np.minimum, first)):
            chosen = (entries["size"] > byte) & (entries["written"] == written)
            rule.at(found, address[chosen] + byte, times[chosen])

    def part(values: Ints, buffer: str) -> Ints:
        at = plan.offset(buffer)
        return values[at : at + plan.program.buffers[buffer].size]

    inputs = dict.fromkeys(n for n in call.inputs if n is not None)
    return [Touch(one, call, n, part(last, n), part(first, call.output)) for n in inputs]
