"""Cases for tests of overlapping buffers, and plans in which two buffers lie as a test wants."""

from __future__ import annotations

import functools
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgegen.codegen.package import pack
from edgegen.kernels.order import Ints, backward_distance, forward_distance, same_place
from edgegen.kernels.program import KernelCall
from edgegen.kernels.registry import kernels
from edgegen.pipeline import Compilation
from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import round_up
from edgegen.plan.plan import ALIGNMENT, Plan
from edgegen.plan.timeline import arena_problem
from edgegen.verify.reference import evaluate
from tests.support.batch import Variant, case_graph, combinations, differences, variant
from tests.support.cases import Case, load_cases, read_case, stems
from tests.support.data import Array

_TALL = Path(__file__).with_name("tall_cases.toml")
_OPERATORS = {
    "conv2d": "CONV_2D",
    "depthwise_conv2d": "DEPTHWISE_CONV_2D",
    "fully_connected": "FULLY_CONNECTED",
} | {f"{kind}_pool2d": f"{kind.upper()}_POOL_2D" for kind in ("average", "max")}


@functools.cache
def tall_cases(stem: str) -> tuple[Case, ...]:
    """Cases of `tall_cases.toml`."""
    with _TALL.open("rb") as file:
        tables = tomllib.load(file).get(stem, [])
    return tuple(read_case(stem, _OPERATORS[stem], table) for table in tables)


LARGEST = 8
"""Cases of a stem that are looked at where not all are wanted."""

_NEWEST = {"m0+": frozenset[str](), "m3": {"armv7m"}, "m4": {"dsp"}}


def picked(core: str, most: int | None, *, rows: bool = False) -> list[Variant]:
    """Variants for a core, at most so many of each kernel and combination of formats.

    Of each stem the tall cases come first, then the largest others; without tall cases one is
    enough. Kernels that a lesser core has too are left out. Without a limit there is everything.

    Args:
        core: its name.
        most: the limit.
        rows: kernels that are made for rows, instead of those for whole images.
    """
    requires = {k.path: k.requires for k in kernels()}
    counts: Counter[object] = Counter()
    found: list[Variant] = []
    for stem in stems():
        limit = min(most or 1, len(tall_cases(stem)) or 1)
        cases = [c for c in load_cases(stem) if not c.error]
        cases.sort(key=lambda c: -sum(a.size for a in c.inputs()[0]))
        for case in (*tall_cases(stem), *(cases if most is None else cases[:LARGEST])):
            for key, by_rows in combinations(case, core).items():
                if rows != (by_rows is not None):
                    continue
                if most is None or (counts[key] < limit and _NEWEST[core] <= requires[key[0]]):
                    counts[key] += 1
                    found.append(variant(f"v{len(found)}", case, core, key))
    return found


def expected(case: Case) -> tuple[tuple[Array, ...], ...]:
    """Outputs for every vector: recorded ones, for tall cases those of the numpy reference."""
    if case not in tall_cases(case.stem):
        return case.expected()
    graph = case_graph(case)
    found = []
    for vector in case.inputs():
        values = evaluate(graph, dict(zip(graph.inputs, vector, strict=True)))
        found.append(tuple(values[name] for name in graph.outputs))
    return tuple(found)


def right(one: Variant, output: bytes) -> bool:
    """Whether a variant wrote what is expected of its case."""
    return not differences([one], [output], [expected(one.case)])


@dataclass(frozen=True)
class Distances:
    """How far apart an input and the output of a call must lie.

    Attributes:
        input_bytes: size of the input's buffer.
        output_bytes: size of the output's.
        forward: the least `input offset - output offset` from which on all is safe; None: any.
        backward: the least `end of output - end of input`; None: any.
        in_place: whether equal offsets are safe.
    """

    input_bytes: int
    output_bytes: int
    forward: int | None
    backward: int | None
    in_place: bool

    @property
    def cover(self) -> int:
        """The fewest bytes that both take together."""
        difference = np.arange(-self.output_bytes, self.input_bytes + 1)
        safe = (difference == -self.output_bytes) | (difference == self.input_bytes)
        if self.forward is None or self.backward is None:
            safe[:] = True
        else:
            safe |= -difference >= self.forward
            safe |= difference + self.output_bytes - self.input_bytes >= self.backward
            safe |= (difference == 0) & self.in_place
        low, high = (
            np.minimum(difference, 0),
            np.maximum(difference + self.output_bytes, self.input_bytes),
        )
        return int((high - low)[safe].min())


def declared(call: KernelCall, name: str, sizes: tuple[int, int]) -> Distances | None:
    """What a call promises about its input buffer `name`; None for no promise.

    Args:
        call: the call.
        name: of the buffer, which may be several of its inputs.
        sizes: bytes of the buffer and of the output's.
    """
    reads = declared_reads(call, name)
    accesses = call.order.accesses
    if reads is None or accesses is None:
        return None
    writes = accesses.writes
    return Distances(
        *sizes,
        forward_distance(reads, writes),
        backward_distance(reads, writes, *sizes),
        same_place(reads, writes),
    )


def declared_reads(call: KernelCall, name: str) -> Ints | None:
    """(time, first byte, one past the last) of all reads of a buffer; None for no promise."""
    accesses = call.order.accesses
    wanted = [k for k, n in enumerate(call.inputs) if n == name]
    if accesses is None or any(k not in accesses.reads for k in wanted):
        return None
    return np.concatenate([accesses.reads[k] for k in wanted])


def clashes(call: KernelCall, name: str, difference: int) -> bool:
    """Whether a byte of input `name` is written before its last read.

    Args:
        call: the call.
        name: of the input's buffer.
        difference: from the beginning of the input to that of the output, bytes.
    """
    reads, accesses = declared_reads(call, name), call.order.accesses
    assert reads is not None
    assert accesses is not None
    last: dict[int, int] = {}
    for time, first, end in reads.tolist():
        for byte in range(first, end):
            last[byte] = max(last.get(byte, -1), time)
    return any(
        time < last.get(byte + difference, -1)
        for time, first, end in accesses.writes.tolist()
        for byte in range(first, end)
    )


def disjoint(group: Sequence[Variant]) -> list[Variant]:
    """The same variants, planned without any overlap."""
    found = []
    for one in group:
        program = one.compilation.program
        problem = arena_problem(program, ALIGNMENT, overlap=False)
        found.append(_packed(one, one.name, Plan(program, problem, plan_arena(problem))))
    return found


def at_distance(one: Variant, name: str, index: int, buffer: str, difference: int) -> Variant:
    """A variant in which a call's output begins `difference` bytes above its input.

    All other buffers lie elsewhere.

    Args:
        one: the variant.
        name: its new name.
        index: of the call.
        buffer: its input.
        difference: a multiple of the alignment, may be negative.
    """
    program = one.compilation.program
    output = program.calls[index].output
    problem = arena_problem(program, ALIGNMENT, overlap=False)
    sizes = {b.name: b.size for b in problem.blocks}
    offsets = {buffer: max(-difference, 0), output: max(difference, 0)}
    top = round_up(max(offsets[n] + sizes[n] for n in offsets), ALIGNMENT)
    for block in problem.blocks:
        if block.name not in offsets:
            offsets[block.name] = top
            top = round_up(top + block.size, ALIGNMENT)
    arena = replace(plan_arena(problem), offsets=offsets, size=top, proved=False)
    return _packed(one, name, Plan(program, problem, arena))


def _packed(one: Variant, name: str, planned: Plan) -> Variant:
    graph = one.compilation.graph
    return Variant(name, one.case, one.label, Compilation(graph, graph, pack(planned, name), {}))


@dataclass(frozen=True)
class Pair:
    """A variant whose output lies as near its dying input as it may, and one 4 bytes nearer.

    Attributes:
        safe: at the declared distance.
        wrong: nearer, so that some byte is overwritten before its last read; None if none is.
    """

    safe: Variant
    wrong: Variant | None


def overlapping(group: Sequence[Variant]) -> Iterator[Pair]:
    """For every input of every variant's own kernel the nearest place of the output."""
    for number, one in enumerate(group):
        program = one.compilation.program
        for index, call in enumerate(program.calls):
            if call.op.stem == "reformat":
                continue
            for k, name in enumerate(dict.fromkeys(n for n in call.inputs if n is not None)):
                sizes = (program.buffers[name].size, program.buffers[call.output].size)
                found = declared(call, name, sizes)
                if found is None:
                    continue
                place = functools.partial(at_distance, one, index=index, buffer=name)
                label = f"p{number}_{index}_{k}"
                # Without any conflict the output may begin anywhere: in the middle, then.
                forward = -(sizes[0] // 2) if found.forward is None else found.forward
                distance = round_up(forward, ALIGNMENT)
                if distance >= sizes[1]:
                    continue
                safe = place(f"{label}_safe", difference=-distance)
                wrong = None
                if clashes(call, name, ALIGNMENT - distance):
                    wrong = place(f"{label}_wrong", difference=ALIGNMENT - distance)
                yield Pair(safe, wrong)
                if found.in_place and distance > 0:
                    yield Pair(place(f"{label}_place", difference=0), None)
